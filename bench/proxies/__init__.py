"""One adapter per proxy and topology: a pure function from a site to a launch."""

from collections.abc import Callable, Mapping

from bench.proxies import direct, envoy, haproxy, nginx
from bench.proxies.launch import Launch, Site
from bench.proxies.weft import Weft
from bench.scenarios import Topology

Adapter = Callable[[Site], Launch]

ADAPTERS: Mapping[tuple[Topology, str], Adapter] = {
    (Topology.HOP, "direct"): direct.hop,
    (Topology.HOP, "nginx"): nginx.hop,
    (Topology.HOP, "haproxy"): haproxy.hop,
    (Topology.HOP, "envoy"): envoy.hop,
    (Topology.HOP, "weft"): Weft().hop,
    (Topology.PAIR, "direct"): direct.hop,
    (Topology.PAIR, "haproxy"): haproxy.pair_h1,
    (Topology.PAIR, "haproxy-h2"): haproxy.pair_h2,
    (Topology.PAIR, "envoy-h1"): envoy.pair_h1,
    (Topology.PAIR, "envoy-h2"): envoy.pair_h2,
    (Topology.PAIR, "weft"): Weft().pair,
    (Topology.PAIR, "weft-2p"): Weft().pair_in_two,
}
