"""`weft run`: apps and jobs of the mesh, one by one."""

import json
import os
import signal
import subprocess
from typing import Any

import pytest

from tests.e2e.conftest import World, get, processes_below, until

SHOW = "import json, os; print(json.dumps(dict(os.environ)))"
FETCH = """
import json, os, urllib.error, urllib.request
try:
    with urllib.request.urlopen({url}, timeout=15) as response:
        print(response.status, response.read().decode())
except urllib.error.HTTPError as error:
    print(error.code, json.dumps(dict(error.headers)))
"""


def fetched(world: World, url: str, *options: str) -> tuple[int, Any]:
    done = world.job(FETCH.format(url=url), *options)
    assert done.returncode == 0, done.stdout + done.stderr
    status, _, body = done.stdout.strip().splitlines()[-1].partition(" ")
    return int(status), json.loads(body)


def test_an_app_is_called_by_name_with_the_callers_identity(world: World) -> None:
    world.controller()
    world.apply(world.service("reviews"))
    world.serve("reviews")
    status, seen = fetched(world, 'os.environ["REVIEWS_URL"] + "/a?b=c"', "--name", "client")
    assert (status, seen["path"]) == (200, "/a?b=c")
    assert seen["headers"]["weft-principal"].endswith("/ns/default/sa/client")
    assert seen["headers"]["x-request-id"]
    assert {name for name in seen["headers"] if name.startswith("weft-")} == {"weft-principal"}
    status, seen = fetched(world, '"http://reviews.default.mesh/by-host"', "--name", "client")
    assert (status, seen["path"]) == (200, "/by-host")


def test_traffic_becomes_an_edge_with_its_encryption(world: World) -> None:
    world.controller()
    world.apply(world.service("front"), world.service("reviews"))
    world.serve("reviews")
    world.serve("front")
    front = world.inbound("default/front-0")
    for i in range(5):
        assert get(front, f"/to/reviews/{i}").status == 200
    with world.mesh() as mesh:
        edges = until(lambda: [e for e in mesh.edges() if e.source.service == "default/front"], "the edge")
        outside = until(lambda: [e for e in mesh.edges() if e.destination.service == "default/front"], "the other")
    assert (edges[0].destination.service, edges[0].tls, edges[0].side) == ("default/reviews", "mtls", "source")
    assert (outside[0].source.service, outside[0].tls, outside[0].side) == ("", "plaintext", "destination")


def test_a_job_that_is_over_at_once_is_an_edge_when_it_has_ended(world: World) -> None:
    """Three of them: none may hang on where in its second the reporter was."""
    world.controller()
    world.apply(world.service("reviews"))
    world.serve("reviews")
    for name in ("quick-1", "quick-2", "quick-3"):
        assert fetched(world, 'os.environ["REVIEWS_URL"]', "--name", name)[0] == 200
        with world.mesh() as mesh:
            found = [e.requests for e in mesh.edges(by="workload") if e.source.workload == f"default/{name}"]
        assert found == [1], name


def test_a_job_is_told_where_everything_is_and_no_secrets(world: World) -> None:
    world.controller()
    world.apply(world.service("book-reviews"))
    done = world.job(SHOW, "--name", "client", "--version", "v7")
    assert done.returncode == 0, done.stderr
    env = json.loads(done.stdout)
    assert env["BOOK_REVIEWS_URL"] == f"http://{env['BOOK_REVIEWS_HOST']}:{env['BOOK_REVIEWS_PORT']}"
    assert env["BOOK_REVIEWS_HOST"].startswith("127.")
    assert env["HTTP_PROXY"].startswith("http://127.0.0.1:")
    assert (env["WEFT_WORKLOAD"], env["WEFT_VERSION"]) == ("client", "v7")
    assert not {"WEFT_CONTROLLER", "WEFT_STATE_DIR", "WEFT_TOKEN"} & env.keys()


@pytest.mark.parametrize("status", [0, 3])
def test_a_jobs_exit_status_is_the_commands(world: World, status: int) -> None:
    world.controller()
    assert world.job(f"raise SystemExit({status})", "--name", "client").returncode == status


def test_one_workload_runs_once_and_its_place_is_free_afterwards(world: World) -> None:
    world.controller()
    world.apply(world.service("reviews"))
    running = world.serve("reviews")
    second = world.weft("run", "--service", "reviews", "--name", "reviews-0", "true")
    assert second.returncode == 1
    assert "default/reviews-0 is already running on this machine" in second.stderr
    running.terminate()
    assert running.wait(60) == 0
    assert processes_below(world.folder / "app.py") == []
    world.serve("reviews")


def test_a_refused_caller_is_told_the_reason_and_explain_the_rule(world: World) -> None:
    world.controller()
    policy = {
        "apiVersion": "weft/v1",
        "kind": "AccessPolicy",
        "metadata": {"name": "readers"},
        "spec": {
            "targetRefs": [{"kind": "Service", "name": "reviews"}],
            "action": "Allow",
            "rules": [{"from": [{"services": ["web"]}], "to": [{"paths": [{"prefix": "/public"}]}]}],
        },
    }
    world.apply(world.service("reviews"), world.service("web"), policy)
    world.serve("reviews")
    url = 'os.environ["REVIEWS_URL"] + {path!r}'
    web = ("--service-account", "web", "--name", "client")
    assert fetched(world, url.format(path="/public/1"), *web)[0] == 200
    assert fetched(world, url.format(path="/private"), *web)[0] == 403
    assert fetched(world, url.format(path="/public/%2e%2e/private"), *web)[0] == 400
    status, headers = fetched(world, url.format(path="/public/1"), "--name", "stranger")
    headers = {name.lower(): value for name, value in headers.items()}
    assert (status, headers["weft-reason"]) == (403, "access-denied")
    assert "weft-origin" not in headers
    explained = world.weft("explain", headers["x-request-id"])
    assert explained.returncode == 0, explained.stderr
    assert "AccessPolicy/default/readers" in explained.stdout
    asked = world.weft("explain", "--from", "stranger", "--to", "reviews", "/public/1")
    assert "403 access-denied" in asked.stdout
    assert "AccessPolicy/default/readers" in asked.stdout


def test_another_machine_joins_with_a_token_once(world: World) -> None:
    world.controller()
    world.apply(world.service("reviews"))
    token = world.folder / "token"
    token.write_text(world.weft("token", "create", "reviews").stdout)
    token.chmod(0o600)
    world.serve("reviews", "--token", str(token), "--port", "80")
    assert fetched(world, 'os.environ["REVIEWS_URL"]', "--name", "client")[0] == 200
    with world.mesh() as mesh:
        assert {issued.workload: issued.proof for issued in mesh.certs().issued}["default/reviews-0"] == "token"
        assert mesh.tokens()[0].used == 1


def test_without_its_controller_a_mesh_goes_on_also_through_a_restart(world: World) -> None:
    """R10: what is in force stays in force."""
    controller = world.controller()
    world.apply(world.service("front"), world.service("reviews"))
    world.serve("reviews")
    serving = world.serve("front")
    front = world.inbound("default/front-0")
    assert get(front, "/to/reviews/before").status == 200
    controller.send_signal(signal.SIGKILL)
    controller.wait()
    assert get(front, "/to/reviews/after").status == 200
    # The proxy alone: its supervisor keeps the sockets and starts another one, from the state directory.
    children = subprocess.run(["ps", "-ewwo", "pid,ppid,args"], capture_output=True, text=True, check=True).stdout
    [proxy] = [
        int(line.split()[0])
        for line in children.splitlines()
        if line.split()[1] == str(serving.pid) and line.endswith("weft-proxy serve")
    ]
    os.kill(proxy, signal.SIGKILL)
    until(lambda: _served(front) == 200, "the new proxy")


def _served(address: str) -> int | None:
    try:
        return get(address, "/to/reviews/restarted").status
    except OSError:
        return None


def test_a_route_leads_to_another_port(world: World) -> None:
    """The callee is told the port of the backend, not that of the service that was called."""
    world.controller()
    rule = {"backendRefs": [{"name": "a", "port": 9080}]}
    spec = {"parentRefs": [{"group": "", "kind": "Service", "name": "front"}], "rules": [rule]}
    metadata = {"name": "elsewhere"}
    route = {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": metadata, "spec": spec}
    world.apply(world.service("front"), world.service("a", 9080), route)
    world.serve("a")
    code = "import os, urllib.request as r; print(r.urlopen(os.environ['FRONT_URL'] + '/x', timeout=15).status)"
    done = world.job(code, "--call", "front:80")
    assert done.stdout == "200\n", done.stderr
