from collections.abc import Callable
from pathlib import Path

import pytest

from tests.init.conftest import Converted

Convert = Callable[[str], Converted]


def test_an_app_that_reads_port_needs_no_more(folder: Path, converted: Convert) -> None:
    found = converted("a: {build: result, command: node server.js, ports: ['80:3000'], scale: 2}")
    fields = {"run": "node server.js", "port": 3000, "publish": 80, "replicas": 2, "directory": "result"}
    assert found.fields["a"] == fields


def test_one_that_is_told_by_its_environment_neither(converted: Convert) -> None:
    found = converted("a: {build: api, command: x, ports: ['80:3000'], environment: {SERVER_PORT: 3000, N: 3000}}")
    assert found.fields["a"]["env"] == {"SERVER_PORT": "$(PORT)", "N": "3000"}
    assert "listen" not in found.fields["a"]


def test_one_that_is_not_told_takes_the_port_itself(converted: Convert) -> None:
    fields = converted("a: {build: api, command: x, ports: ['8000:3000']}").fields["a"]
    assert (fields["listen"], fields["publish"]) == (3000, 8000)


def test_where_people_came_in_the_app_stands_now(converted: Convert) -> None:
    app = "{build: api, command: x, ports: "
    found = converted(f"a: {app}['3000:3000']}}\nb: {app}['13000:80']}}")
    assert (found.fields["a"]["listen"], found.fields["a"]["publish"]) == (3000, 10000)
    assert found.comments["a"] == ["It listens at 3000 itself; the way through the mesh is http://127.0.0.1:10000."]


@pytest.mark.parametrize("more", ["scale: 2, ports: ['1:3000']", "ports: ['1:3000', '2:3001']"])
def test_one_of_several_has_to_read_port(converted: Convert, more: str) -> None:
    found = converted(f"a: {{build: api, command: x, {more}}}")
    assert "listen" not in found.fields["a"]
    assert "does not read PORT" in found.listed["a.ports"] and "which it has to" in found.comments["a"][0]


def test_two_cannot_take_one_port(converted: Convert) -> None:
    found = converted("a: {build: api, command: x, expose: [3000]}\nb: {build: api, command: x, expose: [3000]}")
    assert ("listen" in found.fields["a"], "listen" in found.fields["b"]) == (True, False)


def test_none_takes_a_port_at_which_another_is_reached(converted: Convert) -> None:
    app = "{build: api, command: x, ports: "
    found = converted(f"a: {app}['8080:3000']}}\nb: {app}['3001:8080']}}")
    assert ("listen" in found.fields["a"], "listen" in found.fields["b"]) == (True, False)


def test_a_port_that_is_told_twice_is_told_once(converted: Convert) -> None:
    found = converted("a: {build: api, command: x --port 80, expose: [80], environment: {PORT: 80}}")
    assert found.fields["a"] == {"run": "x --port $(PORT)", "port": 80, "directory": "api"}


def test_the_port_of_a_silent_service_is_learned_from_others(converted: Convert) -> None:
    found = converted(
        """\
        a: {build: worker, environment: {BACK: "http://back_end:5000/x"}}
        back_end: {build: worker, command: x --port 5000}
        """
    )
    assert found.fields["back-end"]["port"] == 5000
    assert found.fields["a"]["env"] == {"BACK": "http://$(BACK_END_HOST):5000/x"}
    assert found.fields["a"]["calls"] == ["back-end"]


def test_an_image_is_where_somebody_else_runs_it(converted: Convert) -> None:
    found = converted(
        """\
        a: {build: worker, depends_on: [db, q, gone]}
        db: {image: postgres:16, ports: ["127.0.0.1:6000:5432"]}
        q: {image: "example.com/own:1", ports: ["80:80", "81:81"]}
        alone: {image: nginx}
        gone: {build: worker, profiles: [x]}
        """
    )
    assert found.fields["db"] == {
        "port": 5432,
        "protocol": "TCP",
        "endpoints": [{"address": "127.0.0.1", "port": 6000}],
    }
    assert found.fields["q"] == {"ports": [80, 81], "endpoints": [{"address": "127.0.0.1"}]}
    assert found.fields["alone"] == {} and "Its port is not known" in found.comments["alone"][1]
    assert found.fields["a"] == {"command": ["./worker", "--often"], "directory": "worker", "calls": ["db", "q"]}
    assert "docker compose up -d db" in found.comments["db"][0]
    assert found.listed["a.depends_on"] == "gone is left out"
    assert "gone" not in found.fields


def test_names_become_labels_and_stay_apart(converted: Convert) -> None:
    found = converted("My_App: {build: worker}\nmy-app: {build: worker}\n")
    assert list(found.fields) == ["my-app", "my-app-2"]


def test_a_health_check_is_ours(converted: Convert) -> None:
    found = converted("a: {build: web, healthcheck: {test: curl -f http://localhost:8000/h, retries: 2}}")
    assert found.fields["a"]["health"] == {"http": "/h", "fall": 2}


def test_what_the_image_would_have_told_it_is_told_here(folder: Path, converted: Convert) -> None:
    (folder / "api" / "Dockerfile").write_text("FROM x\nENV FLASK_RUN_PORT=8000 MODE=image\nCMD flask run\n")
    found = converted("a: {build: api, ports: ['80:8000'], environment: {MODE: own}}")
    assert found.fields["a"]["env"] == {"FLASK_RUN_PORT": "$(PORT)", "MODE": "own"}
    assert "listen" not in found.fields["a"]
