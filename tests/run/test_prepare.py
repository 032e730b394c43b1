import stat
from dataclasses import replace
from pathlib import Path

import pytest
from google.protobuf.json_format import Parse

from weft.run.loopback import Target
from weft.run.prepare import prepare
from weft.run.spec import Command, ControllerPlace, Spec
from weft.v1 import program_pb2 as v1

PLACE = ControllerPlace("192.0.2.1:15010", "ab" * 32, "/token")


def prepared(spec: Spec, root: Path, taken: set[int] | None = None) -> v1.Launch:
    return Parse(prepare(spec, PLACE, root, taken).read_text(), v1.Launch())


def test_ports_that_were_not_given_are_chosen_once(tmp_path: Path) -> None:
    taken: set[int] = set()
    spec = Spec("a-0", service="default/a", ports={80: 0, 90: 9999}, command=Command(("x",)))
    launch = prepared(spec, tmp_path, taken)
    assert launch.inbound[1].app == "127.0.0.1:9999"
    assert taken == {launch.app.port}
    assert launch.inbound[0].app == f"127.0.0.1:{launch.app.port}"


def test_the_file_is_the_owners_only_and_lies_in_the_workloads_directory(tmp_path: Path) -> None:
    spec = Spec("client", "shop", calls=(Target("shop/a", 80),), command=Command(("x",)))
    path = prepare(spec, PLACE, tmp_path)
    assert path == tmp_path / "workloads/shop/client/launch.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    launch = Parse(path.read_text(), v1.Launch())
    assert launch.state_dir == str(path.parent)
    assert launch.outbound[0].frontend == "shop/a:80"


@pytest.mark.parametrize(
    ("before", "kept"),
    [
        (PLACE, True),
        (replace(PLACE, address="192.0.2.9:15010"), True),  # the same mesh has moved
        (replace(PLACE, root_sha256="cd" * 32), False),
        (ControllerPlace("unix:/run/controller.sock"), False),
    ],
)
def test_what_another_mesh_left_is_not_in_the_way_of_joining(
    tmp_path: Path, before: ControllerPlace, kept: bool
) -> None:
    spec = Spec("client", command=Command(("x",)))
    directory = prepare(spec, before, tmp_path).parent
    for name in ("identity", "program", "lock"):
        (directory / name).touch()
    prepare(spec, PLACE, tmp_path)
    assert [(directory / name).exists() for name in ("identity", "program", "lock")] == [kept, kept, True]
    # Over a unix socket the kernel says who asks: the proxy is given a new identity whatever it has.
    (directory / "identity").touch()
    prepare(spec, ControllerPlace("unix:/run/controller.sock"), tmp_path)
    assert (directory / "identity").exists()


def test_the_controllers_place_goes_along(tmp_path: Path) -> None:
    place = prepared(Spec("client", command=Command(("x",))), tmp_path).controller
    assert (place.address, place.root_sha256, place.token_file) == ("192.0.2.1:15010", "ab" * 32, "/token")
