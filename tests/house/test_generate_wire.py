import pytest

from tools.generate_wire import MESSAGES, PAGE, SOURCES, page
from weft.v1 import control_pb2, discovery_pb2, program_pb2

EMPTY = """\
a
<!-- generated: capabilities -->
stale
<!-- end: capabilities -->
b
<!-- generated: contract -->
<!-- end: contract -->
c
"""


def test_only_what_is_between_the_markers_changes() -> None:
    text = page(EMPTY)
    assert "stale\n" not in text
    assert text.startswith("a\n<!-- generated: capabilities -->")
    assert text.endswith("<!-- end: contract -->\nc\n")
    assert page(text) == text


def test_a_lost_marker_is_an_error() -> None:
    with pytest.raises(SystemExit, match="lacks the markers of its part 'contract'"):
        page(EMPTY.replace("<!-- end: contract -->", ""))


def test_meanings_come_from_the_comments_of_the_contract() -> None:
    assert '| `Frontend.port` | 3 | uint32 | 0 |  |' in page(EMPTY)
    assert "| `Endpoint.address` | 1 | string | \"\" | An IP address, without port. |" in page(EMPTY)
    assert "| `Workload.labels` | 6 | map | empty |  |" in page(EMPTY)
    assert "- `/weft.v1.Identity/Sign`" in page(EMPTY)


def test_each_message_says_who_writes_and_reads_it() -> None:
    modules = (program_pb2, discovery_pb2, control_pb2)
    assert len(modules) == len(SOURCES)
    assert set(MESSAGES) == {name for module in modules for name in module.DESCRIPTOR.message_types_by_name}


def test_the_page_is_what_the_contract_says() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text == page(text), "run `make docs`"
