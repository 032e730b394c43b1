import pytest

from weft.run.loopback import Target
from weft.run.references import filled, told
from weft.run.spec import Spec

DB, ADMIN = Target("default/book-db", 5432), Target("default/book-db", 8008)
ADDRESSES = {DB: "127.64.0.1:5432", ADMIN: "127.64.0.1:8008"}


def test_it_is_what_the_supervisor_tells() -> None:
    names = {DB: "book_db", ADMIN: "book_db_8008"}
    assert told(Spec("a", ports={80: 9001, 81: 9002}), names, ADDRESSES) == {
        "PORT": "9001",
        "PORT_80": "9001",
        "PORT_81": "9002",
        "BOOK_DB_HOST": "127.64.0.1",
        "BOOK_DB_PORT": "5432",
        "BOOK_DB_URL": "http://127.64.0.1:5432",
        "BOOK_DB_8008_HOST": "127.64.0.1",
        "BOOK_DB_8008_PORT": "8008",
        "BOOK_DB_8008_URL": "http://127.64.0.1:8008",
    }
    assert told(Spec("a"), {}, {}) == {}


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("--port=$(PORT)", "--port=9001"),
        ("$(PORT)$(PORT)", "90019001"),
        ("$$(PORT)", "$(PORT)"),
        # A shell's own, or nothing of ours.
        ("$(hostname) $(HOME) $PORT ${PORT} $(PORT", "$(hostname) $(HOME) $PORT ${PORT} $(PORT"),
        ("$$(HOME)", "$$(HOME)"),
    ],
)
def test_what_weft_tells_is_put_in_and_all_else_stays(text: str, meant: str) -> None:
    assert filled(text, {"PORT": "9001"}) == meant
