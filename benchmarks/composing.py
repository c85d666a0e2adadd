"""Composing by the shipped pop model: a request in a running process, batches, and from a cold command line."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

from agents.partner import complete
from benchmarks.measure import Row, rate, row
from composer.environment import Conditions
from flows.composing import Model
from flows.partnering import for_bars
from flows.requests import Request
from flows.styles import SHIPPED

ROOM = "composing"


def measure(*, quick: bool) -> list[Row]:
    """The rows of this room."""
    model = Model.load(SHIPPED / "pop")
    trio = model.trio
    assert trio is not None
    runs = 3 if quick else 5
    piece, _ = model.compose(Request(bars=16))

    def batch(count: int, bars: int) -> Callable[[], int]:
        conditions = trio.plan(Conditions.uniform(count, bars=bars))

        def work() -> int:
            trio.compose(conditions, drafts=1)
            return count

        return work

    def request() -> int:
        model.compose(Request(bars=16))
        return 1

    def infilled() -> int:
        complete(trio, for_bars(piece, 5, 8, "all"), drafts=16)
        return 1

    def best_of_64() -> int:
        trio.compose(trio.plan(Conditions.uniform(1, bars=16)), drafts=64)
        return 1

    rows = [
        row(ROOM, "one draft of 16 bars", "pieces/s", rate(batch(1, 16), runs)),
        row(ROOM, "a request of 16 bars: the best of 4 drafts", "pieces/s", rate(request, runs)),
        row(ROOM, "the best of 64 drafts of 16 bars", "pieces/s", rate(best_of_64, runs)),
        row(ROOM, "bars 5-8 of 16 anew, the best of 16 drafts", "pieces/s", rate(infilled, runs)),
        row(ROOM, "64 drafts of 16 bars", "pieces/s", rate(batch(64, 16), runs)),
        row(ROOM, "64 drafts of 64 bars", "pieces/s", rate(batch(64, 64), runs)),
    ]
    if not quick:
        rows.append(row(ROOM, "1024 drafts of 16 bars", "pieces/s", rate(batch(1024, 16), 3)))
    with tempfile.TemporaryDirectory() as folder:
        compose = ("compose", "--style", "pop", "--format", "mid", "-o", folder)
        for what, words in (("triad --help", ("--help",)), ("triad compose --style pop --format mid", compose)):
            rows.append(row(ROOM, f"{what}, cold", "seconds", _seconds(words, runs)))
    return rows


def _seconds(words: tuple[str, ...], runs: int) -> tuple[float, ...]:
    """Seconds of a command in a process of its own, run by run; the first fills the file cache and does not count."""
    found = []
    for _ in range(runs + 1):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-m", "flows.cli", *words], check=True, capture_output=True)
        found.append(time.perf_counter() - start)
    return tuple(found[1:])
