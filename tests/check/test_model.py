from weft.check.model import Check, holds, named, none_of, skipped


def test_a_hint_is_for_what_does_not_hold() -> None:
    assert holds("a", "it is so", True, "seen", "do this") == Check("a", "it is so", "ok", "seen", "")
    assert holds("a", "it is so", False, "seen", "do this", "warn") == Check("a", "it is so", "warn", "seen", "do this")


def test_what_is_wrong_is_named() -> None:
    assert none_of("a", "b", [], "c").result == "ok"
    assert none_of("a", "b", ["x", "y"], "c") == Check("a", "b", "fail", "x, y", "c")


def test_many_names_are_counted() -> None:
    assert named([str(number) for number in range(9)]) == "0, 1, 2, 3, 4 and 4 more"


def test_what_is_skipped_says_why() -> None:
    assert (skipped("a", "b", "why").result, skipped("a", "b", "why").detail) == ("skip", "why")
