"""Of what shape the fields of a Compose service are: what is of another one cannot be guessed at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# What Compose takes for each, and how it is written.
SHAPES: Mapping[str, tuple[tuple[type, ...], str]] = {
    "build": ((str, Mapping), "build: ./web"),
    "command": ((str, list), "command: [program, argument]"),
    "container_name": ((str,), "container_name: web"),
    "depends_on": ((list, Mapping), "depends_on: [db]"),
    "deploy": ((Mapping,), "deploy: {replicas: 2}"),
    "entrypoint": ((str, list), "entrypoint: [program]"),
    "env_file": ((str, list), "env_file: web.env"),
    "environment": ((list, Mapping), "environment: {NAME: value}"),
    "expose": ((list,), "expose: [80]"),
    "healthcheck": ((Mapping,), "healthcheck: {test: [CMD, curl, …]}"),
    "hostname": ((str,), "hostname: web"),
    "image": ((str,), "image: postgres:16"),
    "ports": ((list,), 'ports: ["8080:80"]'),
    "profiles": ((list,), "profiles: [debug]"),
    "scale": ((int, str), "scale: 2"),
    "volumes": ((list,), "volumes: [./web:/app]"),
    "working_dir": ((str,), "working_dir: /app"),
}
KINDS = {Mapping: "a mapping", list: "a list", str: "a string", int: "a number"}


def misshapen(field: str, value: Any) -> tuple[str, str] | None:
    """Why it is wrong and what to write; None: it is right, or empty."""
    kinds, hint = SHAPES.get(field, ((), ""))
    if not kinds or value is None or (isinstance(value, kinds) and not isinstance(value, bool)):
        return None
    return f"is not {' or '.join(KINDS[kind] for kind in kinds)}", hint
