
from tests.cli.conftest import Fake, Weft
from weft.cli.edges import row, tls
from weft.client.types import Edge, EdgeEnd

EDGE = {
    "source": {"service": "default/web", "version": "", "workload": ""},
    "destination": {"service": "default/reviews", "version": "v2", "workload": ""},
    "tls": "mtls",
    "port": 80,
    "requests": 20,
    "requests_per_second": 0.33,
    "success_rate": 0.95,
    "p50_ms": 1.5,
    "p99_ms": None,
    "reasons": {"access-denied": 1},
}


def test_one_line_per_edge(weft: Weft, controller: Fake) -> None:
    controller.answers["/v1/edges"] = {"seconds": 60, "edges": [EDGE]}
    done = weft("edges", "--by", "version", "--seconds", "10")
    assert done.lines[1].split("  ")[0] == "default/web"
    assert [part.strip() for part in done.lines[1].split("  ") if part.strip()] == [
        *("default/web", "default/reviews v2", "80", "mTLS", "20", "95.0 %", "1.5", "-", "access-denied 1")
    ]
    assert controller.asked[0][1] == "/v1/edges?seconds=10&by=version"


def test_no_traffic_is_no_table(weft: Weft, controller: Fake) -> None:
    controller.answers["/v1/edges"] = {"edges": []}
    done = weft("edges")
    assert (done.status, done.out, done.err) == (0, "", "no traffic in the last 60 s\n")
    assert weft("edges", "-o", "json").err == ""


def test_tls_in_words() -> None:
    assert tls(Edge(EdgeEnd(), EdgeEnd(), tls="plaintext")) == "plain"


def test_a_tcp_edge_counts_connections() -> None:
    assert row(Edge(EdgeEnd(), EdgeEnd(), connections=3))[4] == 3
