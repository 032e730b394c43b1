"""Fields of Compose that mean nothing where no containers run, and why: they are listed, never ignored in silence.

Source: https://docs.docker.com/reference/compose-file/services/
"""

from __future__ import annotations

from collections.abc import Mapping

_CONTAINER = "a setting of containers; the app is a process of this machine"
_LIMITS = "weft limits no processes: ulimit, systemd or cgroups do"
_NETWORK = "everything runs on this machine; calls: says who may call whom"
_NAMES = "clients know it by the name of the service"
_FILES = "a file of containers: let the app read it where it lies, or put its values into env"

TOP: Mapping[str, str] = {
    "configs": _FILES,
    "include": "is not followed: `docker compose config > all.yaml` makes one file of all",
    "models": "weft runs commands, not models",
    "networks": _NETWORK,
    "secrets": _FILES,
    "volumes": "the app uses the files of this machine; data in volumes stays with Docker",
}

SERVICE: Mapping[str, str] = {
    "attach": "all logs are shown; weft logs NAME shows one",
    "cpus": _LIMITS,
    "cpu_count": _LIMITS,
    "cpu_percent": _LIMITS,
    "cpu_quota": _LIMITS,
    "cpu_shares": _LIMITS,
    "cpuset": _LIMITS,
    "configs": _FILES,
    "container_name": _NAMES,
    "develop": "weft restart NAME, when its code has changed",
    "dns": "the names of services are addresses in the app's environment",
    "domainname": _NAMES,
    "extends": "is not followed: `docker compose config > all.yaml` makes one file of all",
    "external_links": _NETWORK,
    "extra_hosts": "write them into /etc/hosts",
    "hostname": _NAMES,
    "image": "weft runs commands of this machine, not images; its interpreter has to be installed here",
    "labels": "labels of containers; those of workloads are versions",
    "links": "calls: says whom it may call, and gives it their addresses",
    "logging": "weft keeps what is said: weft logs",
    "mem_limit": _LIMITS,
    "mem_reservation": _LIMITS,
    "memswap_limit": _LIMITS,
    "network_mode": _NETWORK,
    "networks": _NETWORK,
    "pids_limit": _LIMITS,
    "privileged": "it runs with the rights of whoever runs weft up",
    "pull_policy": "weft pulls no images",
    "read_only": _CONTAINER,
    "restart": "what ends stays ended, with its last lines on the screen: weft restart NAME",
    "secrets": _FILES,
    "stop_grace_period": "after its requests, which may take 45 s, it gets SIGTERM",
    "stop_signal": "it gets SIGTERM",
    "tmpfs": "the app uses the files of this machine",
    "ulimits": _LIMITS,
    "user": "it runs as whoever runs weft up",
    "volumes": "the app uses the files of this machine, where they lie",
    "volumes_from": "the app uses the files of this machine, where they lie",
}
# What Compose knows besides.
OTHERS = frozenset(
    """annotations blkio_config cap_add cap_drop cgroup cgroup_parent cpu_period cpu_rt_period cpu_rt_runtime
    credential_spec device_cgroup_rules devices dns_opt dns_search gpus group_add init ipc isolation label_file
    mac_address mem_swappiness models oom_kill_disable oom_score_adj pid platform post_start pre_stop provider runtime
    security_opt shm_size stdin_open storage_opt sysctls tty use_api_socket userns_mode uts""".split()
)
# What is read.
READ = frozenset(
    """build command depends_on deploy entrypoint env_file environment expose healthcheck ports profiles scale
    working_dir""".split()
)
# Of what somebody else runs.
REACHED = frozenset(("build", "expose", "image", "ports", "profiles"))


def why(field: str) -> str:
    """Why a field of a service has no place; "": it is nothing that Compose knows."""
    return SERVICE.get(field) or (_CONTAINER if field in OTHERS else "")


def why_elsewhere(field: str) -> str:
    """The same of a service that weft does not run: where it is reached is all that matters."""
    return "is for whoever runs it; weft does not" if field not in REACHED else ""
