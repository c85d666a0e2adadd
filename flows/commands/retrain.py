"""``triad retrain``: learn anew, and promote what came of it only if it is better. ``triad schedule`` repeats it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from flows.commands.common import check_training, finite, json_option, show, working

F = TypeVar("F", bound=Callable[..., Any])


def _options(command: F) -> F:
    """The options of a retraining, now or on a schedule."""
    for option in reversed(
        [
            click.option(
                "--corpus",
                type=click.Path(path_type=Path),
                help="Watched folder of MIDI files, or a corpus file; else bundled music.",
            ),
            click.option(
                "--held-out",
                type=click.Path(path_type=Path),
                help="Music to judge by; else a tenth of the corpus is kept out for it.",
            ),
            click.option("--style", help="Name of the music; without --corpus, which bundled music."),
            click.option("--seeds", type=click.IntRange(1, 100), default=3, show_default=True, help="Trainings."),
            click.option(
                "--first-seed", type=click.IntRange(min=0), default=1, show_default=True, help="Of the trainings."
            ),
            click.option(
                "--minutes",
                type=click.FloatRange(min=0, min_open=True),
                callback=finite,
                help="Minutes of each training at most.  [default: 3]",
            ),
            click.option("--steps", type=click.IntRange(min=1), help="Decisions of each training at most."),
            click.option(
                "--rounds", type=click.IntRange(2, 1000), default=5, show_default=True, help="Paired rounds."
            ),
            click.option(
                "--count", type=click.IntRange(min=2), default=100, show_default=True, help="Pieces in each round."
            ),
            click.option(
                "--margin",
                type=click.FloatRange(min=0),
                callback=finite,
                help="What the gain's whole interval must exceed.  [default: 0.001]",
            ),
            click.option(
                "--settings",
                type=click.Path(path_type=Path),
                help="JSON file of training settings (agents/config.py).",
            ),
            click.option("--bars", type=int, default=32, show_default=True, help="Length of the showcase piece."),
        ]
    ):
        command = option(command)
    return command


@click.command()
@_options
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Folder for the showcase piece.")
@json_option
def retrain(output: Path | None, as_json: bool, **given: Any) -> None:
    """Train anew with several seeds; the best takes the champion's place if it is better beyond doubt."""
    from flows.checks import check_writable
    from flows.home import Home

    parameters = _parameters(**given)
    home = Home.here()
    for place in (home.root, output):
        if place is not None:
            check_writable(place)
    with working():
        from flows.engine import engine

        with engine(home):
            from flows import retrain as flows

            result = flows.retrain(output=output.absolute() if output else None, **parameters)
    show(result, _summary(result), as_json)


@click.command()
@_options
@click.option("--cron", required=True, help='When: minute, hour, day, month, weekday, such as "0 3 * * *".')
@click.option("--timezone", default="UTC", show_default=True, help="Of the hours in --cron.")
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    default=4200,
    show_default=True,
    help="Of the Prefect server on this machine; none is started where PREFECT_API_URL names one.",
)
def schedule(cron: str, timezone: str, port: int, **given: Any) -> None:
    """Retrain on a schedule for as long as this command runs; Ctrl-C ends it."""
    from flows.checks import check_writable
    from flows.home import Home

    parameters = _parameters(**given)
    home = Home.here()
    check_writable(home.root)
    from flows.scheduling import serve

    serve(home, cron, timezone, parameters, port)


def _parameters(
    corpus: Path | None, held_out: Path | None, style: str | None, settings: Path | None, bars: int, **rest: Any
) -> dict[str, Any]:
    """What the flow is given; whatever is wrong with it is told before anything starts."""
    from flows.checks import check

    check(bars=bars)
    given = check_training(corpus, held_out, style, settings)
    return {
        "corpus": corpus.absolute() if corpus else None,
        "held_out": held_out.absolute() if held_out else None,
        "style": style,
        "settings": given,
        "bars": bars,
        **{name: value for name, value in rest.items() if value is not None},
    }


def _summary(result: dict[str, Any]) -> list[str]:
    files = (result["piece"] or {}).get("files", {})
    return [
        result["verdict"],
        f"model      {result['model']} version {result['version']}  (triad models, triad rollback)",
        *(f"  {ending:<5} {path}" for ending, path in files.items()),
        f"run        {result['link']}  (triad ui)",
    ]
