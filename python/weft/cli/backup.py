"""`weft backup` and `weft restore`: a controller's state as one file."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from weft.cli.failure import note
from weft.cli.options import Format, Output
from weft.cli.output import emit

if TYPE_CHECKING:
    from weft.backup import Manifest

File = Annotated[Path, typer.Argument(metavar="FILE")]
StateDir = Annotated[
    Path | None, typer.Option(metavar="DIR", help="The controller's; else `controller` in $WEFT_STATE_DIR or the usual")
]
HEADERS = ("FIELD", "VALUE")


def backup(
    file: File,
    state_dir: StateDir = None,
    force: Annotated[bool, typer.Option("--force", help="Replace FILE")] = False,
    output: Output = Format.TABLE,
) -> None:
    """Write a controller's store and CA to a file.

    While the controller runs, or not. Keep the file secret: it holds the root
    key, and whoever has that can be anybody in the mesh.
    """
    from weft.backup import write

    manifest = write(controller_directory(state_dir), file, time.time(), force=force)
    emit(manifest, output, HEADERS, rows(file, manifest))


def restore(
    file: File,
    state_dir: StateDir = None,
    force: Annotated[bool, typer.Option("--force", help="Move a state that is there aside")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check the file, change nothing")] = False,
    output: Output = Format.TABLE,
) -> None:
    """Put a controller's state back, from a file of `weft backup`.

    Same identity, so that workloads that run need nothing. What was applied
    after the backup is not in it, and join tokens do not come back: apply your
    files, make new tokens.
    """
    from weft.backup import restore as put
    from weft.backup.restore import verify

    if dry_run:
        with tempfile.TemporaryDirectory(prefix="weft-restore-") as scratch:
            manifest = verify(file, Path(scratch))
        emit(manifest, output, HEADERS, rows(file, manifest))
        note(f"{file} is whole; nothing was changed (dry run)")
        return
    directory = controller_directory(state_dir)
    done = put(file, directory, time.time(), force=force)
    emit(done, output, HEADERS, rows(file, done.manifest))
    if done.aside:
        note(f"what was there is in {done.aside}")
    note(
        f"restored {directory}, which goes on at revision {done.revision}\n\n"
        "hint: start the controller, apply your files again, make new join tokens"
    )


def controller_directory(given: Path | None) -> Path:
    """Where `weft controller` with the same option keeps its state."""
    from weft.run.state import state_root

    return state_root() / "controller" if given is None else given.absolute()


def rows(file: Path, manifest: Manifest) -> list[tuple[str, object]]:
    made = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(manifest.created_at))
    return [
        ("file", file),
        ("made", f"{made} by weft {manifest.weft}"),
        ("trust domain", manifest.trust_domain),
        ("revision", manifest.revision),
        ("schema", manifest.schema),
        *((name, f"{each.size} bytes, sha256 {each.sha256[:16]}…") for name, each in manifest.files.items()),
    ]
