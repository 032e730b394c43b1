"""Whether a running mesh is well, from what its controller answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING

from weft import __version__
from weft.check.model import Check, holds, named, none_of, skipped

if TYPE_CHECKING:
    from weft.client.types import (
        Certificates,
        Edge,
        Event,
        Health,
        RuleHits,
        Service,
        Status,
        StoredResource,
        TokenInfo,
        Workload,
    )
    from weft.mesh import Mesh

DAY_S = 86_400.0
# Trust is moved to a new root in steps, each as long as a certificate lives: a month is the least to do it calmly.
ROOT_S = 30 * DAY_S
# Proxies renew well before: what has less than a quarter left has failed to, several times.
CERTIFICATE_LEFT = 0.25
# As where certificates are made (identity/clocks.py): less is NTP's business.
CLOCK_S = 60.0
# How far traffic is looked at: long enough for a calm service, short enough to be about now.
TRAFFIC_S = 300
# What people mean by "it works": three nines are the demo's bar, one in a hundred is worth a look.
SUCCESS = 0.99
# Rule hits are counted since the controller's start: before that much time, silence means nothing.
RULES_S = 3600.0
EVENTS_S = 3600.0
# A join token that can be used for longer than this is a password that lies around.
TOKEN_S = 7 * DAY_S


@dataclass(frozen=True, slots=True)
class Facts:
    now: float
    health: Health
    status: Status
    workloads: Sequence[Workload]
    services: Sequence[Service]
    policies: Sequence[StoredResource]
    rules: Sequence[RuleHits]
    certificates: Certificates
    tokens: Sequence[TokenInfo]
    edges: Sequence[Edge]
    events: Sequence[Event]


def ask(mesh: Mesh, now: float) -> Facts:
    return Facts(
        now=now,
        health=mesh.health(),
        status=mesh.status(),
        workloads=mesh.workloads(),
        services=mesh.services(),
        policies=mesh.list("AccessPolicy"),
        rules=mesh.rules(),
        certificates=mesh.certs(),
        tokens=mesh.tokens(),
        edges=mesh.edges(TRAFFIC_S),
        events=mesh.events(),
    )


def mesh_checks(facts: Facts) -> Iterator[Check]:
    yield from _controller(facts)
    yield from _trust(facts)
    yield from _workloads(facts)
    yield from _proxies(facts)
    yield from _objects(facts)
    yield from _services(facts)
    yield from _rules(facts)
    yield from _traffic(facts)


def _controller(facts: Facts) -> Iterator[Check]:
    health = facts.health
    near = _near(health.version, __version__)
    upgrade = f"this is weft {__version__}: one minor version apart is the most that is tried"
    yield holds("controller-version", "controller and CLI fit together", near, health.version, upgrade, "warn")
    log = "the controller's log says more"
    yield none_of("controller-well", "the controller has no trouble", health.problems, log)
    behind = facts.status.revision - facts.status.compiled_revision
    detail = f"revision {facts.status.compiled_revision} of {facts.status.revision}"
    yield holds(
        "compiled", "what was applied is compiled", behind <= 0, detail, f"ask again; if it stays, {log}", "warn"
    )
    grave = [f"{e.kind} {e.subject}" for e in facts.events if e.severity == "error" and e.at > facts.now - EVENTS_S]
    yield none_of("events", "no errors in the last hour", grave, "`weft events --severity error`", "warn")


def _trust(facts: Facts) -> Iterator[Check]:
    roots = facts.certificates.roots
    lost = "the controller has lost its CA: `weft restore` brings a backup back"
    yield holds("root", "there is a root certificate", bool(roots), "", lost)
    ended = [root.subject for root in roots if root.not_after <= facts.now]
    yield none_of(
        "root-valid", "no root certificate has ended", ended, "begin a new one: nobody can prove who they are"
    )
    soon = [
        f"{root.subject}: {_days(root.not_after - facts.now)}"
        for root in roots
        if facts.now < root.not_after < facts.now + ROOT_S
    ]
    yield none_of("root-life", "root certificates live for a month more", soon, "plan the next root now", "warn")
    early = [root.subject for root in roots if root.not_before > facts.now]
    yield none_of("root-clock", "root certificates are valid already", early, "this machine's clock is behind: set it")
    long = [t.id for t in facts.tokens if t.expires_at > facts.now + TOKEN_S and t.used < t.uses]
    yield none_of(
        "tokens", "no join token lies around for weeks", long, "`weft token revoke ID` what is not needed", "warn"
    )


def _workloads(facts: Facts) -> Iterator[Check]:
    workloads = facts.workloads
    if not workloads:
        yield skipped("workloads", "there are workloads", "none", "`weft up` or `weft run` start some")
    else:
        yield Check("workloads", "there are workloads", "ok", str(len(workloads)))
    look = "`weft workloads`"
    lost = _those(workloads, lambda each: each.lease == "lost")
    yield none_of("workloads-attached", "every workload is connected", lost, f"is its machine up? {look}")
    sick = [_with(each.name, each.health_reason) for each in workloads if each.health == "unhealthy"]
    yield none_of("workloads-healthy", "no workload is unhealthy", sick, "its own log says why")
    unknown = _those(workloads, lambda each: each.health == "unknown" and bool(each.service))
    yield none_of("workloads-known", "the health of each is known", unknown, f"is it still starting? {look}", "warn")
    draining = _those(workloads, lambda each: each.health == "draining")
    yield none_of(
        "workloads-draining", "no workload is on its way out", draining, "it ends when its requests do", "warn"
    )
    wrong = [f"{each.name}: {problem}" for each in workloads for problem in each.problems]
    yield none_of("workloads-placed", "every workload serves what it says", wrong, "`weft status` has all of it")
    yield _reachable(workloads)
    bare = _those(workloads, lambda each: not each.identity)
    yield none_of("workloads-identity", "every workload has an identity", bare, "without one there is no mTLS", "warn")


def _reachable(workloads: Sequence[Workload]) -> Check:
    """On loopback only its own machine reaches it: right for one machine, wrong for several."""
    inside = {each.name for each in workloads if any(_loopback(port.address) for port in each.ports)}
    several = any(each.ports and each.name not in inside for each in workloads)
    wrong = [each.name for each in workloads if each.name in inside and several]
    hint = "`controller: IP` in weft.yaml, --listen or --bind give its machine's services an address"
    return none_of("workloads-reachable", "other machines can reach each workload", wrong, hint)


def _loopback(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False


def _proxies(facts: Facts) -> Iterator[Check]:
    workloads = facts.workloads
    silent = _those(workloads, lambda each: each.lease != "lost" and not each.sync.connected)
    last = "it serves on its last program; its log says why"
    yield none_of("proxies-connected", "every proxy hears of changes", silent, last, "warn")
    pending = [f"{each.name}: {len(each.sync.pending)}" for each in workloads if each.sync.pending]
    yield none_of(
        "proxies-current", "every proxy has the latest", pending, "ask again; `weft status` if it stays", "warn"
    )
    rejected = [f"{each.name}: {r.kind} {r.name}" for each in workloads for r in each.sync.rejected]
    upgrade = "its last good version stays in force; a newer proxy may understand it: `weft status`"
    yield none_of("proxies-accept", "no proxy rejects anything", rejected, upgrade)
    other = [
        _with(each.name, each.proxy_version)
        for each in workloads
        if not _near(each.proxy_version, facts.health.version)
    ]
    yield none_of(
        "proxies-version", "proxies and controller fit together", other, "restart them with this version", "warn"
    )
    ended = _those(workloads, lambda each: (each.certificate_seconds_left or 1.0) <= 0)
    yield none_of(
        "certificates-valid", "no proxy's certificate has ended", ended, "it cannot call and cannot be called"
    )
    life = {each.workload: each.not_after - each.not_before for each in facts.certificates.issued}
    short = [
        f"{each.name}: {each.certificate_seconds_left / 60:.0f} min"
        for each in workloads
        if each.certificate_seconds_left and 0 < each.certificate_seconds_left < _short(life.get(each.name))
    ]
    renew = "it should have been renewed by now: is the controller reachable from there?"
    apart = [
        f"{each.name}: {each.clock_ahead_s:+.0f} s"
        for each in workloads
        if each.clock_ahead_s is not None and abs(each.clock_ahead_s) >= CLOCK_S
    ]
    right = "set both (timedatectl, chronyc tracking): certificates and the order of events depend on it"
    yield none_of("clocks", "the clocks of proxies and controller agree", apart, right, "warn")
    yield none_of("certificates-renewed", "certificates are renewed in time", short, renew, "warn")


def _objects(facts: Facts) -> Iterator[Check]:
    objects = facts.status.objects
    for id, condition, what in (
        ("objects-accepted", "Accepted", "every resource is accepted"),
        ("objects-resolved", "ResolvedRefs", "every resource finds what it names"),
        ("objects-programmed", "Programmed", "every resource is in force"),
        ("objects-enforced", "Enforced", "every rule can be enforced on its path"),
    ):
        wrong = [
            each.ref
            for each in objects
            for c in each.conditions
            if c.type == condition and c.status in ("False", "Partial")
        ]
        yield none_of(id, what, wrong, "`weft status` says why")


def _services(facts: Facts) -> Iterator[Check]:
    services = facts.services
    undeclared = [each.name for each in services if not each.declared]
    yield none_of(
        "services-declared", "every served name is declared", undeclared, "apply a Service of that name", "warn"
    )
    empty = [each.name for each in services if each.declared and not each.workloads]
    yield none_of(
        "services-served", "every service has workloads", empty, "callers get 503: `weft run --service NAME`", "warn"
    )
    down = [each.name for each in services if each.workloads and not each.healthy]
    yield none_of("services-up", "every service has a healthy workload", down, "`weft workloads SERVICE`")
    single = [each.name for each in services if each.workloads == 1]
    detail = f"one workload: {named(single)}" if single else ""
    yield Check("services-spare", "services with a spare workload", "skip" if single else "ok", detail)


def _rules(facts: Facts) -> Iterator[Check]:
    what = "every access rule has decided something"
    age = facts.now - facts.health.started_at
    hit = {rule.rule_id for rule in facts.rules if rule.hits or rule.audit_hits}
    ids = [
        f"{each.ref}/{n}" for each in facts.policies for n in range(len(each.document.get("spec", {}).get("rules", ())))
    ]
    if age < RULES_S and set(ids) - hit:
        yield skipped("access-used", what, f"counted for {age / 60:.0f} min only: since the controller's start")
    else:
        never = [rule for rule in ids if rule not in hit]
        yield none_of("access-used", what, never, "is it still needed, and does it mean what it should?", "warn")
    audited = [f"{rule.rule_id}: {rule.audit_hits}" for rule in facts.rules if rule.audit_hits]
    would = "they let through what they would refuse: enforce them, or allow it"
    yield none_of("access-audit", "no audited rule would have refused", audited, would, "warn")


def _traffic(facts: Facts) -> Iterator[Check]:
    def between(edge: Edge) -> str:
        return f"{edge.source} → {edge.destination}"

    clear = [between(edge) for edge in facts.edges if edge.tls != "mtls"]
    strict = "run both ends in the mesh; `strict` then refuses what comes in the clear"
    yield none_of("traffic-encrypted", "all traffic is mTLS", clear, strict, "warn")
    failing = [
        f"{between(edge)} {100 * edge.success_rate:.1f} %"
        for edge in facts.edges
        if edge.success_rate is not None and edge.success_rate < SUCCESS
    ]
    yield none_of(
        "traffic-success", "99 % of requests succeed on each edge", failing, "`weft edges` has reasons", "warn"
    )
    refused = [between(edge) for edge in facts.edges if "access-denied" in edge.reasons]
    who = "is it meant so? `weft explain --from A --to B GET /` names the rule"
    yield none_of("traffic-refused", "nobody is refused", refused, who, "warn")


def _those(workloads: Sequence[Workload], wrong: Callable[[Workload], bool]) -> list[str]:
    return [each.name for each in workloads if wrong(each)]


def _with(name: str, detail: str) -> str:
    return f"{name} ({detail})" if detail else name


def _near(one: str, other: str) -> bool:
    """One minor version apart at most; what is no version is near to nothing."""
    try:
        (major, minor), (their_major, their_minor) = (tuple(map(int, text.split(".")[:2])) for text in (one, other))
    except ValueError:
        return False
    return major == their_major and abs(minor - their_minor) <= 1


def _short(life: float | None) -> float:
    return CERTIFICATE_LEFT * (DAY_S if life is None else life)


def _days(seconds: float) -> str:
    return f"{seconds / DAY_S:.0f} days"
