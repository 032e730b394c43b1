from tools.generate_cli import PAGE, page


def test_the_page_is_what_the_commands_say() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run `make docs`"


def test_every_command_has_a_section() -> None:
    text = page()
    for command in ("up", "run", "apply", "explain", "token create", "version"):
        assert f"## weft {command}\n\n```text\nUsage: weft {command}" in text
