"""All types, by topic."""

import dataclasses

import pytest

from weft.client import types


@pytest.mark.parametrize("name", types.__all__)
def test_all_are_frozen_dataclasses(name: str) -> None:
    cls = getattr(types, name)
    assert dataclasses.is_dataclass(cls) and cls.__dataclass_params__.frozen  # type: ignore[attr-defined]
