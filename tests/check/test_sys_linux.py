from pathlib import Path

from weft.check.sys_linux import Kernel, read

FILES = {
    "proc/meminfo": "MemTotal: 9 kB\n\nMemAvailable:    1000 kB\n",
    "proc/self/status": "Name:\tpython\nCapEff:\t0000000000001400\n",
    "proc/sys/net/ipv4/ip_local_port_range": "32768\t60999\n",
    "proc/sys/net/core/somaxconn": "4096\n",
    "proc/sys/net/ipv4/ip_unprivileged_port_start": "1024\n",
    "sys/fs/cgroup/cgroup.controllers": "cpu memory\n",
    "run/chrony/chronyd.pid": "7\n",
}


def test_what_the_kernel_says_is_read(tmp_path: Path) -> None:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert read(tmp_path) == Kernel(1000 << 10, True, (32768, 60999), 4096, 1024, True, 0x1400)


def test_a_system_without_such_files_is_no_error(tmp_path: Path) -> None:
    assert read(tmp_path) == Kernel(None, None, None, None, None, False, 0)
