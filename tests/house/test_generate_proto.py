import shutil
from pathlib import Path

import pytest

from tools.generate_proto import ROOT, SOURCES, generate


def test_every_source_gives_messages_and_stubs(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "proto", tmp_path / "proto")
    generate(tmp_path)
    written = {path.name for path in (tmp_path / "python/weft/v1").iterdir()}
    for source in SOURCES:
        stem = Path(source).stem
        assert {f"{stem}_pb2.py", f"{stem}_pb2.pyi", f"{stem}_pb2_grpc.py"} <= written


def test_every_proto_file_is_generated() -> None:
    assert {path.relative_to(ROOT / "proto").as_posix() for path in (ROOT / "proto").rglob("*.proto")} == set(SOURCES)


def test_a_contract_that_does_not_compile_says_where(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for source in SOURCES:
        (tmp_path / "proto" / source).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "proto" / source).write_text('syntax = "proto3"; message Broken {')
    with pytest.raises(SystemExit, match="does not compile"):
        generate(tmp_path)
    assert "program.proto:1" in capfd.readouterr().err
