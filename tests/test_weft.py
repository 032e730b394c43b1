import subprocess
import sys

import pytest

import weft


def test_what_is_public_is_there() -> None:
    for name in weft.__all__:
        assert getattr(weft, name) is not None


def test_what_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="'weft' has no attribute 'Loom'"):
        getattr(weft, "Loom")  # noqa: B009


def test_the_package_alone_imports_nothing() -> None:
    code = "import sys, weft; print(sorted(name for name in sys.modules if name in ('httpx', 'grpc', 'pydantic')))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
