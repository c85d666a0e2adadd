"""Timing: the median of several runs after one that does not count."""

from __future__ import annotations

import platform
import resource
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
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


def cpu_rates(commands: Mapping[str, Sequence[str]], units: float, runs: int = 5) -> dict[str, tuple[float, ...]]:
    """Units of work a second of CPU time (user and system, start included) of commands that each do ``units``.

    They take turns, so that what else the machine does meets all of them alike.
    """
    rates: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(runs):
        for name, command in commands.items():
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            rates[name].append(units / (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime))
    return {name: tuple(found) for name, found in rates.items()}


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
