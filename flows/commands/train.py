"""``triad train``: learn from a corpus, tracked and orchestrated."""

from __future__ import annotations

from pathlib import Path

import click

from flows.commands.common import check_training, json_option, show, training_options, working


@click.command()
@training_options
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="Folder of the training run; else in TRIAD_HOME."
)
@json_option
def train(
    corpus: Path | None,
    held_out: Path | None,
    style: str | None,
    seed: int,
    minutes: float | None,
    steps: int | None,
    settings: Path | None,
    fresh: bool,
    output: Path | None,
    as_json: bool,
) -> None:
    """Train three agents; an interrupted training of the same settings goes on where it was."""
    from flows.checks import check_writable
    from flows.home import Home

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
            from flows import pipeline

            result = pipeline.train(
                corpus=corpus,
                style=style,
                seed=seed,
                minutes=minutes,
                steps=steps,
                output=output.absolute() if output else None,
                settings=given,
                fresh=fresh,
                held_out=held_out,
            )
    version = result["registered"]
    show(
        result,
        [
            f"model      {result['model']}",
            f"registered {version['name']} version {version['version']}" + (" (champion)" * version["champion"]),
            f"next       triad compose --style {result['style']} -o pieces     triad evaluate     triad ui",
        ],
        as_json,
    )
