import pytest

from weft.resources.reader import read
from weft.resources.variables import MAX_LENGTH, substitute

VARIABLES = {"A": "x", "PORT": "8080", "YES": "true", "EMPTY": "", "ZEROS": "010", "FLOAT": "1.10", "NO": "no"}


def become(value, variables=VARIABLES):
    (node,), _ = read(f"k:\n  - {value}\n", "w.yaml")
    problems = substitute(node, variables, "w.yaml")
    return node.value["k"][0], problems


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("${A}", "x"),
        ("a ${A} b ${A}", "a x b x"),
        ("${PORT}", 8080),
        ("'${PORT}'", 8080),
        ("${YES}", True),
        ("${NO}", "no"),
        ("${ZEROS}", "010"),
        ("${FLOAT}", "1.10"),
        ("${EMPTY}", ""),
        ("${EMPTY:-d}", "d"),
        ("${DATABASE:-}", ""),
        ("${DATABASE:-a:-b c}", "a:-b c"),
        ("${A:-d}", "x"),
        ("${A:?gone}", "x"),
        ("$${A}", "${A}"),
        ("echo $$ $A", "echo $$ $A"),
    ],
)
def test_a_variable_gives_way_to_its_value(written, value):
    found, problems = become(written)
    assert (found, type(found), problems) == (value, type(value), [])


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("${DATABASE}", "the variable DATABASE is not set\n\nhint: write DATABASE=… into .env"),
        ("${PROT}", 'the variable PROT is not set\n\nhint: did you mean "PORT"?; a shell\'s own: $${PROT}'),
        ("'${DATABASE:?where is it?}'", "DATABASE is not set: where is it?\n\nhint: write DATABASE=…"),
        ("'${EMPTY:?}'", "the variable EMPTY is empty\n\nhint: write EMPTY=…"),
        ("${}", "${} is no variable\n\nhint: write ${NAME}"),
        ("${A-b}", "${A-b} is no variable"),
        ("${A", "${A is no variable"),
        ("${DATABASE:-${A}}", "variables do not nest"),
    ],
)
def test_what_cannot_be_replaced_is_named_with_its_place(written, says):
    _, (problem,) = become(written)
    assert str(problem).startswith("error: w.yaml:2:5: ")
    assert says in str(problem)


def test_no_value_brings_a_field_with_it():
    assert become("${A}", {"A": "b\n  c: d"})[0] == "b\n  c: d"


def test_what_an_alias_leads_to_is_replaced_once_and_everywhere():
    (node,), _ = read("a: &x ['$${A}', {b: &s '${A}'}]\nc: *x\nd: *s\n", "w.yaml")
    assert substitute(node, VARIABLES, "w.yaml") == []
    assert node.value == {"a": ["${A}", {"b": "x"}], "c": ["${A}", {"b": "x"}], "d": "x"}


def test_many_uses_do_not_make_much_of_little():
    _, (problem,) = become("${A}${A}", {"A": "a" * (MAX_LENGTH // 2 + 1)})
    assert "longer than 128 KiB" in str(problem)
