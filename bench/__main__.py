"""`python -m bench quick` and `python -m bench full`."""

import argparse
import signal
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from subprocess import SubprocessError

from bench import machine, plan, results, session
from bench.goals import verdicts
from bench.results import Row
from bench.scenarios import MODES, Mode
from bench.summary import summarise
from bench.table import render

HERE = Path(__file__).resolve().parent
OUT = {"quick": HERE / "out/quick.json", "full": HERE / "results.json"}
UNFINISHED = HERE / "out/unfinished.json"


def main(arguments: Sequence[str]) -> int:
    asked = _parser().parse_args(arguments)
    # An end from outside unwinds like any other, and the children with it.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        print(_text(_rows(asked)))
    except KeyboardInterrupt:
        return 130
    except (OSError, RuntimeError, ValueError, SubprocessError) as problem:
        print(f"error: {problem}", file=sys.stderr)
        return 1
    return 0


def _rows(asked: argparse.Namespace) -> Sequence[Row]:
    if asked.command == "report":
        return results.from_json(asked.file.read_text())
    out = asked.out or OUT[asked.command]
    mode = _mode(MODES[asked.command], asked)
    legs = plan.legs(mode, asked.scenario, asked.only)
    if not legs:
        raise plan.UnknownName("nothing to measure: no scenario has these proxies")
    machine.settle()
    with tempfile.TemporaryDirectory(prefix="weft-bench-") as folder:
        # nginx's worker runs as another user when root starts it.
        Path(folder).chmod(0o755)
        rows = _collect(session.run(legs, mode, Path(folder), _progress))
    results.write(out, rows)
    return rows


def _collect(measured: Iterable[Row]) -> Sequence[Row]:
    """What was measured before a failure is not lost, nor taken for the whole."""
    rows: list[Row] = []
    try:
        rows.extend(measured)
    except BaseException:
        results.write(UNFINISHED, rows)
        raise
    return rows


def _text(rows: Sequence[Row]) -> str:
    summaries = summarise(rows)
    return render(summaries, verdicts(summaries))


def _progress(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _mode(mode: Mode, asked: argparse.Namespace) -> Mode:
    return replace(
        mode,
        runs=asked.runs or mode.runs,
        seconds=asked.seconds or mode.seconds,
        connections=asked.connections or mode.connections,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    helps = {
        "quick": "the headline figures, in less than 4 minutes",
        "full": "every scenario, into bench/results.json",
    }
    for name, text in helps.items():
        command = commands.add_parser(name, help=text)
        command.add_argument("--only", type=_names, default=(), metavar="PROXY,...")
        command.add_argument("--scenario", type=_names, default=(), metavar="NAME,...")
        command.add_argument("--connections", type=_counts, metavar="N,...")
        command.add_argument("--runs", type=_count, metavar="N")
        command.add_argument("--seconds", type=_count, metavar="N", help="per run")
        command.add_argument("--out", type=Path, metavar="FILE")
    report = commands.add_parser("report", help="the tables of a file of rows")
    report.add_argument("file", type=Path, nargs="?", default=OUT["full"])
    return parser


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split(","))


def _counts(text: str) -> tuple[int, ...]:
    return tuple(_count(part) for part in text.split(","))


def _count(text: str) -> int:
    """wrk takes whole seconds; nothing here makes sense at 0."""
    count = int(text)
    if count < 1:
        raise ValueError(text)
    return count


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
