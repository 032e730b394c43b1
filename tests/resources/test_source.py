import pytest

from tests.resources.support import complaints, one
from weft.resources import load_text


def sources(text: str, ports: str = "{port: 80}") -> list[str]:
    return [str(s) for s in one("Service", f"{{ports: [{ports}], discovery: [{text}]}}").spec.discovery]


# As written → its name.
NAMES = {
    "{dns: DB.example.com}": "dns db.example.com",
    "{dns: db.example.com.}": "dns db.example.com.",
    "{dns: {name: localhost, type: AAAA, port: 5432}}": "dns localhost AAAA port 5432",
    "{dns: {name: db, server: '192.0.2.53'}}": "dns db at 192.0.2.53:53",
    "{dns: {name: db, server: '192.0.2.53:5353'}}": "dns db at 192.0.2.53:5353",
    "{dns: {name: db, server: '::1'}}": "dns db at [::1]:53",
    "{dns: {name: db, server: '[::1]:5353'}}": "dns db at [::1]:5353",
    "{dns: _postgres._tcp.example.com}": "dns _postgres._tcp.example.com",
    "{file: /etc/weft/db.yaml}": "file /etc/weft/db.yaml",
    "{file: {path: /etc/weft/db.json}}": "file /etc/weft/db.json",
}


@pytest.mark.parametrize(("text", "name"), NAMES.items())
def test_a_source_has_a_name(text, name):
    assert sources(text) == [name]


def test_a_name_with_an_underscore_means_srv_unless_it_is_said_otherwise():
    text = "{dns: _a._tcp.x}, {dns: {name: _b.x, type: A}}, {dns: c}"
    asked = one("Service", f"{{ports: [{{port: 80}}], discovery: [{text}]}}")
    assert [s.dns.srv for s in asked.spec.discovery] == [True, False, False]


# What is wrong → part of the complaint, part of the hint.
WRONG = {
    "{}": ("exactly one of dns, file", "dns: db.example.com"),
    "{dns: a.example, file: /x.yaml}": ("exactly one of dns, file", ""),
    "{dns: 192.0.2.7}": ("is an address", "endpoints: [{address: 192.0.2.7}]"),
    "{dns: 192.0.2.7.}": ("is an address", "endpoints: [{address: 192.0.2.7}]"),
    "{dns: '2001:db8::7'}": ("is an address", "endpoints"),
    "{dns: 'db.example.com:5432'}": ("not a host name", "name: db.example.com, port: 5432"),
    "{dns: 'postgres://db/x'}": ("not a host name", "such as db.example.com"),
    "{dns: ''}": ("not a host name", ""),
    "{dns: {name: a.example, type: MX}}": ('"MX" is not possible', "SRV"),
    "{dns: {name: a.example, type: SRV, port: 80}}": ("an SRV record brings its own port", "remove port"),
    "{dns: {name: a.example, server: ns.example.com}}": ("is not a DNS server", "its address"),
    "{dns: {name: a.example, server: '192.0.2.53:'}}": ("is not a DNS server", "its address"),
    "{dns: {name: a.example, server: '192.0.2.53:0'}}": ("is not a DNS server", "its address"),
    "{dns: {name: a.example, ttl: 5s}}": ('unknown field "ttl"', "own TTL holds"),
    "{dns: {name: a.example, prot: 5}}": ('unknown field "prot"', 'did you mean "port"'),
    "{file: db.yaml}": ("is relative", "its whole path on that machine"),
    "{file: /etc/shadow}": ("neither YAML nor JSON", ".yaml"),
    "{consul: web}": ("not supported yet: consul", ""),
    "{static: [1]}": ('unknown field "static"', "beside discovery"),
    "{dns: a.example}, {dns: a.example}": ("'dns a.example' twice", "one entry per name"),
}


@pytest.mark.parametrize(("text", "said"), WRONG.items(), ids=WRONG)
def test_what_is_wrong_is_said_with_a_hint(text, said):
    found = "\n".join(complaints("Service", f"{{ports: [{{port: 80}}], discovery: [{text}]}}"))
    assert said[0] in found
    assert said[1] in found


def test_a_complaint_has_line_and_column():
    loaded = load_text(
        "apiVersion: weft/v1\nkind: Service\nmetadata: {name: a}\n"
        "spec:\n  ports: [{port: 80}]\n  discovery:\n  - dns: a.example\n  - file: x.yaml\n",
        "db.yaml",
    )
    assert [p.place for p in loaded.problems] == ["db.yaml:8:11"]


PORTS = "{port: 80}, {port: 81}"


@pytest.mark.parametrize("text", ["{dns: {name: a.example, port: 5}}", "{dns: _a._tcp.x}"])
def test_a_port_of_its_own_is_ambiguous_where_the_service_has_several(text):
    [found] = complaints("Service", f"{{ports: [{PORTS}], discovery: [{text}]}}")
    assert "ambiguous where the service has several" in found
    assert sources("{dns: a.example}", PORTS) == ["dns a.example"]


def test_it_reads_back_as_it_was_written():
    given = one("Service", "{ports: [{port: 80}], discovery: [{dns: {name: a.example, port: 5}}, {file: /x.json}]}")
    assert given.to_dict()["spec"]["discovery"] == [
        {"dns": {"name": "a.example", "port": 5}},
        {"file": {"path": "/x.json"}},
    ]
