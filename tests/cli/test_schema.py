import json

from tests.cli.conftest import Weft
from weft.resources.schema import schema


def test_the_schema_goes_to_stdout_and_nothing_else(weft: Weft) -> None:
    done = weft("schema")
    assert (done.status, done.err) == (0, "")
    assert json.loads(done.out) == schema()
