"""A Compose healthcheck as health of a weft.yaml: what curl, wget and nc ask, weft asks itself.

Source: https://docs.docker.com/reference/compose-file/services/#healthcheck
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from weft.resources.types import duration_ms, duration_text
from weft.run.spec import START_TIMEOUT_MS

_URL = re.compile(r"https?://[^\s'\"|;&)]+")
_PART = re.compile(r"(\d+(?:\.\d+)?)(h|ms|us|ns|m|s)")
_MS = {"h": 3_600_000, "m": 60_000, "s": 1_000, "ms": 1, "us": 0.001, "ns": 0.000_001}
# Docker asks every 30 s, and waits as long for an answer; three in a row make it unhealthy.
TIMES = {"interval": "interval", "timeout": "timeout"}

Say = Callable[[str, str], object]


def health(check: Mapping[str, Any], ports: Sequence[int], say: Say) -> Any:
    """What stands under `health`; None: nothing to write. `say(field, why)`: what has no place there."""
    if check.get("disable") is True or not ports:
        return None
    probe = _probe(check.get("test"), ports, say)
    if probe is None:
        return None
    found: dict[str, Any] = dict(probe)
    for theirs, name in TIMES.items():
        if theirs in check and (ms := milliseconds(check[theirs])):
            found[name] = duration_text(ms)
    interval = duration_ms(found.get("interval", "10s"))
    if duration_ms(found.get("timeout", "1s")) > interval:
        say("timeout", "an answer may take as long as the interval, at most")
        found["timeout"] = duration_text(interval)
    if isinstance(check.get("retries"), int) and check["retries"] > 0:
        found["fall"] = check["retries"]
    start = milliseconds(check.get("start_period", ""))
    # There it is a time without blame; here the start has failed after it. Less than usual would be a new failure.
    if start > START_TIMEOUT_MS:
        found["start_period"] = duration_text(start)
    if "start_interval" in check:
        say("start_interval", "until it is healthy once, weft asks often")
    return found["http"] if set(found) == {"http"} else found


def _probe(test: Any, ports: Sequence[int], say: Say) -> dict[str, Any] | None:
    words = _words(test)
    if not words:
        return None
    line = " ".join(words)
    if url := _URL.search(line):
        parts = urlsplit(url[0])
        port = parts.port or (443 if parts.scheme == "https" else 80)
        if parts.scheme == "https":
            say("test", "weft asks in clear: a connect instead")
            return {"tcp": True}
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return {"http": path, **({"port": port} if port in ports[1:] else {})}
    if re.search(r"\bnc\b|/dev/tcp/", line):
        asked = [int(number) for number in re.findall(r"\d{2,5}", line) if int(number) in ports[1:]]
        return {"tcp": True, **({"port": asked[0]} if asked else {})}
    say("test", f"weft runs no command to ask the app ({line[:60]}): a connect instead; better: health: /healthz")
    return {"tcp": True}


def _words(test: Any) -> list[str]:
    if isinstance(test, str):
        return [test]
    if not isinstance(test, list) or not test or test[0] == "NONE":
        return []
    words = [str(word) for word in test[1:]]
    return words if test[0] in ("CMD", "CMD-SHELL") else [shlex.join(map(str, test))]


def milliseconds(value: Any) -> int:
    """Of a duration as Go writes it: "1m30s", "1.5s"; 0 for everything else."""
    text = str(value)
    parts = _PART.findall(text)
    whole = "".join(number + unit for number, unit in parts) == text
    return round(sum(float(number) * _MS[unit] for number, unit in parts)) if whole else 0
