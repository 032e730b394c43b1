"""The world as it was when the controller stopped."""

from pathlib import Path

from weft.store import registrations
from weft.store.database import Database


def test_what_is_saved_is_loaded_and_what_is_removed_is_not(tmp_path: Path) -> None:
    database = Database(tmp_path / "store.db")
    database.run_blocking(lambda c: registrations.save(c, {"default/a": b"1", "default/b": b"2"}, []))
    database.run_blocking(lambda c: registrations.save(c, {"default/a": b"3"}, ["default/b", "default/never"]))
    assert [(r.name, r.payload) for r in database.run_blocking(registrations.load)] == [("default/a", b"3")]
    database.close()
