"""``triad evaluate``: models' pieces beside baselines, ablations and real music."""

from __future__ import annotations

from pathlib import Path

import click

from flows.commands.common import check_model, check_music, json_option, music_options, seed_option, show, working


@click.command()
@click.argument("models", nargs=-1, metavar="[MODEL]...")
@click.option(
    "--report", type=click.Path(path_type=Path), help="Folder for the report: Markdown, HTML, pictures, JSON."
)
@click.option("--count", type=click.IntRange(min=2), default=200, show_default=True, help="Pieces of each run.")
@music_options
@seed_option
@json_option
def evaluate(
    models: tuple[str, ...],
    report: Path | None,
    count: int,
    corpus: Path | None,
    held_out: Path | None,
    seed: int,
    as_json: bool,
) -> None:
    """Judge each MODEL (a folder, an MLflow URI; or the newest) against music kept out of its training.

    Models trained alike but for the seed are runs of one set: its figures are means with 95 % confidence intervals.
    """
    from flows.checks import check_writable
    from flows.home import Home

    chosen = [check_model(model) for model in models or (None,)]
    check_music(corpus, held_out)
    home = Home.here()
    if report is not None:
        check_writable(report)
    with working():
        from flows.engine import engine

        with engine(home):
            from flows import pipeline

            result = pipeline.evaluate(
                models=chosen,
                corpus=corpus,
                held_out=held_out,
                count=count,
                seed=seed,
                output=report.absolute() if report else None,
            )
    show(result, [result["markdown"], result["verdict"], *(f"  {path}" for path in result["files"])], as_json)
