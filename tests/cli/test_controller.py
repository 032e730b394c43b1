from pathlib import Path

import pytest

from tests.cli.conftest import Weft
from weft.controller import main
from weft.controller.options import Options


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Options]:
    """The options that the controller would have been run with."""
    given: list[Options] = []

    def run(options: Options) -> int:
        given.append(options)
        return 0

    monkeypatch.setattr(main, "run", run)
    return given


def test_the_defaults_reach_no_other_machine(
    weft: Weft, started: list[Options], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEFT_STATE_DIR", str(tmp_path))
    assert weft("controller").status == 0
    assert started == [Options(tmp_path / "controller")]
    assert started[0].grpc_address == "127.0.0.1:15010"
    assert started[0].rest_address == "127.0.0.1:15080"


def test_every_option_has_its_place(weft: Weft, started: list[Options], tmp_path: Path) -> None:
    words = "--grpc-address 0.0.0.0:1 --rest-address 0.0.0.0:2 --advertise 192.0.2.1:1 --name a --name b"
    words += " --trust-domain t.example --svid-ttl 2h --rest-anywhere --log-format json --ready-file /r"
    assert weft("controller", "--state-dir", str(tmp_path), *words.split()).status == 0
    assert started == [
        Options(
            tmp_path,
            grpc_address="0.0.0.0:1",
            rest_address="0.0.0.0:2",
            advertise="192.0.2.1:1",
            names=("a", "b"),
            trust_domain="t.example",
            svid_ttl_s=7200.0,
            rest_anywhere=True,
            log_format="json",
            ready_file=Path("/r"),
        )
    ]


def test_its_exit_status_is_the_controllers(weft: Weft, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(main, "run", lambda options: 1)
    assert weft("controller", "--state-dir", str(tmp_path)).status == 1


@pytest.mark.parametrize("address", ["0.0.0.0:1", "nonsense", "127.0.0.1:70000"])
def test_wrong_options_are_wrong_usage(tmp_path: Path, weft: Weft, started: list[Options], address: str) -> None:
    done = weft("controller", "--state-dir", str(tmp_path / "state"), "--rest-address", address)
    assert done.status == 2
    assert done.err.startswith("error: --rest-address ")
    assert "\n\nhint: " in done.err
    assert started == []
