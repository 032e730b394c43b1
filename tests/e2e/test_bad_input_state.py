"""Disks that are full or lie, and proxies that lack something: what was good stays, and who reads is told.

| bad input | test |
|---|---|
| full disk | test_a_full_disk_refuses_an_apply_and_keeps_everything |
| corrupt store | test_a_corrupt_store_is_named_and_never_replaced |
| corrupt proxy state directory | test_a_proxy_with_a_corrupt_state_directory_says_so_and_works_from_the_controller |
| a capability that a proxy lacks | test_capability.py |
| restarts in any order | test_restarts.py |
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.conftest import World, until
from tests.e2e.support import documents, failed, file, job

CALL = 'import json, os, urllib.request; print(json.dumps(urllib.request.urlopen(os.environ["B_URL"]).status))'


@contextmanager
def tmpfs(path: Path, size: str) -> Iterator[Path]:
    path.mkdir()
    # Without the right to mount, this test shows nothing and fails.
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "tmpfs", str(path)], check=True)
    try:
        yield path
    finally:
        subprocess.run(["umount", "-l", str(path)], check=True)


def test_a_full_disk_refuses_an_apply_and_keeps_everything(world: World) -> None:
    with tmpfs(world.folder / "small", "2m") as small:
        controller = world.controller("--state-dir", str(small))
        world.apply(world.service("good"))
        before = documents(world)
        filler = small / "filler"
        with filler.open("wb", buffering=0) as full, pytest.raises(OSError, match="No space left"):
            while True:
                full.write(b"x" * 4096)
        many = "---\n".join(json.dumps(world.service(f"s{i}")) + "\n" for i in range(500))
        path = file(world, "many.yaml", many)
        said = failed(world.weft("apply", "-f", path), "no space is left to write the store", str(small), "hint: ")
        assert "nothing acknowledged was lost" in said
        assert documents(world) == before
        filler.unlink()
        assert documents(world) == before
        assert world.weft("apply", "-f", path).returncode == 0
        after = documents(world)
        controller.terminate()
        assert controller.wait(30) == 0
        again = world.controller("--state-dir", str(small))
        assert documents(world) == after and "name: good" in after
        again.terminate()
        again.wait(30)


def test_a_corrupt_store_is_named_and_never_replaced(world: World) -> None:
    controller = world.controller()
    world.apply(world.service("good"))
    controller.terminate()
    assert controller.wait(30) == 0
    (store,) = (world.folder / "state").rglob("store.db")
    good = store.read_bytes()
    bad = b"not a database at all" * 500
    store.write_bytes(bad)
    addresses = ["--rest-address", f"127.0.0.1:{world.rest}", "--grpc-address", f"127.0.0.1:{world.grpc}"]
    failed(world.weft("controller", *addresses), str(store), "is damaged", "hint: restore")
    assert store.read_bytes() == bad
    store.write_bytes(good)
    world.controller()
    assert "name: good" in documents(world)


def state_files(world: World) -> Path:
    return world.folder / "state" / "workloads" / "default" / "b-0"


def test_a_proxy_with_a_corrupt_state_directory_says_so_and_works_from_the_controller(world: World) -> None:
    world.controller()
    world.apply(world.service("b"))
    running = world.serve("b")
    directory = state_files(world)
    until((directory / "program").exists, "the stored program")
    running.terminate()
    assert running.wait(60) == 0
    for name in ("program", "identity"):
        (directory / name).write_bytes(b"rubbish" * 99)
    world.serve("b")
    log = (world.folder / "log").read_text()
    for name in ("program", "identity"):
        assert f"{directory / name}: damaged, set aside" in log
        assert (directory / f"{name}.corrupt").read_bytes() == b"rubbish" * 99
    assert job(world, "caller", CALL) == 200
