import subprocess
import sys

import weft


def test_the_module_is_the_command() -> None:
    done = subprocess.run([sys.executable, "-m", "weft.cli", "version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"{weft.__version__}\n"


def test_its_exit_status_is_the_commands() -> None:
    assert subprocess.run([sys.executable, "-m", "weft.cli", "fly"], capture_output=True, check=False).returncode == 2
