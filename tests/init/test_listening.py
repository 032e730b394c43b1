from weft.init.draft import text
from weft.init.listening import draft
from weft.resources.expand import expand_text
from weft.run.sys_ports import Listener


def at(port: int, *command: str, address: str = "127.0.0.1", directory: str = "/srv/shop") -> Listener:
    return Listener(address, port, "1", 4711 if command else None, command, directory if command else "")


def test_each_is_a_service_that_weft_does_not_run() -> None:
    made = draft([at(8000, "python3", "-u", "stock.py", "a b"), at(9000, "/usr/bin/node", "server.js", address="::")])
    assert made.ok
    assert text(made).partition("services:\n")[2] == (
        "  # Port 8000 of process 4711.\n"
        "  # run: python3 -u stock.py 'a b'\n"
        "  # directory: /srv/shop\n"
        "  stock:\n"
        "    port: 8000\n"
        "    endpoints: [{address: 127.0.0.1}]\n"
        "  # Port 9000 of process 4711.\n"
        "  # run: /usr/bin/node server.js\n"
        "  # directory: /srv/shop\n"
        "  shop:\n"
        "    port: 9000\n"
        "    endpoints: [{address: 127.0.0.1}]\n"
    )
    assert expand_text(text(made)).ok


def test_a_database_of_somebody_else_is_known_by_its_port() -> None:
    (entry,) = draft([at(5432)]).entries
    assert entry.name == "postgres"
    assert entry.fields == {"port": 5432, "protocol": "TCP", "endpoints": [{"address": "127.0.0.1"}]}


def test_two_of_one_name_are_told_apart_and_one_on_two_addresses_is_one() -> None:
    made = draft([at(1024, "./shop"), at(2000, "./shop"), at(2000, "./shop", address="::1")])
    assert [entry.name for entry in made.entries] == ["shop", "shop-2000"]


def test_what_is_left_out_is_said() -> None:
    made = draft([at(22), at(631, "cupsd"), at(15080, "python3", "-m", "weft.cli", "controller"), at(40000)])
    assert not made.ok
    assert [(problem.what, problem.why) for problem in made.problems] == [
        ("left out: 22, 40000", "ports of somebody else's processes"),
        ("left out: 631", "ports of the system"),
        ("left out: 15080", "ports of weft"),
    ]
