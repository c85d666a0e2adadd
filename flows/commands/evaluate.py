"""``triad evaluate``: a model's pieces beside its prior's, random ones and real music."""

from __future__ import annotations

from pathlib import Path

import click

from flows.commands.common import check_model, json_option, seed_option, show, working


@click.command()
@click.argument("model", required=False)
@click.option("--count", type=click.IntRange(min=2), default=200, show_default=True, help="Pieces of each set.")
@click.option("--corpus", type=click.Path(path_type=Path), help="The music it learned from, if not in TRIAD_HOME.")
@seed_option
@json_option
def evaluate(model: str | None, count: int, corpus: Path | None, seed: int, as_json: bool) -> None:
    """Judge MODEL (a folder, an MLflow URI, or the newest) against music kept out of its training."""
    from flows.errors import FlowError
    from flows.home import Home

    chosen = check_model(model)
    if corpus is not None and not corpus.exists():
        raise FlowError(f"{corpus}: no such folder; name the folder of MIDI files the model learned from")
    home = Home.here()
    with working():
        from flows.engine import engine

        with engine(home):
            from flows import pipeline

            result = pipeline.evaluate(model=chosen, corpus=corpus, count=count, seed=seed)
    show(result, [result["markdown"], result["verdict"]], as_json)
