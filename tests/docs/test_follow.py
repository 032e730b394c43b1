"""The reader of the docs notices what is wrong with a page."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.follow import Wrong, follow
from tests.docs.machine import namespace
from tests.docs.page import Unclear, blocks
from tests.docs.shown import answers

GOOD = """
A file, a directory that stays, a variable that stays, an answer.

```text title="list/names"
Ann
Bob
```

```sh
cd list
export NAME=Bob
```

```console
$ grep --line-number "$NAME" names
2:Bob
$ printf '%s\\n' \\
    two lines
two
lines
```

<!-- test: ends with 1 -->
```console
$ grep Eve names
```

<!-- test: asked until it says so -->
```console
$ cat later || { echo now > later; false; }
now
```
"""
WRONG = {
    "an answer that is another": ("```console\n$ echo a\nb\n```", "page.md:2: `echo a` said"),
    "an answer that is not shown": ("```console\n$ echo a\n```", "`echo a` said"),
    "a command that fails": ("```sh\nfalse\n```", "`false` ended with 1, not 0"),
    "a command that does not": ("<!-- test: ends with 1 -->\n```sh\ntrue\n```", "`true` ended with 0, not 1"),
    "what goes on": ("```sh\nsleep 1000 >/dev/null &\n```", "the page leaves running:\nsleep 1000"),
    "what ends too early": ("<!-- test: in the background until up -->\n```sh\necho down\n```", "ended before it said"),
}
UNCLEAR = {
    "a block without a language": "```\necho\n```",
    "a block without an end": "```sh\necho",
    "a comment that means nothing": "<!-- test: later -->\n```sh\necho\n```",
    "a comment about nothing": "<!-- test: ends with 1 -->\ntext\n",
}


def written(tmp_path: Path, text: str) -> Path:
    page = tmp_path / "page.md"
    page.write_text(text, encoding="utf-8")
    return page


@pytest.fixture
def a_machine() -> None:
    if not namespace():
        pytest.skip("no network namespaces here: run as root, or where users may make them (unshare --user --net)")


@pytest.mark.usefixtures("a_machine")
def test_a_page_that_is_right_is_followed_to_its_end(tmp_path: Path) -> None:
    assert list(follow(written(tmp_path, GOOD)).heard.values())[2:4] == ["2:Bob\n", "two\nlines\n"]


@pytest.mark.usefixtures("a_machine")
@pytest.mark.parametrize("what", WRONG)
def test_a_page_that_is_wrong_is_told_with_its_line(what: str, tmp_path: Path) -> None:
    text, told = WRONG[what]
    with pytest.raises(Wrong) as wrong:
        follow(written(tmp_path, text))
    assert told in str(wrong.value)


@pytest.mark.parametrize("what", UNCLEAR)
def test_a_page_that_nobody_could_follow_is_told(what: str, tmp_path: Path) -> None:
    with pytest.raises(Unclear, match=r"page\.md:\d"):
        blocks(written(tmp_path, UNCLEAR[what]))


@pytest.mark.parametrize(
    ("shown", "said", "same"),
    [
        ("ready after 0.1 s", "ready after 12.4 s", True),
        ("403 access-denied", "404 access-denied", False),
        ("at weft.yaml:19", "at weft.yaml:20", False),
        ("connect 127.0.0.1:36009", "connect 127.0.0.1:41000", True),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8081", False),
        ("100.0 %", "99.0 %", False),
        ("spiffe://5ffb0b9129bf4478.weft/ns", "spiffe://acfa62c9f6f31dad.weft/ns", True),
        ("a  b", "a        b", True),
        ("b ready after 0.1 s\na ready after 0.2 s", "a ready after 0.1 s\nb ready after 0.1 s", True),
        ("a ready after 0.1 s\nup", "up\na ready after 0.1 s", False),
        ("a\n…\nd", "a\nb\nc\nd", True),
        ("a\n…\nd", "a\nd", True),
        ("a\n…", "b\nc", False),
    ],
)
def test_only_what_differs_from_run_to_run_may_differ(shown: str, said: str, same: bool) -> None:
    assert answers(shown.splitlines(), said + "\n") is same


def test_whole_numbers_vary_where_the_page_says_so() -> None:
    assert answers(["mTLS  45  100.0 %"], "mTLS  7  100.0 %\n", numbers_vary=True)
    assert not answers(["mTLS  45  100.0 %"], "mTLS  7  99.9 %\n", numbers_vary=True)
    assert not answers(["v1  45"], "v2  45\n", numbers_vary=True)
