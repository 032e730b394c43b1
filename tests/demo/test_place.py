import os
import shutil
import sys
from pathlib import Path

import pytest

from weft.client.errors import WeftError
from weft.demo import place
from weft.resources import expand


def test_the_shop_is_copied_and_gone_afterwards():
    with place.copied(18080, node=True) as folder:
        found = expand(folder / place.WEFTFILE)
        assert found.problems == ()
        assert [(entry.local, entry.service) for entry in found.published] == [(18080, "default/storefront")]
        commands = {plan.part: plan.command for plan in found.workloads}
        assert commands["recommendations"] == ("node", "recommendations.js")
        (folder / "ratings.broken").touch()
    assert not folder.exists()


def test_without_node_its_twin_is_run():
    with place.copied(18080, node=False) as folder:
        commands = {plan.part: plan.command for plan in expand(folder / place.WEFTFILE).workloads}
        assert commands["recommendations"] == ("python3", "recommendations.py")
        assert (folder / "recommendations.py").is_file()


def test_a_wheel_has_its_own(tmp_path, monkeypatch):
    monkeypatch.setattr(place, "PACKAGED", tmp_path)
    assert place.sources() == place.CHECKOUT
    (tmp_path / place.WEFTFILE).touch()
    assert place.sources() == tmp_path


def test_an_installation_without_it_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(place, "CHECKOUT", tmp_path)
    with pytest.raises(WeftError, match="the bookshop is not part of this installation"):
        place.sources()


@pytest.mark.parametrize(("script", "there"), [("exit 0", True), ("exit 1", False), (None, False)])
def test_a_node_that_is_too_old_is_none(tmp_path, monkeypatch, script, there):
    monkeypatch.setenv("PATH", str(tmp_path))
    if script is not None:
        (tmp_path / "node").write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / "node").chmod(0o755)
    assert place.has_node() is there


def test_the_shops_python_is_the_one_that_runs_weft(monkeypatch):
    monkeypatch.setenv("PATH", "/elsewhere")
    place.own_python_first()
    assert os.environ["PATH"].split(os.pathsep) == [str(Path(sys.executable).parent), "/elsewhere"]


def test_a_full_disk_is_named_and_nothing_stays(tmp_path, monkeypatch):
    def full(source, target, **options):
        raise shutil.Error([(str(source), str(target), "[Errno 28] No space left on device: 'shop.css'")])

    monkeypatch.setattr(place.tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(place.shutil, "copytree", full)
    with pytest.raises(WeftError, match="cannot copy the bookshop: .*No space left") as refused, place.copied(1, True):
        pass
    assert refused.value.hint == "make room, or name another place in TMPDIR"
    assert list(tmp_path.iterdir()) == []
