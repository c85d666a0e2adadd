"""Any MIDI file to a finished recording: :func:`render`."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from collections.abc import Sequence as Listing
from contextlib import ExitStack, contextmanager
from pathlib import Path

from composer.render.audio import FRAME_BYTES, RawSound, chosen_formats, encode
from composer.render.errors import RenderError
from composer.render.library import find_library, messages
from composer.render.loudness import Meter, decibels, gain_to
from composer.render.report import Render
from composer.render.sequence import Sequence, read_sequence
from composer.render.soundfont import find_soundfont
from composer.render.synth import SAMPLE_RATE, synthesize
from composer.render.tags import Tags

LOUDNESS = -14.0  # LUFS: what streaming services play at
CEILING = -1.0  # dBTP: room for the overshoot of lossy coding
LONGEST_HOURS = 6


def render(
    midi_path: str | os.PathLike[str],
    audio_path: str | os.PathLike[str],
    *,
    also: Listing[str | os.PathLike[str]] = (),
    soundfont: str | os.PathLike[str] | None = None,
    encoding: str | None = None,
    loudness: float | None = LOUDNESS,
    ceiling: float = CEILING,
    stems: str | os.PathLike[str] | None = None,
    tags: Tags | None = None,
) -> Render:
    """Render a MIDI file to a stereo recording at 44.1 kHz; the same input gives the same bytes.

    Args:
        midi_path: any Standard MIDI File of type 0 or 1.
        audio_path: where to write; the ending chooses the format (.wav, .flac, .ogg, .mp3). Missing folders are
            made; nothing appears at the path until all of it is written.
        also: further files for the same recording, such as the same name with another ending.
        soundfont: a .sf2 or .sf3 file; else ``TRIAD_SOUNDFONT``, an installed FluidR3, or the bundled one.
        encoding: for .wav ``"16"`` (default), ``"24"`` or ``"float"``, for .flac ``"16"`` or ``"24"``; of several
            files, those that know it take it.
        loudness: integrated loudness to reach in LUFS, where the ceiling lets it; None keeps the level.
        ceiling: highest true peak in dBTP.
        stems: a folder for the dry tracks and the effects, named ``{piece}_{track}``, as long as the mix and at
            the same gain: together they are the mix. They have the format of ``audio_path``.
        tags: what to write into the files; what they leave out is taken from the MIDI file.

    Raises:
        RenderError: for an unreadable or empty MIDI file, a missing or corrupt SoundFont, no FluidSynth, an
            unknown format, or a path that cannot be written.
    """
    source, target = Path(midi_path), Path(audio_path)
    targets = list(dict.fromkeys([target, *map(Path, also)]))
    formats = chosen_formats(targets, encoding)
    data = _read(source)
    sequence = read_sequence(data, str(source))
    if not sequence.notes:
        raise RenderError(f"{source} holds no notes: there is nothing to render")
    if sequence.end > LONGEST_HOURS * 3600:
        raise RenderError(
            f"{source} lasts {sequence.end / 3600:.1f} hours: at most {LONGEST_HOURS} are rendered;"
            " raise its tempo or cut it"
        )
    font, library = find_soundfont(soundfont), find_library()
    stem_folder = None if stems is None else Path(stems)
    known = (tags or Tags()).over(Tags(sequence.title or source.stem, sequence.key, sequence.tempo))
    with_what = f"rendered by FluidSynth {library.version} with {font.name} (sha256 {font.sha256})"
    with _writing(target), ExitStack() as stack:
        log = stack.enter_context(messages())
        workshop = _workshop(stack, target.parent)
        sounds = 1 if stem_folder is None else 2 + len(sequence.channels)
        _check_room(workshop, round(sequence.end * SAMPLE_RATE) * FRAME_BYTES * sounds)
        mix = stack.enter_context(RawSound(workshop / "mix.raw"))
        raw_stems = [  # in the order of the sequence's channels, the effects last
            (name, stack.enter_context(RawSound(workshop / f"{name}.raw")))
            for name in (_stem_names(sequence) if stem_folder is not None else [])
        ]
        meter = Meter(SAMPLE_RATE)
        for block in synthesize(sequence, font, library):
            meter.add(block.mix)
            mix.write(block.mix)
            for (_, stem), part in zip(raw_stems, (*block.dry, block.bus), strict=False):
                stem.write(part)
        gain = gain_to(loudness, ceiling, meter.loudness, meter.true_peak)

        def finish(sound: RawSound, path: Path, form: tuple[str, str]) -> Path:
            encode(
                sound,
                path,
                form,
                gain=gain,
                frames=meter.frames,
                sample_rate=SAMPLE_RATE,
                tag=lambda file: known.write(file, rendered_with=with_what),
            )
            return path

        finished = []
        for place, form in zip(targets, formats, strict=True):
            shelf = _workshop(stack, place.parent)
            finished.append((finish(mix, shelf / place.name, form), place))
        digests = {str(place): _digest(path) for path, place in finished}
        written_stems = {}
        if stem_folder is not None:
            shelf = _workshop(stack, stem_folder)
            for name, stem in raw_stems:
                path = stem_folder / f"{target.stem}_{name}{target.suffix}"
                finished.append((finish(stem, shelf / path.name, formats[0]), path))
                written_stems[name] = str(path)
        for path, place in reversed(finished):  # the mix last: where it stands, the stems stand too
            path.replace(place)
    silent = [f"{font.path} has no sound for any note of {source}"] if meter.loudness is None else []
    return Render(
        path=str(target),
        files=digests,
        midi_sha256=hashlib.sha256(data).hexdigest(),
        notes=sequence.notes,
        frames=meter.frames,
        seconds=meter.frames / SAMPLE_RATE,
        sample_rate=SAMPLE_RATE,
        peak_dbfs=decibels(meter.sample_peak * gain),
        true_peak_dbtp=decibels(meter.true_peak * gain),
        loudness_lufs=None if meter.loudness is None else meter.loudness + (decibels(gain) or 0.0),
        gain_db=decibels(gain) or 0.0,
        library=library.path,
        library_source=library.source,
        library_version=library.version,
        soundfont=str(font.path),
        soundfont_name=font.name,
        soundfont_source=font.source,
        soundfont_sha256=font.sha256,
        audio_sha256=digests[str(target)],
        tags=known,
        stems=written_stems,
        warnings=(*sequence.warnings, *log, *silent),
    )


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise RenderError(f"{path} cannot be read ({error.strerror}): give the path of a MIDI file") from None


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _writing(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise RenderError(
            f"{target} cannot be written ({error.strerror or error}): choose a folder you may write to with room left"
        ) from None


def _workshop(stack: ExitStack, folder: Path) -> Path:
    """A hidden folder beside the target, on its disk, that goes with ``stack`` whatever happens."""
    folder.mkdir(parents=True, exist_ok=True)
    return Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=".triad-", dir=folder)))


def _check_room(folder: Path, needed: int) -> None:
    """Find out before the work that it cannot end well."""
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise OSError(
            errno.ENOSPC, f"{needed / 1e6:,.0f} MB are needed for the work and {free / 1e6:,.0f} MB are free"
        )


def _stem_names(sequence: Sequence) -> list[str]:
    """A file name for each channel's stem and, last, for the effects bus; no two are alike."""
    names: list[str] = []
    for mark, title in [
        *((str(channel + 1), title) for channel, title in sequence.channels.items()),
        ("bus", "effects"),
    ]:
        name = re.sub(r"[^\w-]+", "-", title.lower()).strip("-") or "track"
        names.append(f"{name}-{mark}" if name in names else name)
    return names
