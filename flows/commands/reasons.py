"""What can be asked of a finished piece: why it is so, how it could be better, whether it is what it says it is."""

from __future__ import annotations

import json
from pathlib import Path

import click

from flows.commands.common import check_music, choose_model, json_option, seed_option, show, working
from flows.opening import opened

_file = click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
_model = click.option("--model", help="Folder or MLflow URI of the model that is asked.")
_style = click.option("--style", help="Style of the music it learned, see 'triad styles'.")
_output = click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="Folder for the files.")


@click.command()
@_file
@_model
@_style
@_output
@json_option
def explain(file: Path, model: str | None, style: str | None, output: Path, as_json: bool) -> None:
    """Why this note? What the agents thought of every choice in the piece in FILE (.json of a piece, or .mid).

    Writes JSON and a page to click on.
    """
    from flows.checks import check_writable
    from flows.home import Home

    folder, source = choose_model(model, style)
    check_writable(output)
    with working():
        from flows.explaining import write_explanation
        from flows.partner import read_source

        piece = read_source(file)
        with opened(folder, Home.here(), source) as loaded:
            files = write_explanation(loaded, piece.score, file.stem, output, f"{file.stem}-explained")
    show({"files": [str(path) for path in files]}, [str(path) for path in files], as_json)


@click.command()
@_file
@click.option("--changes", type=click.IntRange(0, 64), default=4, show_default=True, help="Notes moved at most.")
@click.option("--track", help="Name or number of the melody's track.")
@_model
@_style
@seed_option
@_output
@json_option
def improve(
    file: Path,
    changes: int,
    track: str | None,
    model: str | None,
    style: str | None,
    seed: int,
    output: Path,
    as_json: bool,
) -> None:
    """Move a few notes of the melody in FILE so that theory says more for it, and tell which and why.

    A melody without chords is harmonized first; rhythm and chords then stay.
    """
    from flows.checks import check_writable
    from flows.home import Home

    folder, source = choose_model(model, style)
    check_writable(output)
    with working():
        from flows.improving import write_improvement

        with opened(folder, Home.here(), source) as loaded:
            result = write_improvement(loaded, file, track, changes, seed, output)
    lines = [*result["words"], f"reward a bar {result['before']:+.3f} -> {result['after']:+.3f}", *result["files"]]
    show(result, lines, as_json)


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--model", type=click.Path(path_type=Path, exists=True), help="Folder of the model that wrote it.")
@json_option
def verify(file: Path, model: Path | None, as_json: bool) -> None:
    """Carry out again what FILE (any file of a piece) says it was made from, and compare, byte for byte."""
    from flows.errors import FlowError
    from flows.home import Home

    with working():
        from flows.provenance import verify as carried_out

        found = carried_out(file, Home.here(), model)
    if as_json:
        click.echo(json.dumps({field: getattr(found, field) for field in found.__dataclass_fields__}))
    if not found.same:
        raise FlowError(
            f"{file} is not what {found.file} says: it speaks of the MIDI file {found.expected[:12]}, its request "
            f"gives {found.found[:12]}" + (f", and {found.beside[:12]} lies beside it" if found.beside else "")
        )
    if not as_json:
        click.echo(f"{file}: reproduced byte for byte ({found.found[:12]})")


@click.command()
@_file
@click.option("--corpus", type=click.Path(path_type=Path), help="Music to look in; else what the model remembers.")
@_model
@_style
@json_option
def original(file: Path, corpus: Path | None, model: str | None, style: str | None, as_json: bool) -> None:
    """The longest run of notes that the piece in FILE shares with other music, in any key."""
    from flows.home import Home

    check_music(corpus)
    folder, source = choose_model(model, style) if corpus is None else (None, None)
    with working():
        from flows.partner import read_source
        from flows.quoting import nearest_in, remembered

        piece = read_source(file).score
        if corpus is not None:
            found = nearest_in(piece, corpus, Home.here())
        else:
            with opened(folder, Home.here(), source) as loaded:
                found = remembered(piece, loaded)
    show(found, [found["words"]], as_json)
