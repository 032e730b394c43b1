"""Who may be whom: tokens, certificates and clocks, over real sockets.

What a certificate that is not yet valid or has expired says between two proxies is in crates/proxy/src/tls/tests.rs.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path
from subprocess import CompletedProcess

import grpc
import pytest
from cryptography import x509

from tests.e2e.conftest import World, until
from tests.e2e.support import CAPABILITIES, failed, running
from weft.testing import FakeProxy


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running(tmp_path_factory.mktemp("i")) as made:
        made.controller()
        made.apply(made.service("a"), made.service("b"))
        yield made


def token(world: World, service: str) -> str:
    done = world.weft("token", "create", service)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def joins(world: World, word: str, name: str, service: str) -> CompletedProcess[str]:
    """A job that joins with a token, on what is another machine for all it knows: with a state directory of its own."""
    path = world.folder / f"{name}.token"
    path.write_text(word + "\n")
    state = str(world.folder / f"{name}.state")
    options = ["--token", str(path), "--service", service, "--port", "80", "--name", name, "--state-dir", state]
    return world.weft("run", *options, "--", sys.executable, "-c", "print('it ran')")


def test_a_client_on_another_machine_is_in_the_mesh(world: World) -> None:
    """It serves nothing, and is registered all the same: seen, counted and told what changes."""
    path = world.folder / "client.token"
    path.write_text(token(world, "client"))
    state = str(world.folder / "client.state")
    options = ["--token", str(path), "--name", "client", "--call", "a:80", "--state-dir", state]
    process = world.start("run", *options, "--", sys.executable, "-c", "import signal; signal.pause()")
    with world.mesh() as mesh:
        until(lambda: any(w.name == "default/client" and w.lease == "attached" for w in mesh.workloads()), "the client")
        assert [e.message for e in mesh.events() if e.kind == "registration-refused" and "client" in e.subject] == []
    process.terminate()
    process.wait(60)


def roots(world: World) -> bytes:
    with world.mesh() as mesh:
        return "".join(root.pem for root in mesh.certs().roots).encode()


async def joined(world: World, name: str, service: str) -> FakeProxy:
    proxy = FakeProxy("default", name, f"default/{service}")
    proxy.features = CAPABILITIES
    await proxy.join(token(world, service), roots(world))
    return proxy


async def test_a_token_works_once_and_the_second_is_told_who_used_it(world: World) -> None:
    word = token(world, "a")
    first, second = (FakeProxy("default", name, "default/a") for name in ("a-1", "a-2"))
    await first.join(word, roots(world))
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await second.join(word, roots(world))
    assert caught.value.code() == grpc.StatusCode.UNAUTHENTICATED
    details = caught.value.details() or ""
    assert "was used already, by default/a-1" in details and "hint: " in details
    # The first one's identity is what it was.
    first.connect(f"127.0.0.1:{world.grpc}")
    assert (await first.sign(first.channel)).spiffe_id.endswith("/ns/default/sa/a")
    await first.close()


def test_a_command_runs_only_as_somebody(world: World) -> None:
    word = token(world, "a")
    first = joins(world, word, "short-1", "a")
    assert (first.returncode, "it ran" in first.stdout) == (0, True), first.stderr
    second = joins(world, word, "short-2", "a")
    assert (second.returncode, "it ran" in second.stdout) == (1, False)
    failed(second, "was used already, by default/short-1")


async def test_a_token_for_somebody_else_is_refused_and_not_spent(world: World) -> None:
    word = token(world, "a")
    thief = FakeProxy("default", "thief", "default/b")
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await thief.join(word, roots(world))
    details = caught.value.details() or ""
    assert "default/a" in details and "hint: " in details, details
    rightful = FakeProxy("default", "rightful", "default/a")
    assert (await rightful.join(word, roots(world))).spiffe_id.endswith("/ns/default/sa/a")


async def test_weft_run_says_why_a_used_token_is_refused(world: World) -> None:
    word = token(world, "a")
    await FakeProxy("default", "a-3", "default/a").join(word, roots(world))
    path = world.folder / "used.token"
    path.write_text(word + "\n")
    state = str(world.folder / "used.state")
    options = ["--token", str(path), "--service", "a", "--port", "80", "--name", "a-4", "--state-dir", state]
    world.start("run", *options, "--", sys.executable, "-c", "import signal; signal.pause()")
    log = world.folder / "log"
    until(lambda: "was used already, by default/a-3" in log.read_text(), "the refusal")
    assert "Traceback" not in log.read_text()
    with world.mesh() as mesh:
        assert "default/a-4" not in {workload.name for workload in mesh.workloads()}


def test_what_is_no_token_says_so(world: World) -> None:
    failed(joins(world, "nonsense", "three", "a"), "three.token")


async def test_the_inbound_of_another_workload_is_not_given(world: World) -> None:
    """With a real certificate over mTLS: the names of b's callers and rules are nobody else's business."""
    own = await joined(world, "a-7", "a")
    other = await joined(world, "b-7", "b")
    for proxy in (own, other):
        proxy.connect(f"127.0.0.1:{world.grpc}")
        await proxy.open()
        status = await proxy.attach(ports={80: ("127.0.0.1", 4711)})
        assert proxy.status is not None and not proxy.status.error, status
    await other.subscribe("Inbound", "default/b-7")
    await other.until(lambda: ("Inbound", "default/b-7") in other.held)
    await own.subscribe("Inbound", "default/b-7")
    await own.subscribe("Inbound", "default/a-7")
    await own.until(lambda: ("Inbound", "default/b-7") in own.absent and ("Inbound", "default/a-7") in own.held)
    assert ("Inbound", "default/b-7") not in own.held
    with world.mesh() as mesh:
        (event,) = [one for one in mesh.events() if one.kind == "inbound-refused"]
    assert event.subject == "default/a-7" and "asked for the Inbound of default/b-7" in event.text
    await own.close()
    await other.close()


async def test_a_certificate_renews_nobody_else(world: World) -> None:
    proxy = await joined(world, "a-8", "a")
    proxy.connect(f"127.0.0.1:{world.grpc}")
    proxy.workload.service_account = "b"
    with pytest.raises(grpc.aio.AioRpcError, match="renews itself only"):
        await proxy.sign(proxy.channel)
    await proxy.close()


@pytest.mark.parametrize(
    ("off", "words"),
    [
        (-3600, "behind the controller's: its certificate would not be valid there yet"),
        (86_400, "ahead of the controller's: its certificate would soon be expired there"),
    ],
)
async def test_a_clock_that_is_off_is_told_so_and_what_to_do(world: World, off: int, words: str) -> None:
    proxy = FakeProxy("default", "late", "default/a")
    with world.mesh() as mesh:
        proxy.connect(f"unix:{mesh.health().unix_socket}")
    now = (await proxy.sign(proxy.channel)).unix_seconds
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await proxy.sign(proxy.channel, unix_seconds=now + off)
    details = caught.value.details() or ""
    assert "the clock of default/late is" in details and words in details, details
    assert "hint: set both clocks" in details
    await proxy.close()


def test_the_root_is_what_the_token_says(world: World, tmp_path: Path) -> None:
    """A controller whose root has another hash is not believed."""
    word = token(world, "a")
    root = x509.load_pem_x509_certificate(roots(world))
    from cryptography.hazmat.primitives.serialization import Encoding

    from weft.identity.tokens import JoinToken

    assert JoinToken.decode(word).root == hashlib.sha256(root.public_bytes(Encoding.DER)).hexdigest()
