"""Timing: the median of several runs after one that does not count."""

from __future__ import annotations

import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata


@dataclass(frozen=True)
class Row:
    """One figure of the table: ``value`` in ``unit``, measured as the median of ``runs``."""

    room: str
    what: str
    value: float
    unit: str
    runs: tuple[float, ...]


def rate(work: Callable[[], int], runs: int = 5) -> tuple[float, ...]:
    """Units of work a second, run by run. ``work`` does some and returns how many units it did."""
    work()
    rates = []
    for _ in range(runs):
        start = time.perf_counter()
        units = work()
        rates.append(units / (time.perf_counter() - start))
    return tuple(rates)


def row(room: str, what: str, unit: str, rates: tuple[float, ...]) -> Row:
    """A row with the median of ``rates``."""
    return Row(room, what, statistics.median(rates), unit, rates)


def machine(packages: tuple[str, ...]) -> dict[str, str]:
    """What the figures were measured on."""
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        **{package: metadata.version(package) for package in packages},
    }
