"""What the commands share: options, results as text or JSON, and work whose chatter goes to stderr."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any, TypeVar

import click

from flows.errors import FlowError
from flows.home import Home, is_uri, model_folder
from flows.progress import Console, heard_by
from flows.styles import bundled_styles, check_style_name, model_of_style, model_unless_named

F = TypeVar("F", bound=Callable[..., Any])

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
seed_option = click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of all random choices."
)
soundfont_option = click.option(
    "--soundfont", type=click.Path(path_type=Path), help="SoundFont to render with (.sf2, .sf3)."
)


def finite(_context: click.Context, _parameter: click.Parameter, value: float | None) -> float | None:
    """Turns away what a range lets through: NaN, which is neither too small nor too large, and infinity."""
    if value is not None and not math.isfinite(value):
        raise click.BadParameter(f"{value} is not a finite number.")
    return value


def training_options(command: F) -> F:
    """The options of everything that trains."""
    for option in reversed(
        [
            click.option(
                "--corpus",
                type=click.Path(path_type=Path),
                help="Folder of MIDI files, or a corpus file; else bundled music.",
            ),
            click.option(
                "--held-out",
                type=click.Path(path_type=Path),
                help="Music to judge by, a folder or a corpus file; else a tenth of the corpus is kept out for it.",
            ),
            click.option("--style", help="Name of the music; without --corpus, which bundled music."),
            seed_option,
            click.option(
                "--minutes",
                type=click.FloatRange(min=0, min_open=True),
                callback=finite,
                help="Minutes of learning at most.  [default: 3]",
            ),
            click.option("--steps", type=click.IntRange(min=1), help="Decisions of all agents together at most."),
            click.option(
                "--settings",
                type=click.Path(path_type=Path),
                help="JSON file of training settings (agents/config.py).",
            ),
            click.option("--fresh", is_flag=True, help="Begin anew, even where a checkpoint could be gone on from."),
        ]
    ):
        command = option(command)
    return command


def music_options(command: F) -> F:
    """Where the music is that a model is measured by."""
    for option in (
        click.option(
            "--held-out",
            type=click.Path(path_type=Path),
            help="Music it never saw, a folder or a corpus file; else the tenth of its corpus kept out of training.",
        ),
        click.option(
            "--corpus", type=click.Path(path_type=Path), help="The music it learned from, if not in TRIAD_HOME."
        ),
    ):
        command = option(command)
    return command


@contextmanager
def working() -> Iterator[None]:
    """Progress is shown on stderr, and whatever libraries print goes there too: stdout is for the result."""
    console = Console()
    with redirect_stdout(sys.stderr), heard_by(console):
        try:
            yield
        finally:
            console.close()


def show(result: Mapping[str, Any], lines: list[str], as_json: bool) -> None:
    """Print a command's result: one JSON object, or lines for a reader."""
    click.echo(json.dumps(result, default=str) if as_json else "\n".join(lines))


def check_model(model: str | None) -> str:
    """The folder or URI of :func:`choose_model` where no style can be named."""
    return choose_model(model, None)[0]


def choose_model(model: str | None, style: str | None) -> tuple[str, str]:
    """The model that a MODEL argument or a style names, as far as one can see without asking the store.

    Where neither is given it is the one trained here last, else one that comes with Triad.

    Returns:
        its folder or URI, and what it is called where a piece says who wrote it.

    Raises:
        FlowError: if there is no such model, or none at all, or both are given.
    """
    if model is not None and style is not None:
        raise FlowError(
            f"both the model {model} and the style {style!r} are given: a model has its style; leave one out, and "
            "say --arrangement if other instruments are meant"
        )
    if model is not None:
        named = model if is_uri(model) else str(model_folder(model))
        return named, named
    home = Home.here()
    found = model_unless_named(home) if style is None else model_of_style(style, home)
    return str(found.folder), found.source


def check_music(*places: Path | None) -> None:
    """See that music named by a user is there.

    Raises:
        FlowError: naming the first that is not.
    """
    for music in places:
        if music is not None and not music.exists():
            raise FlowError(f"{music}: no such folder; name a folder of MIDI files (.mid) or a corpus file")


def check_training(
    corpus: Path | None, held_out: Path | None, style: str | None, settings: Path | None
) -> dict[str, Any] | None:
    """See that a training's input is there; gives the settings.

    Raises:
        TriadError: naming what is missing.
    """
    check_music(corpus, held_out)
    if style is not None:
        check_style_name(style)
    if corpus is None and style is not None and style not in bundled_styles():
        raise FlowError(
            f"no music of the style {style!r} comes with Triad: choose one of {', '.join(bundled_styles())}, or give "
            "yours with --corpus"
        )
    if settings is None:
        return None
    try:
        read = json.loads(settings.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise FlowError(f"{settings} cannot be read as JSON ({error}): give a file with a JSON object") from None
    if not isinstance(read, dict):
        raise FlowError(f'{settings} holds no JSON object: give a file with one, such as {{"bars": 8}}')
    from agents.config import TrainConfig
    from agents.errors import AgentError

    try:
        TrainConfig.from_json(read)
    except AgentError as error:
        raise FlowError(f"{settings}: {error}; agents/config.py lists the settings and their ranges") from None
    return read
