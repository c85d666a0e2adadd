"""``triad render``: any MIDI files to recordings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from flows.commands.common import finite, json_option, show, soundfont_option, working

if TYPE_CHECKING:
    from composer.render import Render


@click.command()
@click.argument("midi", metavar="FILE.mid|PIECE...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    required=True,
    help="Recording: .wav, .flac, .ogg, .mp3; with --format or several files a folder.",
)
@click.option("--format", "formats", help="Comma-separated, of one pass: wav,flac,ogg,mp3.  [default: wav]")
@click.option("--bits", type=click.Choice(["16", "24", "float"]), help="Of WAV, and 16 or 24 of FLAC.  [default: 16]")
@click.option(
    "--lufs",
    type=click.FloatRange(-70, 0),
    default=-14.0,
    show_default=True,
    callback=finite,
    help="Loudness, as far as a peak of -1 dBTP lets it.",
)
@soundfont_option
@click.option("--stems", type=click.Path(path_type=Path), help="Folder for a recording of each track as well.")
@click.option("--picture", is_flag=True, help="Waveform and spectrogram beside each recording, as .png.")
@click.option("--jobs", type=click.IntRange(min=1), default=1, show_default=True, help="Files rendered at a time.")
@json_option
def render(
    midi: tuple[Path, ...],
    output: Path,
    formats: str | None,
    bits: str | None,
    lufs: float,
    soundfont: Path | None,
    stems: Path | None,
    picture: bool,
    jobs: int,
    as_json: bool,
) -> None:
    """Render MIDI files, or pieces composed before, to stereo recordings.

    One that cannot be rendered does not keep the others from it.
    """
    from flows.checks import AUDIO, check_formats, check_writable, midi_of
    from flows.errors import FlowError

    endings = check_formats(formats or "wav")
    for ending in endings:
        if ending not in AUDIO:
            raise FlowError(f"{ending} is no recording: choose from {', '.join(AUDIO)}")
    if soundfont is not None and not soundfont.is_file():
        raise FlowError(f"SoundFont {soundfont}: no such file; give the path of a .sf2 or .sf3 file")
    single = formats is None and len(midi) == 1
    for place in (output.parent if single else output, stems):
        if place is not None:
            check_writable(place)
    sources = [midi_of(piece) for piece in midi]
    stem_names = [source.stem for source in sources]
    twice = next((name for name in stem_names if stem_names.count(name) > 1), None)
    if twice is not None:
        raise FlowError(f"two files are named {twice}: their recordings would be one; render them apart")
    with working():
        from composer.errors import TriadError
        from flows.progress import report
        from flows.rendering import Order, fill, fill_all

        orders = [
            Order(
                source,
                (output,) if single else tuple(output / f"{source.stem}.{ending}" for ending in endings),
                soundfont,
                bits,
                lufs,
                stems,
            )
            for source in sources
        ]
        if len(orders) == 1:
            results: list[Render | TriadError] = [fill(orders[0])]
        else:
            results = fill_all(
                orders, jobs, lambda done, total: report("render", done / total, f"{done} of {total} files")
            )
        if picture:
            from composer.export import write_sound_picture

            for result in results:
                if not isinstance(result, TriadError):
                    sound = Path(next(iter(result.files)))
                    write_sound_picture(sound, sound.with_suffix(".png"), title=sound.stem)
    if len(midi) == 1 and not isinstance(results[0], TriadError):
        show(results[0].to_json(), _lines(results[0]), as_json)
        return
    done = [result for result in results if not isinstance(result, TriadError)]
    failed = [
        {"midi": str(order.midi), "error": str(result)}
        for order, result in zip(orders, results, strict=True)
        if isinstance(result, TriadError)
    ]
    lines = [line for result in done for line in _lines(result)]
    show({"rendered": [result.to_json() for result in done], "failed": failed}, lines, as_json)
    for failure in failed:
        click.echo(f"error: {failure['error']}", err=True)
    if failed:
        raise click.exceptions.Exit(2)


def _lines(report: Render) -> list[str]:
    loudness = "silent" if report.loudness_lufs is None else f"{report.loudness_lufs:.1f} LUFS"
    lines = [f"{path}: {report.seconds:.1f} s, {loudness}" for path in report.files]
    lines.append(f"SoundFont {report.soundfont_name}")
    return lines + [f"note: {warning}" for warning in report.warnings]
