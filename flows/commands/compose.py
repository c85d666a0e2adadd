"""``triad compose``: pieces to listen to. Needs neither Prefect nor MLflow, unless the model is in its store."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from flows.checks import POLICIES
from flows.commands.common import choose_model, json_option, seed_option, show, soundfont_option, working
from flows.opening import opened
from flows.styles import arrangements


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
@seed_option
@click.option("--count", type=click.IntRange(min=1), default=1, show_default=True, help="How many pieces.")
@click.option(
    "--format", "formats", default="mid,wav", show_default=True, help="Of mid, wav, flac, ogg, mp3, png, html."
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

    request: dict[str, Any] = {
        **{"key": key, "meter": meter, "bars": bars, "form": form, "tempo": tempo},
        **{"seed": seed, "policy": policy, "dial": dial, "humanize": humanize},
    }
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
