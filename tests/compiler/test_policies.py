from weft.compiler.policies import POLICIES


def test_each_policy_answers_every_question():
    for policy in POLICIES:
        assert all((policy.written, policy.unmeshed, policy.older, policy.silent, policy.why)), policy.id


def test_what_protects_is_closed_when_uncertain():
    protecting = {"mtls", "access", "default", "identities"}
    assert {p.id for p in POLICIES if p.id in protecting and p.uncertain == "closed"} == protecting


def test_ids_are_unique():
    assert len({p.id for p in POLICIES}) == len(POLICIES)
