from weft.init.draft import Draft, Entry, text
from weft.resources.problem import Problem
from weft.resources.reader import read

FIELDS = {"command": ["a", "b c"], "env": {"A": "no", "B": "1"}, "publish": [1, {"local": 2, "port": 3}]}


def test_it_is_written_as_people_write() -> None:
    entries = [Entry("web", FIELDS, ["It serves."]), Entry("gone", {}, ["gone: how?"])]
    made = Draft("Procfile", entries, comments=["Hi."])
    assert text(made, "s.json") == (
        "# yaml-language-server: $schema=s.json\n"
        "# Written by `weft init` from Procfile. It is yours now.\n"
        "# Hi.\n"
        "services:\n"
        "  # It serves.\n"
        "  web:\n"
        "    command: [a, b c]\n"
        "    env:\n"
        "      A: 'no'\n"
        '      B: "1"\n'
        "    publish: [1, {local: 2, port: 3}]\n"
        "  # gone: how?\n"
    )


def test_what_is_written_reads_back() -> None:
    (node,), _ = read(text(Draft("x", [Entry("web", FIELDS)])), "w.yaml")
    assert node.value == {"services": {"web": FIELDS}}


def test_no_line_of_a_comment_runs_out_of_the_page() -> None:
    assert max(map(len, text(Draft("x", [Entry("a", {"run": "x"}, ["word " * 100])])).splitlines())) <= 120


def test_it_is_good_for_something_when_something_runs_and_nothing_is_wrong() -> None:
    warning, error = Problem("f", 1, 1, "x", severity="warning"), Problem("f", 1, 1, "x")
    assert Draft("x", [Entry("a", {"run": "x"})], [warning]).ok
    assert not Draft("x", [Entry("a", {"run": "x"})], [error]).ok
    assert not Draft("x", [Entry("a")]).ok
