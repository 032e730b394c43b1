from pathlib import Path

from tools.site_hooks import on_page_markdown, with_pictures

PAGE = "Before\n\n![The graph](images/dashboard-graph.png)\n\nafter\n"


def test_a_picture_that_is_there_stays(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "dashboard-graph.png").touch()
    assert with_pictures(PAGE, tmp_path) == PAGE


def test_one_that_is_not_is_said_in_words(tmp_path: Path) -> None:
    assert with_pictures(PAGE, tmp_path) == "Before\n\n*Picture, not made in this build: The graph.*\n\nafter\n"


def test_other_pictures_are_left_to_mkdocs() -> None:
    text = "![Planes](pictures/planes.svg)"
    assert on_page_markdown(text, page=None, config=None, files=None) == text
