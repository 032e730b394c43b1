from pathlib import Path

import pytest

from tools.check_test_files import missing


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


CODE = "def f() -> None: ...\n"
RUST = "pub fn f() {}\n"


@pytest.mark.parametrize(
    ("files", "count"),
    [
        ({"python/weft/a/b.py": CODE}, 1),
        ({"python/weft/a/b.py": CODE, "tests/a/test_b.py": ""}, 0),
        ({"python/weft/a/__init__.py": "from weft.a.b import f\n"}, 0),
        ({"python/weft/a/__init__.py": CODE}, 1),
        ({"python/weft/a/__init__.py": CODE, "tests/a/test_a.py": ""}, 0),
        ({"python/weft/mesh.py": CODE, "tests/test_mesh.py": ""}, 0),
        ({"python/weft/v1/x_pb2.py": CODE}, 0),
        ({"tools/x.py": CODE}, 1),
        ({"tools/x.py": CODE, "tests/house/test_x.py": ""}, 0),
        ({"crates/c/src/a.rs": RUST}, 1),
        ({"crates/c/src/a.rs": RUST + "#[cfg(test)]\nmod tests {}\n"}, 0),
        ({"crates/c/src/a.rs": RUST, "crates/c/src/a/tests.rs": ""}, 0),
        ({"crates/c/src/a.rs": RUST, "crates/c/tests/a.rs": ""}, 0),
        ({"crates/c/src/a.rs": "pub mod b;\npub use b::C;\n"}, 0),
    ],
)
def test_a_source_file_with_code_wants_its_test_file(tmp_path: Path, files: dict[str, str], count: int) -> None:
    write(tmp_path, files)
    assert len(missing(tmp_path)) == count
