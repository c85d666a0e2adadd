"""``triad sweep``: search for better training settings."""

from __future__ import annotations

from pathlib import Path

import click

from flows.commands.common import check_training, json_option, show, working


@click.command()
@click.option("--corpus", type=click.Path(path_type=Path), help="Folder of MIDI files, or a corpus file.")
@click.option("--style", help="Name of the music; without --corpus, which bundled music.")
@click.option("--trials", type=click.IntRange(1, 10_000), default=20, show_default=True, help="Of the whole study.")
@click.option("--seeds", type=click.IntRange(1, 100), default=2, show_default=True, help="Trainings of each trial.")
@click.option("--steps", type=click.IntRange(1), default=500_000, show_default=True, help="Decisions of each.")
@click.option("--count", type=click.IntRange(2), default=100, show_default=True, help="Pieces each is judged by.")
@click.option("--workers", type=click.IntRange(1, 1000), default=1, show_default=True, help="Trials side by side.")
@click.option("--dask", help="'local' for a Dask cluster of --workers processes here, or a scheduler's address.")
@click.option("--space", type=click.Path(path_type=Path), help="TOML file of what is searched.")
@click.option("--settings", type=click.Path(path_type=Path), help="JSON file of further training settings.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Folder for the best settings.")
@json_option
def sweep(
    corpus: Path | None,
    style: str | None,
    trials: int,
    seeds: int,
    steps: int,
    count: int,
    workers: int,
    dask: str | None,
    space: Path | None,
    settings: Path | None,
    output: Path | None,
    as_json: bool,
) -> None:
    """Search for training settings: reward weights, KL budgets, learning rates, network size.

    A study that was cut off is gone on with, and so is one that is asked for more trials.
    """
    from flows.checks import check_writable
    from flows.home import Home

    further = check_training(corpus, None, style, settings)
    home = Home.here()
    for place in (home.root, output):
        if place is not None:
            check_writable(place)
    with working():
        from flows.engine import engine
        from flows.sweeping import read_space

        read_space(space)
        with engine(home):
            from flows.sweep import runner
            from flows.sweep import sweep as search

            result = search.with_options(task_runner=runner(workers, dask))(
                corpus=corpus.absolute() if corpus else None,
                style=style,
                trials=trials,
                seeds=seeds,
                steps=steps,
                workers=workers,
                count=count,
                space=space.absolute() if space else None,
                settings=further,
                output=output.absolute() if output else None,
            )
    best = f"best: trial {result['best_trial']}, quality {result['best_quality']:.4f}"
    show(result, [result["markdown"], best, f"triad train --settings {result['file']}", result["link"]], as_json)
