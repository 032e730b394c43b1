"""Options, file and what was kept: which part of the mesh this machine is."""

from pathlib import Path

import pytest

from weft.identity.machines import Grant, MachineToken
from weft.resources.expand import Expanded, expand_text
from weft.run.controller import Failed
from weft.run.member import Member
from weft.run.where import Asked, Where, warnings, where

# On this machine, and not.
HERE, THERE = "127.61.18.6", "192.0.2.1"


def file(controller: str = "", machine: str = "b", more: str = "") -> Expanded:
    head = f"controller: {controller}\n" if controller else ""
    services = f"services: {{a: {{run: x, port: 80}}, far: {{run: x, port: 80, machine: {machine}}}}}"
    expanded = expand_text(f"{head}{more}{services}")
    assert expanded.ok, expanded.problems
    return expanded


def token(controller: str = HERE) -> MachineToken:
    grants = (Grant("default", "far", "default/far"),)
    return MachineToken("1", "s", f"{controller}:15010", f"{controller}:15011", "ab", "t", "b", grants, 0, 9)


JOIN = token().encode()


@pytest.mark.parametrize(
    ("asked", "expanded", "bind", "grpc_address"),
    [
        (Asked(), file(), "127.0.0.1", "127.0.0.1:15010"),
        (Asked(), file(HERE), HERE, f"{HERE}:15010"),
        (Asked(), file(f"{HERE}:5"), HERE, f"{HERE}:5"),
        (Asked(listen=HERE), file(), HERE, f"{HERE}:15010"),
        (Asked(listen=HERE), file(THERE), HERE, f"{HERE}:15010"),
        (Asked(listen=HERE, bind="127.0.0.9"), file(), "127.0.0.9", f"{HERE}:15010"),
        (Asked(grpc_address="127.0.0.1:7"), file(THERE), "127.0.0.1", "127.0.0.1:7"),
        (Asked(grpc_address="0.0.0.0:7"), file(), "127.0.0.1", "0.0.0.0:7"),
        (Asked(grpc_address="0.0.0.0:7", bind=HERE), file(), HERE, "0.0.0.0:7"),
        (Asked(controller="http://127.0.0.1:1", bind=HERE), file(THERE), HERE, "127.0.0.1:15010"),
    ],
)
def test_the_machine_of_the_controller(
    asked: Asked, expanded: Expanded, bind: str, grpc_address: str, tmp_path: Path
) -> None:
    found = where(asked, expanded, tmp_path)
    assert (found.bind, found.grpc_address, found.member) == (bind, grpc_address, None)


def test_what_other_machines_know_is_the_same_at_the_next_start(tmp_path: Path) -> None:
    alone = expand_text("services: {a: {run: x}}")
    assert where(Asked(), file(), tmp_path).lasting
    assert where(Asked(grpc_address="0.0.0.0:1"), alone, tmp_path).lasting
    assert where(Asked(listen=THERE), alone, tmp_path).lasting
    assert not where(Asked(), alone, tmp_path).lasting
    assert not where(Asked(grpc_address="127.0.0.1:1"), alone, tmp_path).lasting
    assert not where(Asked(controller="http://127.0.0.1:1"), file(), tmp_path).lasting


def test_a_token_makes_it_another_machine(tmp_path: Path) -> None:
    found = where(Asked(join=JOIN), file(), tmp_path)
    assert found.member is not None and found.member.machine == "b"
    # As the controller sees it, which here is the same machine.
    assert found.bind == "127.0.0.1"
    assert where(Asked(join=JOIN, bind="192.0.2.9"), file(), tmp_path).bind == "192.0.2.9"


def test_who_has_joined_stays_so_until_options_say_otherwise(tmp_path: Path) -> None:
    Member(token(), tmp_path).keep()
    for expanded in (file(), file(HERE), file(THERE)):
        assert where(Asked(), expanded, tmp_path).member is not None
    assert where(Asked(listen=HERE), file(), tmp_path).member is None
    assert where(Asked(controller="http://127.0.0.1:1"), file(), tmp_path).member is None


@pytest.mark.parametrize(
    ("asked", "expanded", "says", "hint"),
    [
        (Asked(), file(THERE), f"{THERE}:15010, and this one has not joined", "weft up --join"),
        (Asked(listen="mesh"), file(), "--listen: 'mesh' is not the IP address of a machine", "--listen 192.0.2.1"),
        (Asked(listen="0.0.0.0"), file(), "no address at which other machines reach it", "--listen 192.0.2.1"),
        (Asked(bind="here"), file(), "--bind 'here' is not an IP address", "--bind 192.0.2.7"),
        (Asked(join=JOIN), file(machine="c"), "nothing in this file runs on machine b", "known here: c"),
        (Asked(join=JOIN), expand_text("services: {a: {run: x}}"), "nothing in this file runs", "`machine: b` of a"),
        (Asked(join=JOIN), file(machine="bb"), "nothing in this file runs on machine b", "did you mean"),
        (Asked(join="weftm1.x"), file(), "not a machine's token", "weft token machine"),
    ],
)
def test_what_does_not_fit_is_said_before_anything_starts(
    asked: Asked, expanded: Expanded, says: str, hint: str, tmp_path: Path
) -> None:
    with pytest.raises(Failed) as caught:
        where(asked, expanded, tmp_path)
    assert says in caught.value.message and hint in str(caught.value.hint)


def test_what_is_open_is_said() -> None:
    (closed,) = warnings(Where(), file())
    assert closed.startswith("machine b cannot reach 127.0.0.1")
    (clear,) = warnings(Where(THERE), file())
    assert clear == f"who reaches {THERE} may call in the clear, without an identity, unless `mtls: strict`"
    assert warnings(Where(THERE), file(THERE)) == warnings(Where(THERE), file(more="mtls: strict\n")) == []
    assert len(warnings(Where(THERE), file(THERE, more="mtls: permissive\n"))) == 1
    assert warnings(Where(), expand_text("services: {a: {run: x}}")) == []
