from pathlib import Path

import pytest
from google.protobuf.json_format import Parse

from weft.run.launch import build, to_json
from weft.run.loopback import ANY_PORT, Target
from weft.run.spec import Command, ControllerPlace, Health, Restart, Spec
from weft.v1 import program_pb2 as v1

UNIX = ControllerPlace("unix:/run/weft.sock")
STATE = Path("/state/default/reviews-v1-0")
RATINGS = Target("default/ratings", 80)


def launched(spec: Spec) -> v1.Launch:
    addresses = {target: f"127.64.0.{i}:{target.port}" for i, target in enumerate(spec.calls, 1)}
    return build(spec, addresses, UNIX, STATE)


def reviews(**more: object) -> Spec:
    command = Command(("python", "app.py"))
    given = {"service": "default/reviews", "version": "v1", "ports": {80: 9001}, "command": command, **more}
    return Spec("reviews-v1-0", **given)  # type: ignore[arg-type]


def test_the_workload_says_who_it_is() -> None:
    workload = launched(reviews(labels={"tier": "back"}, zone="a")).workload
    assert (workload.namespace, workload.name, workload.service) == ("default", "reviews-v1-0", "default/reviews")
    assert (workload.service_account, workload.version, workload.zone) == ("reviews", "v1", "a")
    assert dict(workload.labels) == {"tier": "back"}


def test_each_service_port_leads_to_the_apps_own() -> None:
    launch = launched(reviews(ports={80: 9001, 9090: 9002}, bind="::1"))
    assert [(i.address, i.port, i.app) for i in launch.inbound] == [
        ("[::1]:0", 80, "127.0.0.1:9001"),
        ("[::1]:0", 9090, "127.0.0.1:9002"),
    ]
    assert launch.app.port == 9001
    assert dict(launch.app.env) == {"PORT_80": "9001", "PORT_9090": "9002"}


def test_each_called_service_has_an_address_and_everything_else_one_by_host() -> None:
    launch = launched(reviews(calls=(RATINGS,)))
    assert [(o.address, o.frontend, o.env) for o in launch.outbound] == [
        ("127.64.0.1:80", "default/ratings:80", "ratings"),
        (ANY_PORT, "", ""),
    ]


@pytest.mark.parametrize(
    ("calls", "names"),
    [
        (["default/book-reviews:80"], ["book_reviews"]),
        (["default/a:80", "default/a:90"], ["a", "a_90"]),
        (["other/a:80", "default/a:80"], ["other_a", "a"]),
        (["other/a:80"], ["a"]),
        (["other/a:80", "third/a:80"], ["a", "third_a"]),
    ],
)
def test_the_app_is_told_by_names_that_do_not_collide(calls: list[str], names: list[str]) -> None:
    targets = tuple(Target(call.partition(":")[0], int(call.partition(":")[2])) for call in calls)
    assert [o.env for o in launched(reviews(calls=targets)).outbound if o.frontend] == names


@pytest.mark.parametrize(
    ("health", "kind", "value"),
    [
        (None, "tcp", True),
        (Health(http_path="/healthz"), "http_path", "/healthz"),
        (Health(grpc_service=""), "grpc_service", ""),
    ],
)
def test_an_app_that_says_nothing_is_ready_when_it_accepts(health: Health | None, kind: str, value: object) -> None:
    check = launched(reviews(health=health)).app.health
    assert check.WhichOneof("kind") == kind
    assert getattr(check, kind) == value
    assert (check.port, check.rise, check.fall) == (80, 2, 3)


@pytest.mark.parametrize(
    ("restart", "policy"),
    [
        ("never", v1.RESTART_POLICY_NEVER),
        ("on-failure", v1.RESTART_POLICY_ON_FAILURE),
        ("always", v1.RESTART_POLICY_ALWAYS),
    ],
)
def test_restart_policies(restart: Restart, policy: int) -> None:
    assert launched(reviews(command=Command(("a",), restart=restart))).app.restart == policy


def test_what_the_user_sets_wins_over_what_weft_sets() -> None:
    assert launched(reviews(command=Command(("a",), env={"PORT_80": "1"}))).app.env["PORT_80"] == "1"


def test_an_apps_outbound_side_is_its_own_and_what_is_published_is_everybodys() -> None:
    assert launched(reviews()).own_app_only
    edge = launched(Spec("edge", publish={"127.0.0.1:8080": Target("default/web", 80)}))
    assert not edge.own_app_only
    assert not edge.HasField("app")
    assert [(o.address, o.frontend, o.env) for o in edge.outbound] == [("127.0.0.1:8080", "default/web:80", "")]


def test_a_pure_client_has_no_port_and_no_health() -> None:
    launch = launched(Spec("batch", command=Command(("a",))))
    assert not launch.inbound
    assert not launch.app.HasField("health")
    assert launch.app.port == 0


def test_the_file_is_protobuf_json_with_the_contracts_names() -> None:
    launch = launched(reviews(calls=(RATINGS,)))
    text = to_json(launch)
    assert '"state_dir": "/state/default/reviews-v1-0"' in text
    assert Parse(text, v1.Launch()) == launch


def test_an_app_may_have_what_it_is_told_under_names_of_its_own() -> None:
    command = Command(("serve", "--on", "127.0.0.1:$(PORT)", "$(HOME)"), {"BACK": "$(RATINGS_URL)/v1", "$(PORT)": "x"})
    app = launched(reviews(command=command, calls=(RATINGS,))).app
    assert list(app.command) == ["serve", "--on", "127.0.0.1:9001", "$(HOME)"]
    assert dict(app.env) == {"PORT_80": "9001", "BACK": "http://127.64.0.1:80/v1", "$(PORT)": "x"}
