from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from weft.identity.tokens import JoinToken
from weft.mesh import Mesh
from weft.run.loopback import Target
from weft.run.plan import Unplannable, Wish, dns_label, joining, local

SERVICES = [
    {"name": "default/reviews", "namespace": "default", "ports": [{"port": 80}, {"port": 90}]},
    {"name": "default/ratings", "namespace": "default", "ports": [{"port": 80}]},
    {"name": "shop/cart", "namespace": "shop", "ports": [{"port": 80}]},
    {"name": "default/ghost", "namespace": "default", "declared": False, "ports": []},
]
TOKEN = JoinToken("id", "secret", "192.0.2.1:15010", "192.0.2.1:15011", "ab" * 32, "t.weft", "default", "reviews")


@pytest.fixture
def mesh(tmp_path: Path) -> Mesh:
    socket = tmp_path / "controller.sock"
    socket.touch()

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/v1/health":
            return httpx.Response(200, json={"status": "ok", "unix_socket": str(socket)})
        return httpx.Response(200, json={"services": SERVICES})

    return Mesh.connect("http://127.0.0.1:15080", transport=httpx.MockTransport(answer))


def wish(**more: object) -> Wish:
    return Wish(("python", "app.py"), "reviews-laptop", **more)  # type: ignore[arg-type]


def test_ports_are_those_of_the_service(mesh: Mesh) -> None:
    spec, place = local(wish(service="default/reviews"), mesh)
    assert dict(spec.ports) == {80: 0, 90: 0}
    assert place.address.startswith("unix:/")
    assert dict(local(wish(service="default/reviews", ports=((90, 9001),)), mesh)[0].ports) == {90: 9001}


def test_who_names_no_callees_gets_all_of_the_namespace_but_itself(mesh: Mesh) -> None:
    assert local(wish(service="default/reviews"), mesh)[0].calls == (Target("default/ratings", 80),)


def test_callees_are_named_with_or_without_port(mesh: Mesh) -> None:
    spec, _ = local(wish(calls=(("default/reviews", 0), ("shop/cart", 80))), mesh)
    assert spec.calls == (Target("default/reviews", 80), Target("default/reviews", 90), Target("shop/cart", 80))


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"service": "default/nobody"}, "there is no service default/nobody"),
        ({"service": "default/ghost"}, "there is no service default/ghost"),
        ({"service": "default/reviews", "ports": ((81, 0),)}, "default/reviews has no port 81"),
        ({"ports": ((80, 0),)}, "--port needs --service"),
        ({"calls": (("default/ratings", 81),)}, "default/ratings has no port 81"),
    ],
)
def test_what_does_not_fit_is_said_with_what_there_is(mesh: Mesh, more: dict[str, object], message: str) -> None:
    with pytest.raises(Unplannable, match=message) as caught:
        local(wish(**more), mesh)
    assert caught.value.hint


def test_a_controller_elsewhere_needs_a_token(mesh: Mesh, tmp_path: Path) -> None:
    (tmp_path / "controller.sock").unlink()
    with pytest.raises(Unplannable, match="runs on another machine") as caught:
        local(wish(), mesh)
    assert "weft token create" in str(caught.value.hint)


def test_a_token_says_where_the_controller_is(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(TOKEN.encode() + "\n")
    spec, place = joining(wish(service="default/reviews", ports=((80, 0),), calls=(("default/ratings", 80),)), file)
    assert (place.address, place.root_sha256, place.token_file) == ("192.0.2.1:15010", "ab" * 32, str(file))
    assert spec.calls == (Target("default/ratings", 80),)


def test_whoever_has_a_token_has_its_account(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(TOKEN.encode())
    assert joining(wish(), file)[0].service_account == "reviews"  # not the workload's name
    assert joining(wish(account="reviews"), file)[0].service_account == "reviews"


@pytest.mark.parametrize(
    ("more", "message", "hint"),
    [
        ({"namespace": "shop"}, "namespace default, not shop", "--namespace default"),
        ({"account": "web"}, "service account reviews, not web", "leave --service-account out"),
        ({"service": "default/web", "ports": ((80, 0),)}, "default/reviews, not default/web", "weft token create"),
    ],
)
def test_a_token_for_somebody_else_starts_nothing(
    tmp_path: Path, more: dict[str, object], message: str, hint: str
) -> None:
    file = tmp_path / "token"
    file.write_text(replace(TOKEN, service="default/reviews").encode())
    with pytest.raises(Unplannable, match=message) as caught:
        joining(wish(**more), file)
    assert hint in str(caught.value.hint)


@pytest.mark.parametrize(
    ("text", "more", "message"),
    [
        (None, {}, "cannot be read"),
        ("weft2.x", {}, "not a join token"),
        (TOKEN.encode(), {"service": "default/reviews"}, "--port is missing"),
        (TOKEN.encode(), {"calls": (("default/ratings", 0),)}, "--call needs ports"),
    ],
)
def test_a_token_that_is_not_enough(tmp_path: Path, text: str | None, more: dict[str, object], message: str) -> None:
    file = tmp_path / "token"
    if text is not None:
        file.write_text(text)
    with pytest.raises(Unplannable, match=message):
        joining(wish(**more), file)


@pytest.mark.parametrize(
    ("text", "label"),
    [("Reviews_v1.example", "reviews-v1-example"), ("--", "workload"), ("a" * 80, "a" * 63), ("python3", "python3")],
)
def test_any_text_becomes_a_label(text: str, label: str) -> None:
    assert dns_label(text) == label
