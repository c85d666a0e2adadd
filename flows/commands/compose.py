"""``triad compose``: pieces to listen to. Needs neither Prefect nor MLflow, unless the model is in its store."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from flows.checks import POLICIES
from flows.commands.common import choose_model, json_option, seed_option, show, soundfont_option, working
from flows.opening import opened
from flows.styles import arrangements


def _said(request: dict[str, Any]) -> dict[str, Any]:
    """What was said on the command line, defaults apart."""
    context = click.get_current_context()
    return {
        name: value
        for name, value in request.items()
        if context.get_parameter_source(name) is not click.core.ParameterSource.DEFAULT
    }


@click.command()
@click.argument("model", required=False)
@click.option("--style", help="Style of the music, see 'triad styles': the newest trained here, else Triad's own.")
@click.option("--policy", type=click.Choice(POLICIES), default="agents", show_default=True, help="Who writes.")
@click.option(
    "--dial", help="From style to theory: 0 style alone, 1 as trained, more theory; or such as melody=2,chord=1."
)
@click.option("--key", help='Such as "D minor"; by default as in the model\'s music.')
@click.option("--meter", help="Such as 3/4; by default as in the model's music.")
@click.option("--bars", type=int, help="Length in bars.  [default: 16, or 8 for each section of the form]")
@click.option(
    "--form",
    help='Sections, such as AABA or "intro verse chorus verse chorus outro"; else drawn from the model\'s music.',
)
@click.option("--tempo", type=float, help="Quarter notes a minute; by default as in the model's music.")
@click.option("--mood", help="Such as happy, sad, calm or tense; or valence,arousal, each -1 to 1: 0.5,-0.2.")
@click.option(
    "--wish",
    "wishes",
    multiple=True,
    help="More (up to 1) or less (down to 0) of something, such as density=0.8; may be repeated. Of density, "
    "syncopation, rests, repetition, harmonic-rhythm, chord-complexity, dissonance, leaps, register.",
)
@click.option("--sections", help="Wishes by section, such as 'chorus: density=0.9; verse: density=0.3, rests=0.4'.")
@click.option("--ending", help="Cadence of the last phrase: authentic, half, plagal or deceptive.")
@click.option("--swing", type=float, help="0 as written, 1 pairs of notes as triplets; else the arrangement's.")
@click.option(
    "--request",
    "request_file",
    type=click.Path(path_type=Path),
    help="YAML or JSON file of such settings ('triad schema' says which); what is given besides must not differ.",
)
@seed_option
@click.option("--count", type=click.IntRange(min=1), default=1, show_default=True, help="How many pieces.")
@click.option(
    "--format",
    "formats",
    default="mid,wav",
    show_default=True,
    help="Of mid, wav, flac, ogg, mp3, png, html, musicxml, svg, pdf.",
)
@click.option(
    "--arrangement",
    help=f"Instruments: {', '.join(arrangements())} or a TOML file; by default as the style of the music wants.",
)
@click.option(
    "--humanize/--no-humanize",
    default=False,
    show_default=True,
    help="Off the grid a little, as people play; on the grid notation programs read it.",
)
@soundfont_option
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="Folder for the files.")
@json_option
def compose(
    model: str | None,
    style: str | None,
    policy: str,
    dial: str | None,
    key: str | None,
    meter: str | None,
    bars: int | None,
    form: str | None,
    tempo: float | None,
    mood: str | None,
    wishes: tuple[str, ...],
    sections: str | None,
    ending: str | None,
    swing: float | None,
    request_file: Path | None,
    seed: int,
    count: int,
    formats: str,
    arrangement: str | None,
    humanize: bool,
    soundfont: Path | None,
    output: Path,
    as_json: bool,
) -> None:
    """Compose pieces with MODEL (a folder or an MLflow URI), or in a style, or with the newest model."""
    from flows.checks import check, check_formats, check_writable
    from flows.errors import FlowError
    from flows.home import Home
    from flows.request_file import asked_in

    request: dict[str, Any] = {
        **{"key": key, "meter": meter, "bars": bars, "form": form, "tempo": tempo},
        **{"seed": seed, "policy": policy, "dial": dial, "humanize": humanize},
        **{"mood": mood, "wishes": ", ".join(wishes) or None, "sections": sections},
        **{"ending": ending, "swing": swing},
    }
    if request_file is not None:
        request = asked_in(request_file, _said(request))
        policy = request.get("policy") or policy
    check(**request)
    wanted = check_formats(formats)
    check_writable(output)
    if soundfont is not None and not soundfont.is_file():
        raise FlowError(f"SoundFont {soundfont}: no such file; give the path of a .sf2 or .sf3 file")
    try:
        named: tuple[str, str] | tuple[None, None] = choose_model(model, style)
    except FlowError:
        if model is not None or style is not None or policy != "random":
            raise
        named = (None, None)
    with working():
        from flows.composing import write_pieces
        from flows.progress import report
        from flows.requests import Request

        with opened(named[0], Home.here(), named[1]) as loaded:
            pieces = write_pieces(
                loaded,
                Request(**request),
                output,
                count=count,
                formats=wanted,
                arrangement=arrangement,
                soundfont=soundfont,
                progress=lambda done, total: report("compose", done / total, f"{done} of {total} pieces"),
            )
    click.echo(f"style {loaded.style}: {loaded.source}", err=True)
    lines = [path for piece in pieces for ending, path in piece["files"].items() if ending != "json"]
    show({"model": loaded.digest, "source": loaded.source, "pieces": pieces}, lines, as_json)
