from pathlib import Path

import pytest

from tools.check_platform import violations


@pytest.mark.parametrize(
    ("name", "line", "found"),
    [
        ("crates/core/src/a.rs", '#[cfg(target_os = "linux")]', True),
        ("crates/core/src/a.rs", "use nix::sys::socket;", True),
        ("crates/core/src/a.rs", "unsafe { libc::bind() }", True),
        ("crates/core/src/a.rs", "// as epoll does", False),
        ("crates/proxy/src/sys/linux.rs", "libc::epoll_wait()", False),
        ("crates/proxy/src/sys.rs", "libc::getpid()", False),
        ("crates/proxy/src/system.py", "nothing", False),
        ("crates/kernel/src/a.rs", "libc::bpf()", False),
        ("python/weft/a.py", 'open("/proc/self/stat")', True),
        ("python/weft/controller/peercred.py", "socket.SO_PEERCRED", False),
        ("python/weft/controller/rest.py", "socket.SO_PEERCRED", True),
    ],
)
def test_linux_only_names_have_their_place(tmp_path: Path, name: str, line: str, found: bool) -> None:
    path = tmp_path / name
    path.parent.mkdir(parents=True)
    (tmp_path / "python").mkdir(exist_ok=True)
    (tmp_path / "crates").mkdir(exist_ok=True)
    path.write_text(line)
    assert bool(violations(tmp_path)) is found
