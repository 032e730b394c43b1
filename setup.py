"""Builds weft: generates the contract's Python face, builds the dashboard, then puts both, the extension, the proxy and
the bookshop of `weft demo` into one wheel.

Everything declarative stands in pyproject.toml; read tools/generate_proto.py and tools/build_dashboard.py for the first
two steps.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py
from setuptools.command.sdist import sdist
from setuptools.errors import SetupError
from setuptools_rust import Binding, RustExtension, Strip

ROOT = Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT / "tools"))

from build_dashboard import NotBuilt, build  # noqa: E402 (needs the path above)
from generate_proto import generate  # noqa: E402

# Cargo.lock decides: a wheel holds exactly the versions that were tested.
LOCKED = ["--locked"]


class BuildPy(build_py):
    """Generates before it collects, so that an sdist without generated code builds."""

    def run(self) -> None:
        generate(ROOT)
        # A checkout works without the page, and `make build` says what is missing; pip would not show it.
        if not self.editable_mode:
            require_dashboard()
        super().run()
        if not self.editable_mode:
            take_bookshop(Path(self.build_lib))


class SDist(sdist):
    """Holds the page, so that a wheel is made from it without node."""

    def run(self) -> None:
        require_dashboard()
        super().run()


def require_dashboard() -> None:
    try:
        build(ROOT)
    except NotBuilt as error:
        raise SetupError(f"{error}\n\nhint: {error.hint}") from error


def take_bookshop(package: Path) -> None:
    """What `weft demo` runs stands where people look for examples, and in a wheel beside the code that runs it."""
    target = package / "weft" / "demo" / "bookshop"
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(ROOT / "examples" / "bookshop", target, ignore=shutil.ignore_patterns("__pycache__"))


# `debug=False`: an editable install would otherwise get a debug build, with a second set of compiled dependencies and
# a proxy ten times slower than the one that is shipped.
setup(
    cmdclass={"build_py": BuildPy, "sdist": SDist},
    # One wheel per platform for every Python from 3.11 on.
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
    rust_extensions=[
        RustExtension(
            "weft._core",
            path="crates/python/Cargo.toml",
            cargo_manifest_args=LOCKED,
            debug=False,
            strip=Strip.Debug,
            # The option above says it for wheels; an editable install asks here.
            py_limited_api=True,
        ),
        # Inside the package rather than in bin/: found without asking where pip puts scripts. The `weft-proxy` command
        # is an entry point that replaces itself with it.
        RustExtension(
            {"weft-proxy": "weft.bin.weft-proxy"},
            path="crates/proxy/Cargo.toml",
            binding=Binding.Exec,
            cargo_manifest_args=LOCKED,
            debug=False,
            strip=Strip.Debug,
        ),
    ],
    zip_safe=False,
)
