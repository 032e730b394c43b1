from pathlib import Path

import pytest

from tests.cli.conftest import Weft


def test_a_unit_is_printed(weft: Weft) -> None:
    done = weft("unit", "controller", "--advertise", "192.0.2.1:15010")
    assert done.status == 0 and done.lines[0].startswith("# Written by `weft unit`")
    assert "controller --state-dir %S/weft/controller --advertise 192.0.2.1:15010" in done.out


@pytest.mark.parametrize("token", [["--token", "/t"], ["--token=/t"]])
def test_the_options_of_run_are_its_own(weft: Weft, token: list[str]) -> None:
    done = weft("unit", "--user", "shop", "run", "--service", "reviews", *token, "--", "/bin/app", "--token", "x")
    assert done.status == 0, done.err
    [start] = [line for line in done.lines if line.startswith("ExecStart=")]
    assert "--token %d/token --service reviews -- /bin/app --token x" in start
    assert "LoadCredential=token:/t" in done.lines and "User=shop" in done.lines


def test_a_workload_without_a_name_has_that_of_weft_run(weft: Weft) -> None:
    from weft.cli.run import default_name

    done = weft("unit", "run", "--service", "reviews", "--", "/bin/app")
    assert f"StateDirectory=weft-{default_name('reviews', 'app')}" in done.lines


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["fly"], "invalid value"),
        (["controller", "--fast"], "no such option: --fast"),
        (["controller", "--state-dir", "/x"], "--state-dir is the unit's own affair"),
        (["run", "--service", "a"], "missing argument"),
        (["run", "--", "python3", "app.py"], "python3 has no path"),
        (["run", "--token", "t", "--", "/bin/app"], "--token t has no path"),
        (["run", "--", "/bin/app", "a\nb"], "does not fit into one line"),
    ],
)
def test_what_is_wrong_is_said_before_systemd_would(weft: Weft, arguments: list[str], says: str) -> None:
    done = weft("unit", *arguments)
    assert done.status == 2 and says in done.err and done.out == ""


def test_it_is_installed_once(weft: Weft, tmp_path: Path) -> None:
    install = ["unit", "--install", "--directory", str(tmp_path)]
    done = weft(*install, "controller")
    path = tmp_path / "weft-controller.service"
    assert (done.status, done.out) == (0, f"{path}\n")
    assert "systemctl daemon-reload && systemctl enable --now weft-controller" in done.err
    assert path.read_text() == weft("unit", "controller").out
    assert weft(*install, "controller").status == 0
    done = weft(*install, "controller", "--svid-ttl", "1h")
    assert done.status == 1 and "exists and is another" in done.err
    assert weft(*install, "--force", "controller", "--svid-ttl", "1h").status == 0


def test_a_directory_that_may_not_be_written_is_named(weft: Weft, tmp_path: Path) -> None:
    done = weft("unit", "--install", "--directory", str(tmp_path / "none"), "controller")
    path = tmp_path / "none" / "weft-controller.service"
    assert (done.status, done.err) == (1, f"error: {path}: no such file or directory\n")
