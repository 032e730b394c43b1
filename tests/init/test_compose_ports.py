from typing import Any

import pytest

from weft.init.compose_ports import Port, Unclear, ports_of

VARIABLES = {"P": "8081"}


@pytest.mark.parametrize(
    ("written", "ports"),
    [
        (80, [Port(80)]),
        ("80", [Port(80)]),
        ("8080:80", [Port(80, 8080, 8080)]),
        ("8080:80/tcp", [Port(80, 8080, 8080)]),
        ("53:53/udp", [Port(53, 53, 53, protocol="udp")]),
        ("127.0.0.1:8080:80", [Port(80, 8080, 8080, "127.0.0.1")]),
        ("0.0.0.0:8080:80", [Port(80, 8080, 8080)]),
        ("[::1]:8080:80", [Port(80, 8080, 8080, "::1")]),
        ("127.0.0.1::80", [Port(80)]),
        ("[::1]::80", [Port(80)]),
        ("8080-8081:80-81", [Port(80, 8080, 8080), Port(81, 8081, 8081)]),
        ("${P:-8080}:80", [Port(80, "${P:-8080}", 8081)]),
        ("$P:80", [Port(80, "$P", 8081)]),
        ({"target": 80}, [Port(80)]),
        ({"target": 80, "published": "8080", "host_ip": "127.0.0.1"}, [Port(80, 8080, 8080, "127.0.0.1")]),
        ({"target": 80, "published": "${P}", "protocol": "udp"}, [Port(80, "${P}", 8081, protocol="udp")]),
    ],
)
def test_a_port_is_read_in_each_spelling(written: Any, ports: list[Port]) -> None:
    assert list(ports_of(written, VARIABLES)) == ports


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("8080:eighty", "'eighty' is not a number"),
        ("80000", "1 to 65535"),
        ("0", "1 to 65535"),
        ("1:2:3:4", 'write "8080:80"'),
        ("here:1:2", "not an IP address"),
        ("1-2:3-5", "equally long"),
        ("5-2", "1 to 65535"),
        (True, 'write "8080:80"'),
        (1.5, 'write "8080:80"'),
        ({"published": 1}, "not a number"),
        ("", 'write "8080:80"'),
    ],
)
def test_what_is_no_port_says_what_to_write(written: Any, says: str) -> None:
    with pytest.raises(Unclear, match=says):
        list(ports_of(written, {}))
