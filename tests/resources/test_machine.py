import pytest

from weft.resources.expand import expand_text
from weft.resources.machine import controller_address


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("192.0.2.1", "192.0.2.1:15010"),
        ("192.0.2.1:1", "192.0.2.1:1"),
        ("127.0.0.1", "127.0.0.1:15010"),
        ("2001:DB8::1", "[2001:db8::1]:15010"),
        ("[2001:db8::1]", "[2001:db8::1]:15010"),
        ("[2001:db8::1]:65534", "[2001:db8::1]:65534"),
    ],
)
def test_an_address_has_a_port(text: str, address: str) -> None:
    assert controller_address(text) == address


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("mesh.example.com", "is not the IP address of a machine"),
        ("http://192.0.2.1", "is not the IP address of a machine"),
        ("192.0.2", "is not the IP address of a machine"),
        ("", "is not the IP address of a machine"),
        ("192.0.2.1:", "is not the IP address of a machine"),
        ("0.0.0.0", "no address at which other machines reach it"),
        ("[::]:15010", "no address at which other machines reach it"),
        ("224.0.0.1", "no address at which other machines reach it"),
        ("192.0.2.1:65535", "a controller has no port 65535"),
        ("192.0.2.1:0", "a controller has no port 0"),
    ],
)
def test_what_is_none_has_its_place_and_a_hint(text: str, says: str) -> None:
    (problem,) = expand_text(f"controller: '{text}'\nservices: {{a: {{run: x}}}}", "w.yaml").problems
    assert str(problem).startswith("error: w.yaml:1:13: ") and says in str(problem) and "hint: " in str(problem)
