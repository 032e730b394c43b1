"""What the adapters render: the parts on which fairness hangs."""

import json
from pathlib import Path
from typing import Any

import pytest

from bench import certificates
from bench.proxies import ADAPTERS, envoy, haproxy, nginx, weft_program
from bench.proxies.launch import PATH, Launch, Site
from bench.proxies.weft import Weft
from bench.scenarios import SCENARIOS, Topology

ENTRY, INNER, STRANGER, BACKEND = 18001, 18002, 18003, 18004
CLIENT = "spiffe://bench.test/ns/default/sa/client"
SERVER = "spiffe://bench.test/ns/default/sa/server"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    folder = tmp_path_factory.mktemp("site")
    return Site(folder, ENTRY, INNER, STRANGER, BACKEND, certificates.make(folder))


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    # Rendering needs a path that exists, not the program.
    monkeypatch.setenv("ENVOY", __file__)
    monkeypatch.setenv("WEFT_PROXY", __file__)


def only_file(launch: Launch) -> str:
    (content,) = launch.files.values()
    return content


def test_every_proxy_of_every_scenario_has_an_adapter(site: Site) -> None:
    for scenario in SCENARIOS:
        for proxy in scenario.proxies:
            launch = ADAPTERS[scenario.topology, proxy](site)
            assert launch.entry == (BACKEND if proxy == "direct" else ENTRY)


def test_every_pair_is_proved_to_be_guarded(site: Site) -> None:
    for (topology, proxy), adapter in ADAPTERS.items():
        guarded = adapter(site).guarded
        if topology is Topology.PAIR and proxy != "direct":
            assert guarded is not None
            assert guarded.port == INNER
            assert bool(guarded.stranger) == proxy.startswith("weft")


def test_the_stranger_is_another_caller_of_the_same_callee(site: Site) -> None:
    program = weft_program.weft_stranger(site, "server")
    assert program["launch"]["certificateFile"].endswith("stranger.pem")
    assert program["launch"]["outbound"][0]["address"] == f"127.0.0.1:{STRANGER}"
    assert program["endpoints"] == weft_program.weft_pair_client(site)["endpoints"]


def test_nginx_never_closes_a_connection_for_its_age(site: Site) -> None:
    config = only_file(nginx.hop(site))
    assert config.count("keepalive_requests 1000000000;") == 2
    assert "keepalive 512;" in config
    assert 'proxy_set_header Connection "";' in config


def test_the_backend_answers_with_the_body_asked_for(site: Site) -> None:
    config = only_file(nginx.backend(site, 64))
    assert f'return 200 "{"x" * 64}";' in config
    assert f"listen 127.0.0.2:{BACKEND};" in config


def test_a_body_that_nginx_cannot_inline_is_refused(site: Site) -> None:
    with pytest.raises(ValueError, match="at most"):
        nginx.backend(site, 1_000_000)


@pytest.mark.parametrize(("adapter", "alpn"), [(haproxy.pair_h1, "http/1.1"), (haproxy.pair_h2, "h2")])
def test_haproxys_halves_verify_each_other(site: Site, adapter: Any, alpn: str) -> None:
    config = only_file(adapter(site))
    assert config.count(f"verify required alpn {alpn}") == 2
    assert "http-request deny unless { ssl_c_s_dn(cn) -m str client }" in config
    assert config.count("ssl-min-ver TLSv1.3") == 2
    assert "nbthread 1\n" in config


@pytest.mark.parametrize(("adapter", "alpn"), [(envoy.pair_h1, "http/1.1"), (envoy.pair_h2, "h2")])
def test_envoys_halves_verify_each_other(site: Site, adapter: Any, alpn: str) -> None:
    static = json.loads(only_file(adapter(site)))["static_resources"]
    accept = static["listeners"][1]["filter_chains"][0]
    connect = static["clusters"][0]["transport_socket"]["typed_config"]
    tls = accept["transport_socket"]["typed_config"]
    assert tls["require_client_certificate"] is True
    for context in (tls, connect):
        common = context["common_tls_context"]
        assert common["alpn_protocols"] == [alpn]
        assert common["tls_params"]["tls_minimum_protocol_version"] == "TLSv1_3"
    assert SERVER in json.dumps(connect)
    manager = accept["filters"][0]["typed_config"]
    assert [f["name"] for f in manager["http_filters"]] == ["rbac", "router"]
    assert CLIENT in json.dumps(manager["http_filters"][0])


def test_no_limit_of_envoys_can_be_reached(site: Site) -> None:
    static = json.loads(only_file(envoy.pair_h2(site)))["static_resources"]
    for cluster in static["clusters"]:
        (limits,) = cluster["circuit_breakers"]["thresholds"]
        assert set(limits.values()) == {1_000_000}
        assert len(limits) == 4


def test_only_the_last_of_wefts_hundred_rules_matches(site: Site) -> None:
    (frontend,) = weft_program.weft_hop(site)["frontends"]
    matches = [route["match"] for route in frontend["routes"]]
    assert len(matches) == 100
    assert [i for i, match in enumerate(matches) if _matches(match)] == [99]


def _matches(match: dict[str, str]) -> bool:
    if "pathExact" in match:
        return match["pathExact"] == PATH
    prefix = match["pathPrefix"]
    return prefix == PATH or PATH.startswith(prefix + "/")


def test_wefts_hop_has_two_endpoints_to_pick_from(site: Site) -> None:
    (group,) = weft_program.weft_hop(site)["endpoints"]
    assert [e["address"] for e in group["endpoints"]] == ["127.0.0.1", "127.0.0.2"]
    assert not any("identity" in e for e in group["endpoints"])


def test_wefts_pair_allows_one_principal_and_denies_the_rest(site: Site) -> None:
    (inbound,) = weft_program.weft_pair_server(site)["inbounds"]
    (port,) = inbound["ports"]
    assert port["tls"] == "TLS_MODE_STRICT"
    assert port["otherwise"] == "ACCESS_DEFAULT_DENY"
    assert port["access"][0]["sources"] == [{"principals": [CLIENT]}]


@pytest.mark.parametrize(
    ("program", "identity"),
    [(weft_program.weft_pair, CLIENT), (weft_program.weft_pair_client, SERVER)],
)
def test_weft_expects_the_identity_that_the_far_end_has(site: Site, program: Any, identity: str) -> None:
    (group,) = program(site)["endpoints"]
    assert [e["identity"] for e in group["endpoints"]] == [identity]


def test_weft_in_two_processes_starts_the_server_first(site: Site) -> None:
    launch = Weft().pair_in_two(site)
    files = [Path(command[-1]).name for command in launch.commands]
    assert files == ["server.json", "client.json"]
    assert "frontends" not in json.loads(launch.files["server.json"])
    assert "inbounds" not in json.loads(launch.files["client.json"])
