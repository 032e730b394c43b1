"""The schema and the parser are asked the same: where they differ stands why."""

import json
import re
from pathlib import Path

import jsonschema
import pytest
from pydantic import BaseModel, Field

from tests.resources.test_weftfile import EACH, PLACES, WRONG
from weft.resources.base import Model
from weft.resources.expand import expand_text
from weft.resources.gather import one_document
from weft.resources.problem import Problem
from weft.resources.schema import schema
from weft.resources.weftfile import FileService, WeftFile

ROOT = Path(__file__).parents[2]
VALIDATOR = jsonschema.Draft7Validator(schema())

# What a schema cannot say, by the words of the parser.
BETWEEN_FIELDS = "two fields, each of which is right"
BETWEEN_SERVICES = "services and their names"
INSIDE_STRINGS = "what is inside a string that is no pattern"
DIFFERENCES = {
    r"nothing to run": BETWEEN_FIELDS,
    r"say the same thing": BETWEEN_FIELDS,
    r"need a port": BETWEEN_FIELDS,
    r"where it runs is said already": BETWEEN_FIELDS,
    r"stands? for what weft does not run": BETWEEN_FIELDS,
    r"cannot listen on one port": BETWEEN_FIELDS,
    r"has no weight and others do": BETWEEN_FIELDS,
    r"which it does not have": BETWEEN_FIELDS,
    r"exactly one of http, tcp, grpc": BETWEEN_FIELDS,
    r"services is missing": BETWEEN_FIELDS,
    r"there is no service '\w+'": BETWEEN_SERVICES,
    r"name '\w+' twice": BETWEEN_SERVICES,
    r"cannot be split into words": INSIDE_STRINGS,
    r"\.run: is empty": INSIDE_STRINGS,
    r"\.run: is longer than": INSIDE_STRINGS,
    r"does not start with /": INSIDE_STRINGS,
    r"is not a host name": INSIDE_STRINGS,
    r"is an address, and needs no DNS": INSIDE_STRINGS,
    r"is neither YAML nor JSON": INSIDE_STRINGS,
    r"is not an IP address": INSIDE_STRINGS,
    r"is not the IP address of a machine": INSIDE_STRINGS,
    r"is not the name of an environment variable": INSIDE_STRINGS,
    r"0 is no time": INSIDE_STRINGS,
}


MORE = [
    "services: {a: {run: x, port: 80, health: {}}}",
    "{namespace: a, include: []}",
    "services: {a: {run: x, calls: [c]}}",
]


def agree(text: str) -> None:
    """What the schema refuses the parser refuses; what the parser refuses the schema does, or it is known why not."""
    node, problems = one_document(text, "w.yaml")
    assert node is not None, problems
    document = json.loads(json.dumps(node.value))
    seen = [error.message for error in VALIDATOR.iter_errors(document)]
    said = expand_text(text, "w.yaml").problems
    assert said if seen else all(map(explained, said)), (seen, said)


def explained(problem: Problem) -> bool:
    return any(re.search(pattern, str(problem)) for pattern in DIFFERENCES)


@pytest.mark.parametrize(("place", "field"), EACH)
def test_each_field_that_is_wrong_is_wrong_for_both(place: str, field: str) -> None:
    model, fields, around = PLACES[place]
    agree(around.format(field=model.model_fields[field].alias, value=fields[field][0]))


@pytest.mark.parametrize("service", [service for service, _ in WRONG.values()], ids=WRONG)
def test_a_service_that_is_wrong_is_wrong_for_both(service: str) -> None:
    agree(f"services:\n  a: {service}\n  b: {{run: x, port: 80}}\n")


@pytest.mark.parametrize("text", MORE)
def test_what_is_wrong_between_fields_and_services_is_for_the_parser(text: str) -> None:
    assert expand_text(text).problems
    agree(text)


def test_each_difference_is_one() -> None:
    texts = [*MORE]
    texts += [f"services:\n  a: {service}\n  b: {{run: x, port: 80}}\n" for service, _ in WRONG.values()]
    texts += [PLACES[p][2].format(field=PLACES[p][0].model_fields[f].alias, value=PLACES[p][1][f][0]) for p, f in EACH]
    said = "\n".join(str(problem) for text in texts for problem in expand_text(text).problems)
    assert [pattern for pattern in DIFFERENCES if not re.search(pattern, said)] == []


@pytest.mark.parametrize("place", PLACES)
def test_a_field_that_does_not_exist_exists_for_neither(place: str) -> None:
    agree(PLACES[place][2].format(field="colour", value="red"))


RIGHT = [
    "services: {a: {run: x}}",
    "services: {a: {run: x, port: 80, health: tcp}}",
    "services: {a: {run: x, port: 80, health: {http: /h, interval: 1m30s, start_period: 500ms}}}",
    "services: {a: {run: x, ports: [80, {port: 81, name: grpc, tls: 'off'}], publish: [1, {local: 2, port: 81}]}}",
    "services: {a: {run: x, port: 80, publish: {local: 2}, env: {N: 1, F: 1.5, B: true, S: no}}}",
    "services: {a: {run: x, depends_on: b}, b: {run: x}}",
    "services: {a: {run: x, depends_on: [b]}, b: {run: x}}",
    "services: {a: {run: x, depends_on: {b: service_started, c: {condition: service_healthy}, d: }}, "
    "b: {run: x}, c: {run: x}, d: {run: x}}",
    "services: {a: {run: x, calls: [b, other/c]}, b: {run: x, port: 1}}",
    "services: {a: {port: 80, endpoints: [{address: '2001:db8::1', weight: 2, labels: {version: v1}}]}}",
    "services: {a: {run: , command: [x], port: 80, versions: {v1: {weight: 1}, v2: {weight: 0, replicas: 0}}}}",
    "{namespace: shop, mtls: strict, access: deny, egress: refuse, services: {a: {run: x, account: b}}}",
]


@pytest.mark.parametrize("text", RIGHT)
def test_what_is_right_is_right_for_both(text: str) -> None:
    assert expand_text(text).ok, expand_text(text).problems
    agree(text)


EXAMPLES = [*ROOT.glob("examples/**/weft.yaml")]


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: str(file.relative_to(ROOT)))
def test_all_examples_are_right(file: Path) -> None:
    node, _ = one_document(file.read_text(encoding="utf-8"), str(file))
    assert node is not None
    VALIDATOR.validate(node.value)


@pytest.mark.parametrize(
    "field", ["port: ${P}", "replicas: ${N:-2}", "health: {http: /h, interval: '${T}'}", "account: ${A}"]
)
def test_a_variable_may_stand_wherever_a_value_does(field: str) -> None:
    node, _ = one_document(f"services:\n  a:\n    run: x\n    {field}\n", "w.yaml")
    assert node is not None
    VALIDATOR.validate(node.value)


def test_it_is_a_schema() -> None:
    jsonschema.Draft7Validator.check_schema(schema())


def test_every_field_says_what_it_means() -> None:
    """A new one: in `descriptions.py`, or as `Field(description=…)`."""
    whole = schema()
    models = {"WeftFile": whole, **{name: each for name, each in whole["$defs"].items() if "properties" in each}}
    fields = ((f"{name}.{field}", made) for name, each in models.items() for field, made in each["properties"].items())
    assert [name for name, made in fields if not made.get("description")] == []


def test_no_field_is_described_that_does_not_exist() -> None:
    from weft.resources.descriptions import DESCRIPTIONS

    whole = schema()
    assert set(DESCRIPTIONS) == {"WeftFile", *(n for n, each in whole["$defs"].items() if "properties" in each)}
    for name, fields in DESCRIPTIONS.items():
        each = whole if name == "WeftFile" else whole["$defs"][name]
        assert set(fields) <= set(each["properties"]), name


def test_a_field_that_was_added_is_in_it_by_itself() -> None:
    class Inner(Model):
        colour: str = Field(default="red", description="Of the door.")

    class More(WeftFile):
        doors: tuple[Inner, ...] = ()
        services: dict[str, FileService] = Field(default_factory=dict)

    made = schema(More)
    assert made["properties"]["doors"] == {"items": {"$ref": "#/$defs/Inner"}, "type": "array"}
    assert made["$defs"]["Inner"]["properties"]["colour"]["description"] == "Of the door."
    assert issubclass(More, BaseModel)


def test_times_are_written_as_people_write_them() -> None:
    assert schema()["$defs"]["FileHealth"]["properties"]["interval"]["default"] == "10s"
