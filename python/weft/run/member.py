"""A machine that has joined a mesh: what `weft up` knows there, where no controller can be asked.

Its machine token says where the controller is and which workloads may run here; each workload gets the join token that
was made for its identity, and its own proxy is asked how it is. Token, keys and programs stay in the state directory:
the next start needs no new token, and no controller either.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from weft.client.types import Sync, Workload
from weft.identity.errors import IdentityError
from weft.identity.machines import MachineToken
from weft.run.controller import Failed
from weft.run.loopback import free_port
from weft.run.reach import refuse_unreachable
from weft.run.spec import ControllerPlace, Spec
from weft.run.state import make_private, write_private
from weft.run.svid import ends

if TYPE_CHECKING:
    from weft.client.types import Service

TOKEN = "token"
OFFERED = "token.new"
# In a proxy's state directory.
IDENTITY = "identity"
# Clocks that ntp keeps are within milliseconds; a token that was made later than now is no matter of seconds.
CLOCK_S = 60.0
# A proxy answers from memory.
ADMIN_S = 2.0


@dataclass
class Member:
    token: MachineToken
    # Kept from one start to the next.
    root: Path
    clock: Callable[[], float] = time.time
    _specs: list[Spec] = field(default_factory=list)
    # Admin port by workload: the same for as long as this runs.
    _admin: dict[str, int] = field(default_factory=dict)
    # The controller answered at the start.
    _reached: bool = True

    @property
    def machine(self) -> str:
        return self.token.machine

    def planned(self, specs: Iterable[Spec]) -> list[Spec]:
        """What runs here, each with an admin page at a known port. Raises `Failed` for what the token does not name."""
        taken = set(self._admin.values())
        for spec in (found := list(specs)):
            self._join_token(spec)
            if spec.key not in self._admin:
                self._admin[spec.key] = free_port(taken)
        self._specs = [replace(spec, admin=f"127.0.0.1:{self._admin[spec.key]}") for spec in found]
        return self._specs

    def check(self) -> str:
        """Before anything starts: raises `Failed` for what would be in vain; a warning, or ""."""
        now, token = self.clock(), self.token
        fresh = [spec for spec in self._specs if ends(self._directory(spec) / IDENTITY) <= now]
        if fresh and now < token.made - CLOCK_S:
            behind = f"the clock of this machine is at least {_span(token.made - now)} behind that of the controller"
            raise Failed(behind, "set it: certificates depend on it")
        if fresh and now >= token.expires:
            hint = f"where the controller runs: weft token machine {token.machine}; and compare the clocks of both"
            raise Failed(f"the token expired {_span(now - token.expires)} ago", hint)
        try:
            refuse_unreachable([token.controller, *([token.join] if fresh else [])])
        except Failed as failed:
            if fresh:
                raise
            self._reached = False
            return f"{failed.message}; going on with what was kept"
        return ""

    def keep(self) -> None:
        """For the next start."""
        self.offer(TOKEN)
        (self.root / OFFERED).unlink(missing_ok=True)

    def offer(self, name: str = OFFERED) -> Path:
        """A file for another process of ours: what stands in a command line, everybody on the machine can read."""
        make_private(self.root)
        write_private(self.root / name, f"{self.token.encode()}\n")
        return self.root / name

    def renew(self, token: MachineToken) -> None:
        """Another token for the same machine of the same mesh, such as one for more workloads."""
        if (token.machine, token.root) != (self.machine, self.token.root):
            what = f"the token is for machine {token.machine} of the mesh at {token.controller}"
            raise Failed(f"{what}, and this runs machine {self.machine}", "`weft down` first")
        self.token = token

    def place(self, spec: Spec) -> ControllerPlace:
        """How one workload joins: with a token of its own, which says nothing of the others."""
        joins = self._join_token(spec)
        directory = self.root / "tokens"
        make_private(directory)
        file = directory / f"{joins.namespace}.{joins.account}.{joins.service.rpartition('/')[2]}"
        write_private(file, f"{joins.encode()}\n")
        return ControllerPlace(joins.controller, joins.root, str(file))

    def workloads(self) -> Sequence[Workload]:
        """As the controller would list them: those of this machine whose proxies answer."""
        found = ((spec, _ask(spec.admin, "/ready")) for spec in self._specs)
        return [self._workload(spec, answer) for spec, answer in found if answer is not None]

    def services(self) -> Sequence[Service]:
        """The file names all that is called from here."""
        return ()

    def _workload(self, spec: Spec, answer: Mapping[str, Any]) -> Workload:
        app, controller = answer.get("app") or {}, answer.get("controller") or {}
        certificate = _ask(spec.admin, "/certs") or {}
        return Workload(
            spec.key,
            spec.namespace,
            spec.service,
            spec.version,
            identity=str(certificate.get("spiffe_id") or ""),
            health=str(app.get("health", "unknown")),
            health_reason=str(app.get("reason", "")),
            lease="attached",
            sync=Sync(connected=bool(controller.get("connected")) or not self._reached),
            problems=tuple(f"has {why}" if why.startswith("no ") else why for why in answer.get("why", ())),
        )

    def _join_token(self, spec: Spec) -> Any:
        found = self.token.for_grant(spec.namespace, spec.service_account, spec.service)
        if found is None:
            what = f"the token for machine {self.machine} does not name {spec.key} as {spec.service_account}"
            hint = f"weft.yaml has changed since it was made: once more `weft token machine {self.machine}`"
            raise Failed(what, hint)
        return found

    def _directory(self, spec: Spec) -> Path:
        return self.root / "workloads" / spec.namespace / spec.name


def machine_token(text: str) -> MachineToken:
    """`--join`: a token, the line that `weft token machine` printed, or a file with either. Raises `Failed`."""
    shown, where = text, "--join"
    if not text.startswith("weft"):
        where = text
        try:
            shown = Path(text).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            why = (error.strerror or str(error)).lower() if isinstance(error, OSError) else "not text"
            hint = "--join takes what `weft token machine NAME` printed, or a file with it"
            raise Failed(f"{text} cannot be read: {why}", hint) from error
    words = shown.split()
    try:
        return MachineToken.decode(words[-1] if words else "")
    except IdentityError as error:
        raise Failed(f"{where}: {error}", error.hint) from error


def kept_token(root: Path) -> MachineToken | None:
    """With which this machine joined before."""
    file = root / TOKEN
    return machine_token(str(file)) if file.exists() else None


def joined(state: Path) -> list[str]:
    """Controllers ("host:port") of the meshes that this machine has joined; `state`: the state directory."""
    found = []
    for file in sorted((state / "joined").glob(f"*/{TOKEN}")):
        with contextlib.suppress(Failed):
            found.append(machine_token(str(file)).controller)
    return found


def _ask(address: str, page: str) -> dict[str, Any] | None:
    """JSON of an admin page, whatever its status; None: nobody answers."""
    connection = http.client.HTTPConnection(address, timeout=ADMIN_S)
    try:
        connection.request("GET", page)
        found = json.loads(connection.getresponse().read())
    except (OSError, http.client.HTTPException, ValueError):
        return None
    finally:
        connection.close()
    return found if isinstance(found, dict) else None


def _span(seconds: float) -> str:
    for unit, size in (("days", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
