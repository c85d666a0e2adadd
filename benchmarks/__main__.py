"""Run all benchmarks: ``python -m benchmarks [--quick] [-o DIR]``."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click
import torch

from benchmarks import composing, environment, learning, rendering
from benchmarks.measure import Row, machine

ROOMS = {
    "environment": environment.measure,
    "learning": learning.measure,
    "composing": composing.measure,
    "rendering": rendering.measure,
}


def table(rows: list[Row], versions: dict[str, str]) -> str:
    """The figures as Markdown, each beside its ratio to the first row of its room and unit."""
    lines = ["| room | what | median | unit | ratio to the room's first |", "|---|---|---:|---|---:|"]
    first: dict[tuple[str, str], float] = {}
    for row in rows:
        base = first.setdefault((row.room, row.unit), row.value)
        lines.append(f"| {row.room} | {row.what} | {row.value:,.4g} | {row.unit} | {row.value / base:.3g} |")
    lines += ["", "Measured with one thread: " + ", ".join(f"{name} {value}" for name, value in versions.items())]
    return "\n".join(lines) + "\n"


def known(path: Path) -> list[Row]:
    """The rows of an earlier table, which rooms that are not measured now keep."""
    if not path.is_file():
        return []
    return [Row(**{**row, "runs": tuple(row["runs"])}) for row in json.loads(path.read_text("utf-8"))["rows"]]


@click.command()
@click.option("--quick", is_flag=True, help="Fewer and shorter runs.")
@click.option("--room", "rooms", multiple=True, type=click.Choice(list(ROOMS)), help="Only these rooms.")
@click.option("-o", "--output", type=click.Path(path_type=Path), default=Path("benchmarks/results"))
def main(*, quick: bool, rooms: tuple[str, ...], output: Path) -> None:
    """Measure Triad beside its peers and write the table."""
    torch.set_num_threads(1)
    rows = [row for name in rooms or ROOMS for row in ROOMS[name](quick=quick)]
    rows = [*(row for row in known(output / "table.json") if rooms and row.room not in rooms), *rows]
    rows.sort(key=lambda row: list(ROOMS).index(row.room))
    versions = machine(("torch", "gymnasium", "stable-baselines3", "numpy"))
    output.mkdir(parents=True, exist_ok=True)
    text = table(rows, versions)
    (output / "table.md").write_text(text, encoding="utf-8")
    (output / "table.json").write_text(
        json.dumps({"versions": versions, "rows": [asdict(row) for row in rows]}, indent=1) + "\n", encoding="utf-8"
    )
    click.echo(text)


main()
