"""$(NAME) in a command and in its environment: what weft tells the app, for apps that want it under another name.

    run: gunicorn --bind 127.0.0.1:$(PORT) shop:app
    env: {DATABASE: "postgres://shop@$(DB_HOST):$(DB_PORT)/shop"}

As in Kubernetes: no shell is asked, what is no such name stays as it is, and $$(NAME) stands for $(NAME) itself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from weft.run.loopback import Target
from weft.run.spec import Spec

_USE = re.compile(r"\$(?P<escaped>\$)?\((?P<name>[A-Z_][A-Z0-9_]*)\)")


def told(spec: Spec, names: Mapping[Target, str], addresses: Mapping[Target, str]) -> dict[str, str]:
    """As the supervisor writes it into the app's environment. `names`: of what it calls, in small letters."""
    ports = {f"PORT_{port}": str(local) for port, local in spec.ports.items()}
    found = {"PORT": next(iter(ports.values())), **ports} if ports else {}
    for target, name in names.items():
        host, _, port = addresses[target].rpartition(":")
        called = {"HOST": host.strip("[]"), "PORT": port, "URL": f"http://{addresses[target]}"}
        found |= {f"{name.upper()}_{what}": value for what, value in called.items()}
    return found


def filled(text: str, known: Mapping[str, str]) -> str:
    def value(use: re.Match[str]) -> str:
        if use["name"] not in known:
            return use[0]
        return use[0][1:] if use["escaped"] else known[use["name"]]

    return _USE.sub(value, text)
