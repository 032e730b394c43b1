"""What stands in a unit, what systemd says of it, and that its command line is one that runs."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from weft.run.sys_unit import STOP_WORKLOAD_S, Program, Unit, controller, line, workload

# A program that is there: `systemd-analyze verify` looks.
PROGRAM = Program(["/bin/true"], "1.2.3")
# Of 10; "OK" begins at 4. What is left is what a mesh is: network, sockets, the host's root directory.
EXPOSURE = {"weft-controller": 1.5, "weft-reviews-1": 1.7}
ROOT = Path(__file__).resolve().parents[2]


def units() -> list[Unit]:
    arguments = ["--service", "reviews", "--name", "reviews-1", "--", "/bin/echo", 'a "b" $HOME 100%']
    return [
        controller(PROGRAM, ["--advertise", "192.0.2.1:15010"]),
        workload(PROGRAM, "reviews-1", arguments, None, "/etc/weft/100%.token"),
    ]


def field(unit: Unit, name: str) -> list[str]:
    return re.findall(rf"^{name}=(.*)$", unit.text, re.MULTILINE)


def analyze(*arguments: str) -> str:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("there is no systemd-analyze: apt-get install systemd")
    done = subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.strip()) == (0, ""), done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("unit", units(), ids=lambda unit: unit.name)
def test_systemd_finds_nothing_wrong_with_it(unit: Unit, tmp_path: Path) -> None:
    file = tmp_path / f"{unit.name}.service"
    file.write_text(unit.text)
    analyze("verify", "--man=no", str(file))


@pytest.mark.parametrize("unit", units(), ids=lambda unit: unit.name)
def test_it_is_as_closed_as_it_can_be(unit: Unit, tmp_path: Path) -> None:
    file = tmp_path / f"{unit.name}.service"
    file.write_text(unit.text)
    said = analyze("security", "--offline=yes", "--no-pager", str(file))
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", said)
    assert found and float(found[1]) <= EXPOSURE[unit.name], said


def test_the_controller_says_when_it_is_ready_and_has_its_own_state() -> None:
    unit = units()[0]
    assert field(unit, "Type") == ["notify"] and field(unit, "NotifyAccess") == ["main"]
    assert field(unit, "StateDirectory") == ["weft/controller"]
    [start] = field(unit, "ExecStart")
    assert start == "/bin/true controller --state-dir %S/weft/controller --advertise 192.0.2.1:15010"
    assert "weft-controller" not in "".join(field(unit, "After"))


def test_a_workload_has_its_own_state_and_gets_its_token_from_systemd() -> None:
    unit = units()[1]
    assert field(unit, "StateDirectory") == ["weft-reviews-1"] and field(unit, "Delegate") == ["yes"]
    assert field(unit, "LoadCredential") == ["token:/etc/weft/100%%.token"]
    [start] = field(unit, "ExecStart")
    head, _, tail = start.partition(" -- ")
    own = "--state-dir %S/weft-reviews-1 --token %d/token"
    assert head == f"/bin/true run {own} --service reviews --name reviews-1"
    assert tail == r'/bin/echo "a \"b\" $$HOME 100%%"'
    assert "weft-controller.service" in field(unit, "After")[0]


def test_systemd_is_more_patient_than_a_drain() -> None:
    """Else it would kill what is under way."""
    rust = "".join(path.read_text() for path in sorted((ROOT / "crates/proxy/src/supervise/plan").glob("*.rs")))
    rust += (ROOT / "crates/proxy/src/supervise/mod.rs").read_text()
    parts = {}
    for name in ("DRAIN", "SLACK", "GRACE", "AFTER_KILL", "AFTER_APP", "STOP"):
        found = re.search(rf"const {name}: (?:Time|Duration) = (?:Time|Duration)::from_(secs|millis)\((\d+)\)", rust)
        assert found, name
        parts[name] = int(found[2]) / (1000 if found[1] == "millis" else 1)
    unit = units()[1]
    assert field(unit, "TimeoutStopSec") == [str(STOP_WORKLOAD_S)]
    assert sum(parts.values()) < STOP_WORKLOAD_S
    assert field(unit, "KillMode") == ["mixed"]


def test_a_named_user_instead_of_one_made_for_it() -> None:
    unit = controller(PROGRAM, [], "weft")
    assert field(unit, "User") == ["weft"] and field(unit, "DynamicUser") == []


@pytest.mark.parametrize(("at_home", "home"), [(False, "yes"), (True, "read-only")])
def test_a_program_in_somebodys_home_stays_readable(at_home: bool, home: str) -> None:
    assert field(controller(Program(["/bin/true"], "1", at_home), []), "ProtectHome") == [home]


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["a", "/b/c.d", "--e=f:1,2"], "a /b/c.d --e=f:1,2"),
        (["two words"], '"two words"'),
        ([""], '""'),
        (["50%", "100 %"], '50%% "100 %%"'),
        (["$HOME", "a'b", "c\\d"], '"$$HOME" "a\'b" "c\\\\d"'),
        (["{a};#"], '"{a};#"'),
    ],
)
def test_words_are_what_they_were(words: list[str], text: str) -> None:
    assert line(words) == text


def test_what_fits_no_line_is_refused() -> None:
    with pytest.raises(ValueError, match="does not fit into one line"):
        line(["a\nExecStartPre=/bin/evil"])
