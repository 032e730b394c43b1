"""One source file, one test file of the same name: fails when a file has none.

Python: `python/weft/<package>/<name>.py` needs `tests/<package>/test_<name>.py`, `tools/<name>.py` needs
`tests/house/test_<name>.py`. Rust: a file needs `mod tests` in itself, or `tests.rs` beside or below it, or a file of
its name in the crate's `tests/`. Files that only re-export need none.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# Each with its reason.
EXEMPT = {
    "crates/proto/build.rs": "generates; the build itself is the test",
    "crates/proto/src/lib.rs": "re-exports generated code",
    "crates/proxy/src/main.rs": "one call of commands::main",
    **{
        f"crates/python/src/{name}.rs": "glue without logic; the vectors ask it from Python"
        for name in ("inbound", "lib", "outbound", "simulation")
    },
}

RUST_TESTS = re.compile(r"^\s*mod tests\b", re.MULTILINE)
# What makes a Rust file more than declarations.
RUST_CODE = re.compile(r"^\s*(?:pub(?:\([^)]*\))? +)?(?:const +|async +|unsafe +)*fn ", re.MULTILINE)


def missing(root: Path = ROOT) -> list[str]:
    """Every source file without a test file, with the test file that it wants."""
    found = [*_missing_python(root), *_missing_rust(root)]
    return sorted(line for line in found if line.split(":")[0] not in EXEMPT)


def _missing_python(root: Path) -> Iterator[str]:
    for source in sorted((root / "python" / "weft").rglob("*.py")):
        relative = source.relative_to(root / "python" / "weft")
        if relative.parts[0] == "v1" or not _has_code(source):
            continue
        wanted = Path("tests", *relative.parent.parts, f"test_{_test_stem(relative)}.py")
        if not (root / wanted).exists():
            yield f"{source.relative_to(root)}: no {wanted}"
    for source in sorted((root / "tools").glob("*.py")):
        wanted = Path("tests", "house", f"test_{source.stem}.py")
        if not (root / wanted).exists():
            yield f"{source.relative_to(root)}: no {wanted}"


def _test_stem(relative: Path) -> str:
    """`__init__` and `__main__` are tested under the name of their package."""
    return relative.stem.strip("_") if not relative.stem.startswith("__") else relative.parent.name or "weft"


def _has_code(source: Path) -> bool:
    tree = ast.parse(source.read_text(encoding="utf-8"))
    return any(isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) for node in tree.body)


def _missing_rust(root: Path) -> Iterator[str]:
    for source in sorted((root / "crates").glob("*/src/**/*.rs")):
        relative = source.relative_to(root)
        # `testing.rs` is what tests share.
        if source.stem in ("tests", "testing") or source.stem.endswith("_tests") or "tests" in relative.parts:
            continue
        text = source.read_text(encoding="utf-8")
        if not RUST_CODE.search(text) or RUST_TESTS.search(text):
            continue
        if not any(place.exists() for place in _rust_places(source, root / Path(*relative.parts[:2]))):
            yield f"{relative}: no `mod tests`"


def _rust_places(source: Path, crate: Path) -> list[Path]:
    name = source.parent.name if source.stem == "mod" else source.stem
    return [
        source.with_suffix("") / "tests.rs",
        source.parent / "tests.rs",
        source.parent / "tests" / "mod.rs",
        source.with_name(f"{source.stem}_tests.rs"),
        source.with_suffix("") / "tests" / "mod.rs",
        crate / "tests" / f"{name}.rs",
    ]


def main() -> int:
    lines = missing()
    for line in lines:
        print(f"error: {line}", file=sys.stderr)
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
