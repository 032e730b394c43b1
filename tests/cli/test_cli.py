import subprocess
import sys
from pathlib import Path

import weft


def test_the_module_is_the_command() -> None:
    done = subprocess.run([sys.executable, "-m", "weft.cli", "version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"{weft.__version__}\n"


def test_its_exit_status_is_the_commands() -> None:
    assert subprocess.run([sys.executable, "-m", "weft.cli", "fly"], capture_output=True, check=False).returncode == 2


def test_ctrl_c_while_it_is_loaded_is_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "typer.py").write_text("import os, signal; os.kill(os.getpid(), signal.SIGINT); signal.pause()")
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); from weft.cli import main; sys.exit(main())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")
