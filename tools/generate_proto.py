"""Generates `weft.v1` (messages, stubs, typed interfaces) from `proto/weft/v1` into the Python package.

Run by `setup.py` on every build, so that nothing generated is kept in the repository.
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ("weft/v1/program.proto", "weft/v1/discovery.proto", "weft/v1/control.proto")


def generate(root: Path = ROOT) -> None:
    """Write `python/weft/v1/*_pb2{,_grpc}.py` and `.pyi` below `root`; raises SystemExit with protoc's own message."""
    from grpc_tools import protoc  # only needed at build time

    well_known = str(resources.files("grpc_tools") / "_proto")
    out = root / "python"
    (out / "weft" / "v1").mkdir(parents=True, exist_ok=True)
    arguments = ["protoc", f"-I{root / 'proto'}", f"-I{well_known}"]
    arguments += [f"--python_out={out}", f"--pyi_out={out}", f"--grpc_python_out={out}", *SOURCES]
    if protoc.main(arguments) != 0:
        raise SystemExit("error: the contract in proto/weft/v1 does not compile")


if __name__ == "__main__":
    generate()
