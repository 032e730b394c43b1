"""What a joined machine knows. A whole one, with its controller, is in `tests/e2e/test_machines.py`."""

import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.run.test_svid import identity
from weft.identity.machines import Grant, MachineToken
from weft.identity.tokens import JoinToken
from weft.run.controller import Failed
from weft.run.member import CLOCK_S, OFFERED, Member, kept_token, machine_token
from weft.run.member import joined as joined_to
from weft.run.spec import Spec

HOST = "127.61.18.5"
GRANTS = (Grant("default", "ratings", "default/ratings", 2), Grant("default", "job"))
RATINGS, JOB = Spec("ratings-0", service="default/ratings", ports={80: 0}), Spec("job-0", account="job")


def token(**change: Any) -> MachineToken:
    made = MachineToken(
        *("ab12", "secret", f"{HOST}:15010", f"{HOST}:15011", "cd" * 32, "t.example", "b", GRANTS, 1000, 4600)
    )
    return replace(made, **change)


def member(folder: Path, **change: Any) -> Member:
    return Member(token(**change), folder / "joined", lambda: 2000.0)


@pytest.fixture
def controller() -> Iterator[str]:
    """Something that listens."""
    with socket.create_server((HOST, 0)) as server:
        yield f"{HOST}:{server.getsockname()[1]}"


def joined(there: Member, spec: Spec, until: float) -> None:
    """As after a first start, with a certificate that is valid until then."""
    directory = there.root / "workloads" / spec.namespace / spec.name
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "identity").write_bytes(identity(until))


# -------------------------------------------------------------------------------------------------------- tokens


def test_the_line_that_was_printed_is_as_good_as_the_token(tmp_path: Path) -> None:
    text = token().encode()
    file = tmp_path / "line"
    file.write_text(f"weft up --join {text}\n")
    assert machine_token(text) == machine_token(f"weft up --join {text}") == machine_token(str(file)) == token()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "cannot be read: no such file or directory"),
        (b"", "not a machine's token"),
        (b"\xff\xfe", "cannot be read: not text"),
        (b"weftm1.e30", "cut off or changed"),
        (b"weft1.e30", "does not begin with weftm1."),
    ],
)
def test_a_file_without_one_is_named(tmp_path: Path, content: bytes | None, says: str) -> None:
    file = tmp_path / "b.token"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(Failed) as caught:
        machine_token(str(file))
    assert str(file) in caught.value.message and says in caught.value.message and caught.value.hint


def test_what_it_joined_with_is_kept_for_itself(tmp_path: Path) -> None:
    there = member(tmp_path)
    assert kept_token(there.root) is None
    offered = there.offer()
    assert machine_token(str(offered)) == token() and kept_token(there.root) is None
    there.keep()
    assert kept_token(there.root) == token()
    assert not offered.exists() and offered.name == OFFERED
    assert (there.root / "token").stat().st_mode & 0o777 == 0o600 and there.root.stat().st_mode & 0o777 == 0o700


def test_a_machine_knows_which_meshes_it_has_joined(tmp_path: Path) -> None:
    assert joined_to(tmp_path) == []
    Member(token(), tmp_path / "joined/shop-1").keep()
    (tmp_path / "joined/torn").mkdir()
    (tmp_path / "joined/torn/token").write_text("weftm1.e30")
    assert joined_to(tmp_path) == [f"{HOST}:15010"]


def test_each_identity_joins_with_a_token_of_its_own(tmp_path: Path) -> None:
    there = member(tmp_path)
    place, other = there.place(RATINGS), there.place(JOB)
    file = Path(place.token_file)
    assert (place.address, place.root_sha256) == (f"{HOST}:15010", "cd" * 32)
    assert file.stat().st_mode & 0o777 == 0o600 and file.parent.stat().st_mode & 0o777 == 0o700
    part, another = (JoinToken.decode(Path(p.token_file).read_text()) for p in (place, other))
    assert (part.id, part.account, part.service, part.expires) == ("ab12.0", "ratings", "default/ratings", 4600)
    assert (another.id, another.account, another.service) == ("ab12.1", "job", "")
    assert len({part.secret, another.secret, "secret"}) == 3


def test_another_token_is_for_the_same_machine_of_the_same_mesh(tmp_path: Path) -> None:
    there = member(tmp_path)
    there.renew(token(id="cd34"))
    assert there.token.id == "cd34"
    for other in (token(machine="c"), token(root="ef" * 32)):
        with pytest.raises(Failed, match="and this runs machine b"):
            there.renew(other)


# ------------------------------------------------------------------------------------------------ before a start


def test_what_the_token_does_not_name_is_not_started(tmp_path: Path) -> None:
    for spec in (Spec("stock-0", service="default/stock"), replace(JOB, namespace="shop"), replace(JOB, account="x")):
        with pytest.raises(Failed, match=f"does not name {spec.key} as {spec.service_account}") as caught:
            member(tmp_path).planned([RATINGS, spec])
        assert "weft token machine b" in str(caught.value.hint)


def test_each_proxy_is_asked_where_it_was_asked_before(tmp_path: Path) -> None:
    there = member(tmp_path)
    first = there.planned([RATINGS, replace(RATINGS, name="ratings-1")])
    assert len({spec.admin for spec in first}) == 2 and not any(spec.admin.endswith(":0") for spec in first)
    assert there.planned([RATINGS])[0].admin == first[0].admin


@pytest.mark.parametrize(
    ("change", "says", "hint"),
    [
        ({"expires": 1990}, "the token expired 10 s ago", "weft token machine b; and compare the clocks"),
        ({"expires": 2000 - 3 * 3600}, "the token expired 3 h ago", "compare the clocks"),
        ({"made": 2000 + 5 * 60}, "is at least 5 min behind that of the controller", "certificates depend on it"),
    ],
)
def test_a_token_out_of_its_time_says_which_clock_to_look_at(
    tmp_path: Path, change: dict[str, int], says: str, hint: str
) -> None:
    there = member(tmp_path, **change)
    there.planned([RATINGS])
    with pytest.raises(Failed) as caught:
        there.check()
    assert says in caught.value.message and hint in str(caught.value.hint)


def test_clocks_may_differ_a_little(tmp_path: Path, controller: str) -> None:
    there = member(tmp_path, controller=controller, join=controller, made=2000 + int(CLOCK_S))
    there.planned([RATINGS])
    assert there.check() == ""


def test_who_has_joined_needs_neither_token_nor_controller(tmp_path: Path) -> None:
    there = member(tmp_path, expires=1990, controller=f"{HOST}:9")
    there.planned([RATINGS])
    joined(there, RATINGS, 3000.0)
    assert there.check() == (
        f"the controller at {HOST}:9 cannot be reached: connection refused; going on with what was kept"
    )
    there.planned([RATINGS, JOB])
    with pytest.raises(Failed, match="expired"):
        there.check()


def test_who_was_off_until_its_certificate_ended_joins_again(tmp_path: Path) -> None:
    there = member(tmp_path, expires=1990)
    there.planned([RATINGS])
    joined(there, RATINGS, 1999.0)
    with pytest.raises(Failed, match="the token expired 10 s ago"):
        there.check()


def test_who_has_not_needs_the_place_for_joining(tmp_path: Path, controller: str) -> None:
    there = member(tmp_path, controller=controller, join=f"{HOST}:9")
    there.planned([RATINGS])
    with pytest.raises(Failed, match=f"the controller at {HOST}:9 cannot be reached"):
        there.check()


# -------------------------------------------------------------------------------------------------- while it runs


@pytest.fixture
def proxy() -> Iterator[dict[str, Any]]:
    """An admin page that answers from a table; its address is under "address"."""
    answers: dict[str, Any] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = json.dumps(answers[self.path]).encode()
            self.send_response(200 if answers[self.path].get("ready", True) else 503)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer((HOST, 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    answers["address"] = f"{HOST}:{server.server_port}"
    yield answers
    server.shutdown()
    server.server_close()


def test_a_workload_is_what_its_own_proxy_says(tmp_path: Path, proxy: dict[str, Any]) -> None:
    there = member(tmp_path)
    there._specs = [replace(RATINGS, admin=proxy["address"]), replace(JOB, admin=f"{HOST}:9")]
    proxy["/certs"] = {"spiffe_id": "spiffe://t/ns/default/sa/ratings"}
    proxy["/ready"] = {
        "ready": True,
        "why": [],
        "app": {"health": "healthy", "reason": ""},
        "controller": {"connected": True},
    }
    (found,) = there.workloads()
    assert (found.name, found.lease, found.health, found.problems) == ("default/ratings-0", "attached", "healthy", ())
    assert found.sync.connected and found.identity.endswith("/sa/ratings")
    proxy["/certs"] = {"spiffe_id": None}
    proxy["/ready"] = {
        "ready": False,
        "why": ["no identity from the controller yet", "draining"],
        "app": {"health": "unhealthy", "reason": "connection refused"},
        "controller": {"connected": False},
    }
    (found,) = there.workloads()
    assert (found.identity, found.health, found.health_reason) == ("", "unhealthy", "connection refused")
    assert found.problems == ("has no identity from the controller yet", "draining")
    assert not found.sync.connected and there.services() == ()
