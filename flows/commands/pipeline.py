"""``triad pipeline``: corpus, training, evaluation and a showcase piece in one go. What ``make demo`` calls."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import click

from flows.commands.common import check_training, json_option, show, training_options, working


@click.command()
@training_options
@click.option("--bars", type=int, default=32, show_default=True, help="Length of the showcase piece.")
@click.option(
    "--count", type=click.IntRange(min=2), default=200, show_default=True, help="Pieces judged of each set."
)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Folder for the piece and the report.")
@json_option
def pipeline(
    corpus: Path | None,
    held_out: Path | None,
    style: str | None,
    seed: int,
    minutes: float | None,
    steps: int | None,
    settings: Path | None,
    fresh: bool,
    bars: int,
    count: int,
    output: Path | None,
    as_json: bool,
) -> None:
    """Read a corpus, train on it, judge the result and render a showcase piece."""
    from flows.checks import check, check_writable
    from flows.home import Home

    check(bars=bars)
    given = check_training(corpus, held_out, style, settings)
    home = Home.here()
    for place in (home.root, output):
        if place is not None:
            check_writable(place)
    with working():
        from flows import stages
        from flows.engine import engine
        from flows.progress import report_files

        # What is wrong with the music is told before a server is started for it; the flow finds it read.
        found = stages.read_corpus(corpus, style, home, report_files)
        if held_out is not None:
            stages.parted(found, stages.read_corpus(held_out, found.style, home, report_files))

        with engine(home):
            from flows import pipeline as flows

            result = flows.pipeline(
                corpus=corpus,
                style=style,
                seed=seed,
                minutes=minutes,
                steps=steps,
                bars=bars,
                count=count,
                output=output.absolute() if output else None,
                settings=given,
                fresh=fresh,
                held_out=held_out,
            )
    show(result, _summary(result), as_json)


def _summary(result: dict[str, Any]) -> list[str]:
    """A page for the terminal: the figures, the files, and how to go on."""
    version, files = result["registered"], result["piece"]["files"]
    figures = result["figures"]
    table = [f"{'':<20}{'overlap':>9}{'reward':>9}   (overlap with real music 0..1; reward a bar, 0 as real music)"]
    table += [
        f"  {name.replace('_', ' '):<18}"
        f"{figures.get(f'{name}/overlap', math.nan):>9.2f}{figures.get(f'{name}/reward', math.nan):>9.2f}"
        for name in ("agents", "prior", "random", "real_against_real")
    ]
    return [
        f"{result['piece']['title']}: {', '.join(result['piece']['tracks'])}",
        *(f"  {ending:<5} {path}" for ending, path in files.items()),
        "",
        *table,
        "",
        f"report     {result['report']}",
        f"model      {result['model']}  ({version['name']} version {version['version']})",
        "curves     triad ui",
        f'again      triad compose --style {result["style"]} --key "D minor" --seed 2 -o pieces',
    ]
