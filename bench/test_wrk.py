import pytest

from bench import wrk

OUTPUT = """\
Running 3s test @ http://127.0.0.1:18080/reviews/42
  1 threads and 32 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency   503.99us  150.00us   9.11ms   88.00%
    Req/Sec    63.55k     2.11k   66.00k    70.00%
  Latency Distribution
     50%  476.00us
     75%  600.00us
     90%  700.00us
     99%    1.03ms
  189654 requests in 3.00s, 41.95MB read
Requests/sec:  63193.82
Transfer/sec:     13.98MB
"""


def test_the_figures_are_read() -> None:
    assert wrk.parse(OUTPUT) == wrk.Load(189654, 63193.82, 476.0, 1030.0)


@pytest.mark.parametrize(("printed", "us"), [("19.00us", 19), ("1.50ms", 1500), ("2.00s", 2e6)])
def test_every_unit_becomes_microseconds(printed: str, us: float) -> None:
    assert wrk.parse(OUTPUT.replace("476.00us", printed)).p50_us == us


@pytest.mark.parametrize(
    "line",
    [
        "  Socket errors: connect 0, read 1, write 0, timeout 0",
        "  Non-2xx or 3xx responses: 12",
    ],
)
def test_any_error_voids_the_run(line: str) -> None:
    with pytest.raises(wrk.LoadFailed, match=line.strip()):
        wrk.parse(OUTPUT.replace("Requests/sec", f"{line}\nRequests/sec"))


def test_no_answer_at_all_voids_the_run() -> None:
    with pytest.raises(wrk.LoadFailed, match="no request"):
        wrk.parse(OUTPUT.replace("189654 requests", "0 requests"))


def test_unknown_output_is_shown() -> None:
    with pytest.raises(wrk.LoadFailed, match="unable to connect"):
        wrk.parse("unable to connect to 127.0.0.1:18080 Connection refused\n")
