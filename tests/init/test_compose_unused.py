from weft.init import compose_unused as unused


def test_each_field_has_one_place() -> None:
    assert unused.READ.isdisjoint(unused.SERVICE)
    assert unused.OTHERS.isdisjoint(unused.SERVICE)
    assert unused.READ.isdisjoint(unused.OTHERS)


def test_what_compose_knows_has_a_reason_and_nothing_else_has() -> None:
    assert unused.why("privileged") == "it runs with the rights of whoever runs weft up"
    assert unused.why("cap_add") == "a setting of containers; the app is a process of this machine"
    assert unused.why("comand") == ""


def test_of_what_others_run_only_its_place_is_used() -> None:
    assert unused.why_elsewhere("ports") == ""
    assert unused.why_elsewhere("environment") == "is for whoever runs it; weft does not"
