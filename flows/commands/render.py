"""``triad render``: any MIDI file to a recording."""

from __future__ import annotations

from pathlib import Path

import click

from flows.commands.common import json_option, show, soundfont_option, working


@click.command()
@click.argument("midi", type=click.Path(path_type=Path))
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), required=True, help="Recording: .wav, .flac, .ogg, .mp3."
)
@soundfont_option
@click.option("--stems", type=click.Path(path_type=Path), help="Folder for a recording of each track as well.")
@json_option
def render(midi: Path, output: Path, soundfont: Path | None, stems: Path | None, as_json: bool) -> None:
    """Render a MIDI file to a stereo recording."""
    from flows.checks import check_writable
    from flows.errors import FlowError

    if not midi.is_file():
        raise FlowError(f"{midi}: no such file; give the path of a MIDI file")
    if soundfont is not None and not soundfont.is_file():
        raise FlowError(f"SoundFont {soundfont}: no such file; give the path of a .sf2 or .sf3 file")
    for place in (output.parent, stems):
        if place is not None:
            check_writable(place)
    with working():
        from composer.render import render as render_file

        report = render_file(midi, output, soundfont=soundfont, stems=stems)
    loudness = "silent" if report.loudness_lufs is None else f"{report.loudness_lufs:.1f} LUFS"
    lines = [f"{report.path}: {report.seconds:.1f} s, {loudness}", f"SoundFont {report.soundfont_name}"]
    show(report.to_json(), lines + [f"note: {warning}" for warning in report.warnings], as_json)
