import json

from tools.generate_schema import PAGE, page


def test_the_file_is_what_the_models_say() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run `make docs`"


def test_it_describes_a_service() -> None:
    assert "run" in json.loads(page())["$defs"]["FileService"]["properties"]
