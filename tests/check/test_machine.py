from dataclasses import replace
from typing import Any

import pytest

from weft import __version__
from weft.check.facts import Machine
from weft.check.machine import machine_checks
from weft.check.model import Check

GOOD = Machine(
    system="Linux",
    kernel=(6, 1, 0),
    python=(3, 12, 1),
    modules_missing=(),
    proxy="/usr/bin/weft-proxy",
    proxy_version=__version__,
    cpus=2,
    memory_free=8 << 30,
    open_files=20_000,
    now=1_800_000_000.0,
    clock_synchronised=True,
    loopback_block="",
    ipv6_loopback=True,
    ports={"rest": "", "grpc": "", "join": ""},
    ephemeral=(32768, 60999),
    backlog=4096,
    unprivileged_from=0,
    cgroup2=True,
    capabilities=0,
    nft=True,
    state_dir="/state",
    state_mode=0o700,
    state_owner=1000,
    user=1000,
    state_writable=True,
    readable_by_others=(),
    disk_free=9 << 30,
    inodes_free=100_000,
    temporary="/tmp",
)


def checks(controller_here: bool = False, **changed: Any) -> dict[str, Check]:
    found = list(machine_checks(replace(GOOD, **changed), controller_here))
    assert len({check.id for check in found}) == len(found)
    return {check.id: check for check in found}


def test_a_good_machine_has_nothing_to_say() -> None:
    found = checks()
    assert len(found) >= 25
    assert {check.id: check.result for check in found.values() if check.result not in ("ok", "skip")} == {}


@pytest.mark.parametrize(
    ("changed", "id", "result"),
    [
        ({"python": (3, 10, 9)}, "python-version", "fail"),
        ({"modules_missing": ("grpc",)}, "python-modules", "fail"),
        ({"proxy": None}, "proxy-binary", "fail"),
        ({"proxy": None}, "proxy-runs", "skip"),
        ({"proxy_version": ""}, "proxy-runs", "fail"),
        ({"proxy_version": "0.0.1"}, "proxy-version", "warn"),
        ({"system": "Darwin"}, "system", "warn"),
        ({"system": "Darwin"}, "kernel", "skip"),
        ({"kernel": (4, 19)}, "kernel", "warn"),
        ({"memory_free": 1 << 20}, "memory", "warn"),
        ({"memory_free": None}, "memory", "skip"),
        ({"open_files": 1024}, "open-files", "warn"),
        ({"now": 5.0}, "clock", "fail"),
        ({"clock_synchronised": None}, "clock-synchronised", "skip"),
        ({"loopback_block": "no such address"}, "loopback", "warn"),
        ({"ipv6_loopback": False}, "loopback-ipv6", "skip"),
        ({"ports": {"rest": "in use"}}, "port-rest", "warn"),
        ({"ports": {"rest": "in use"}, "controller_here": True}, "port-rest", "ok"),
        ({"ephemeral": (1024, 65000)}, "ephemeral-ports", "warn"),
        ({"ephemeral": None}, "ephemeral-ports", "skip"),
        ({"backlog": 128}, "backlog", "warn"),
        ({"backlog": None}, "backlog", "skip"),
        ({"unprivileged_from": 1024}, "low-ports", "skip"),
        ({"proxy_variables": ("HTTP_PROXY",)}, "proxy-variables", "warn"),
        ({"state_writable": False}, "state-writable", "fail"),
        ({"state_mode": None}, "state-mode", "skip"),
        ({"state_mode": 0o755}, "state-mode", "fail"),
        ({"state_owner": 0}, "state-owner", "fail"),
        ({"readable_by_others": ("ca/root.key",)}, "state-secrets", "fail"),
        ({"disk_free": 500 << 20}, "disk", "warn"),
        ({"disk_free": 5 << 20}, "disk", "fail"),
        ({"inodes_free": 3}, "disk-files", "fail"),
        ({"inodes_free": None}, "disk-files", "skip"),
        ({"temporary": None}, "temporary", "fail"),
        ({"temporary": "/" + 80 * "x"}, "temporary", "fail"),
    ],
)
def test_what_is_wrong_is_found_and_has_a_hint(changed: dict[str, Any], id: str, result: str) -> None:
    check = checks(**changed)[id]
    assert check.result == result
    assert check.hint or result in ("ok", "skip")


def test_explicit_mode_says_what_it_does_not_protect_from() -> None:
    check = checks()["way-explicit"]
    assert check.result == "ok" and "protects no workload from other processes on its machine" in check.detail


@pytest.mark.parametrize(
    ("changed", "id", "said"),
    [
        ({}, "way-hooks", "this machine lacks CAP_BPF, CAP_NET_ADMIN"),
        ({"cgroup2": False, "kernel": (5, 4), "capabilities": -1}, "way-hooks", "lacks Linux 5.9, cgroup v2"),
        ({"capabilities": -1}, "way-hooks", "this machine could"),
        ({"system": "Darwin"}, "way-redirect", "this machine lacks Linux, CAP_NET_ADMIN"),
        ({"capabilities": -1}, "way-redirect", "this machine could"),
    ],
)
def test_the_other_ways_are_not_promised(changed: dict[str, Any], id: str, said: str) -> None:
    check = checks(**changed)[id]
    assert check.result == "skip" and check.detail.startswith("not in this version") and said in check.detail


def test_explicit_mode_needs_no_block_of_loopback() -> None:
    assert "with an address per service" in checks()["way-explicit"].detail
    assert "with a local port per service" in checks(loopback_block="no such address")["way-explicit"].detail
