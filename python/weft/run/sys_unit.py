"""systemd units for a controller and for a workload, as text. Pure.

A unit runs as a user of its own that exists only while it runs (`DynamicUser`), or as one that is named. What it may
not do is listed once, below; `systemd-analyze security` knows what is left.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

MARK = "# Written by `weft unit`"
# From SIGTERM: 45 s for what is under way, 5 s for a proxy that is late to say so, 10 s for the app, and as much again
# for a machine that swaps. systemd then kills what is left.
STOP_WORKLOAD_S = 90
# The controller says goodbye within three seconds; its compiler ends with it.
STOP_CONTROLLER_S = 20
# A connection is one descriptor, a call through the proxy two; Debian's hard limit for users is the same order.
OPEN_FILES = 65_536

# Whoever gets in can see no device, no other process, no home, and can change nothing but its own state.
HARDENED = """\
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
ProtectSystem=strict
PrivateTmp=yes
PrivateDevices=yes
ProtectClock=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RemoveIPC=yes
LockPersonality=yes
KeyringMode=private
# Netlink: the kernel says who is at the other end of a connection.
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallErrorNumber=EPERM
UMask=0077
"""


@dataclass(frozen=True, slots=True)
class Unit:
    # Without ".service".
    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Program:
    """How weft is started, and what that needs."""

    command: Sequence[str]
    version: str
    # It lies in somebody's home, which is otherwise not to be seen.
    at_home: bool = False


def controller(program: Program, arguments: Sequence[str], user: str | None = None) -> Unit:
    """`arguments`: of `weft controller`, without --state-dir, which the unit has."""
    command = [*program.command, "controller", "--state-dir", "%S/weft/controller"]
    service = f"""\
Type=notify
NotifyAccess=main
ExecStart={line(command, raw=True)}{_more(arguments)}
Restart=on-failure
RestartSec=1
KillMode=mixed
TimeoutStopSec={STOP_CONTROLLER_S}
StateDirectory=weft/controller
StateDirectoryMode=0700
"""
    strict = "ProtectControlGroups=yes\nMemoryDenyWriteExecute=yes\n"
    return Unit("weft-controller", _unit(program, "weft controller", service, strict, user))


def workload(program: Program, name: str, arguments: Sequence[str], user: str | None, token: str | None) -> Unit:
    """`arguments`: of `weft run`, without --token and --state-dir, which the unit has. `name`: the workload's."""
    unit = f"weft-{name}"
    command = [*program.command, "run", "--state-dir", f"%S/{unit}"]
    # The file may be root's alone: systemd hands it over.
    credential = f"LoadCredential=token:{escaped(token)}\n" if token else ""
    command += ["--token", "%d/token"] if token else []
    service = f"""\
Type=exec
ExecStart={line(command, raw=True)}{_more(arguments)}
{credential}Restart=on-failure
RestartSec=1
# SIGTERM is for the supervisor alone: it lets what is under way finish before it ends the app.
KillMode=mixed
TimeoutStopSec={STOP_WORKLOAD_S}
StateDirectory={unit}
StateDirectoryMode=0700
# The app gets a cgroup of its own below this unit's: what tells its connections from those of others.
Delegate=yes
"""
    return Unit(unit, _unit(program, f"{name}, a workload of weft", service, "", user))


def line(words: Sequence[str], raw: bool = False) -> str:
    """A command line as ExecStart reads it. `raw`: % is meant as systemd means it."""
    return " ".join(word if raw and re.fullmatch(r"[\w./%=:@+-]+", word) else _quoted(word) for word in words)


def escaped(text: str) -> str:
    """Text in which systemd sees no specifier."""
    return text.replace("%", "%%")


def _more(arguments: Sequence[str]) -> str:
    return f" {line(arguments)}" if arguments else ""


def _quoted(word: str) -> str:
    if "\n" in word or "\0" in word:
        raise ValueError(f"{word!r} does not fit into one line of a unit")
    text = escaped(word).replace("\\", "\\\\").replace("$", "$$").replace('"', '\\"')
    return text if re.fullmatch(r"[\w./%=:@+,-]+", text) else f'"{text}"'


def _unit(program: Program, description: str, service: str, more: str, user: str | None) -> str:
    who: Mapping[bool, str] = {True: "DynamicUser=yes\n", False: f"User={user}\n"}
    home = "ProtectHome=read-only\n" if program.at_home else "ProtectHome=yes\n"
    return f"""\
{MARK} {program.version}; `systemctl edit` adds to it, `weft uninstall` removes it.

[Unit]
Description={escaped(description)}
Wants=network-online.target
After=network-online.target weft-controller.service

[Service]
{service}LimitNOFILE={OPEN_FILES}
{who[user is None]}{home}{HARDENED}{more}
[Install]
WantedBy=multi-user.target
""".replace(" weft-controller.service", "" if description == "weft controller" else " weft-controller.service")
