import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.resources import reader
from weft.resources.reader import read

WRONG = [
    ("a: 1\na: 2\n", "f.yaml:2:1", "stands twice"),
    ("a:\n  b: 1\n  b: 2\n", "f.yaml:3:3", "first on line 2"),
    ("a: *x\n", "f.yaml:1:4", "has no anchor"),
    ("a: &x [*x]\n", "f.yaml:1:8", "contains itself"),
    ("a: &x {b: 1}\nc:\n  <<: *x\n", "f.yaml:3:3", "merge keys"),
    ("1: a\n", "f.yaml:1:1", "a key is not a string"),
    ("[1, 2]: a\n", "f.yaml:1:1", "a key is not a string"),
    ("a: [1\n", "f.yaml:2:1", "not valid YAML"),
    ("a:\n\t- b\n", "f.yaml:2:1", "spaces, not tabs"),
    ("a: b: c\n", "f.yaml:1:5", "must be quoted"),
    ("a: !thing 1\n", "f.yaml:1:4", "unknown tag"),
    ("a: !thing {b: 1}\n", "f.yaml:1:4", "unknown tag '!thing'"),
    ("a: !!python/object/apply:os.system [id]\n", "f.yaml:1:4", "unknown tag"),
    ("é: 1\nb: \x00\n", "f.yaml:2:4", "not valid YAML: a control character, U+0000"),
    ("a: 1\n\n- \x1b[31m\n", "f.yaml:3:3", "a control character, U+001B"),
    ('a: "b\\0c"\n', "f.yaml:1:4", "a value contains the character \\0"),
    ("[" * 100_000, "f.yaml:1:65", "levels deep"),
    ("{a: " * 100_000, "f.yaml:1:257", "levels deep"),
]


@pytest.mark.parametrize(("text", "place", "says"), WRONG, ids=[w[2] for w in WRONG])
def test_what_is_wrong_has_its_place(text, place, says):
    _, problems = read(text, "f.yaml")
    assert len(problems) == 1
    assert problems[0].place == place
    assert says in str(problems[0])


def test_documents_are_separated_and_empty_ones_left_out():
    nodes, problems = read("---\na: 1\n---\n---\n# nothing\n---\nb: 2\n", "f.yaml")
    assert ([n.value for n in nodes], problems) == ([{"a": 1}, {"b": 2}], [])
    assert [n.line for n in nodes] == [2, 7]


def test_values_know_where_they_stand():
    (node,), _ = read("spec:\n  rules:\n  - name: a\n  - name: b\n", "f.yaml")
    assert node.at(("spec", "rules", 1, "name")) == (4, 11)
    assert node.at_key(("spec", "rules", 1, "name")) == (4, 5)
    assert node.at(("spec", "missing")) == (2, 3)  # the deepest part that exists
    assert node.find(("spec", "rules", 5)) is None


def test_an_alias_is_the_value_of_its_anchor():
    (node,), problems = read("a: &x [1, 2]\nb: *x\n", "f.yaml")
    assert (node.value, problems) == ({"a": [1, 2], "b": [1, 2]}, [])


def test_laughs_are_counted_before_anybody_expands_them(monkeypatch):
    monkeypatch.setattr(reader, "MAX_VALUES", 10_000)
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    _, problems = read("\n".join(lines), "f.yaml")
    assert "more than 10,000 values" in problems[0].what


def test_a_text_has_a_largest_size(monkeypatch):
    monkeypatch.setattr(reader, "MAX_BYTES", 10)
    assert "more than" in read("a: 12345678910", "f.yaml")[1][0].what


def test_other_problems_of_a_file_are_kept_when_the_rest_is_unreadable():
    nodes, problems = read("a: 1\na: 2\n---\nb: [\n", "f.yaml")
    assert [n.value for n in nodes] == [{"a": 1}]
    assert [p.what.split()[0] for p in problems] == ["the", "not"]


@given(st.text(max_size=200))
def test_no_text_makes_it_fail(text):
    read(text, "f.yaml")


MERGED = "a: &a {x: 1, y: 1}\nb: &b {y: 2, z: 2}\nc: {<<: *a, y: 3}\nd:\n  y: 4\n  <<: [*a, *b]\ne: {<<: {x: 5}}\n"


def test_fields_of_others_are_merged_where_that_is_asked_for():
    (document,), problems = read(MERGED, "f.yaml", merge=True)
    assert problems == []
    assert {name: document.value[name] for name in "cde"} == {
        "c": {"y": 3, "x": 1},
        "d": {"y": 4, "x": 1, "z": 2},
        "e": {"x": 5},
    }
    assert document.at(("d", "z")) == (2, 17)


def test_in_our_files_nothing_is_merged():
    _, problems = read(MERGED, "f.yaml")
    assert [problem.line for problem in problems] == [3, 6, 7]
