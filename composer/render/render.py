"""Any MIDI file to a finished recording: :func:`render`, and :func:`doctor`, which says whether it would work."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from composer.render.audio import RawSound, chosen_format, encode
from composer.render.errors import RenderError
from composer.render.library import find_library, messages
from composer.render.loudness import Meter, decibels, gain_to
from composer.render.sequence import Sequence, read_sequence
from composer.render.soundfont import find_soundfont
from composer.render.synth import SAMPLE_RATE, synthesize

LOUDNESS = -14.0  # LUFS: what streaming services play at
CEILING = -1.0  # dBTP: room for the overshoot of lossy coding
LONGEST_HOURS = 6


@dataclass(frozen=True, slots=True)
class Render:
    """What was rendered, with what, and how it measures.

    Attributes:
        path: the audio file.
        midi_sha256: digest of the MIDI file rendered.
        notes: notes played.
        frames: length in sample frames.
        seconds: length in seconds.
        sample_rate: frames a second.
        peak_dbfs: highest sample, None for silence.
        true_peak_dbtp: highest point between samples, None for silence.
        loudness_lufs: integrated loudness, None for silence.
        gain_db: the one gain applied to mix and stems.
        library: the FluidSynth library's path.
        library_source: ``environment``, ``system`` or ``wheel``.
        library_version: such as ``2.5.7``.
        soundfont: the SoundFont's path.
        soundfont_name: the name it gives itself.
        soundfont_source: ``argument``, ``environment``, ``installed`` or ``bundled``.
        soundfont_sha256: its digest.
        audio_sha256: digest of the audio file.
        stems: the stems written, by track name; ``effects`` is the reverb and chorus of all.
        warnings: what was mended in the MIDI file, and what FluidSynth complained of.
    """

    path: str
    midi_sha256: str
    notes: int
    frames: int
    seconds: float
    sample_rate: int
    peak_dbfs: float | None
    true_peak_dbtp: float | None
    loudness_lufs: float | None
    gain_db: float
    library: str
    library_source: str
    library_version: str
    soundfont: str
    soundfont_name: str
    soundfont_source: str
    soundfont_sha256: str
    audio_sha256: str
    stems: dict[str, str]
    warnings: tuple[str, ...]

    def to_json(self) -> dict[str, object]:
        """A JSON object with the attributes as fields."""
        return {**asdict(self), "warnings": list(self.warnings)}


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What :func:`doctor` found; ``problem`` is None where everything works.

    Attributes:
        library: path of the FluidSynth library, with its source and version, or None.
        soundfont: path of the SoundFont, with its source and name, or None.
        peak_dbfs: peak of one second of a piano note, before any gain; None where nothing sounded.
        problem: what stands in the way, with its remedy.
    """

    library: str | None
    soundfont: str | None
    peak_dbfs: float | None
    problem: str | None

    def to_json(self) -> dict[str, object]:
        """A JSON object with the attributes as fields."""
        return asdict(self)


def render(
    midi_path: str | os.PathLike[str],
    audio_path: str | os.PathLike[str],
    *,
    soundfont: str | os.PathLike[str] | None = None,
    encoding: str | None = None,
    loudness: float | None = LOUDNESS,
    ceiling: float = CEILING,
    stems: str | os.PathLike[str] | None = None,
) -> Render:
    """Render a MIDI file to a stereo recording at 44.1 kHz; the same input gives the same bytes.

    Args:
        midi_path: any Standard MIDI File of type 0 or 1.
        audio_path: where to write; the ending chooses the format (.wav, .flac, .ogg, .mp3). Missing folders are
            made; nothing appears at the path until all of it is written.
        soundfont: a .sf2 or .sf3 file; else ``TRIAD_SOUNDFONT``, an installed FluidR3, or the bundled one.
        encoding: for .wav ``"16"`` (default), ``"24"`` or ``"float"``, for .flac ``"16"`` or ``"24"``.
        loudness: integrated loudness to reach in LUFS, where the ceiling lets it; None keeps the level.
        ceiling: highest true peak in dBTP.
        stems: a folder for the dry tracks and the effects, named ``{piece}_{track}``, as long as the mix and at
            the same gain: together they are the mix.

    Raises:
        RenderError: for an unreadable or empty MIDI file, a missing or corrupt SoundFont, no FluidSynth, an
            unknown format, or a path that cannot be written.
    """
    source, target = Path(midi_path), Path(audio_path)
    container, subtype = chosen_format(target, encoding)
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
    with _writing(target), ExitStack() as stack:
        log = stack.enter_context(messages())
        workshop = _workshop(stack, target.parent)
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

        def finish(sound: RawSound, path: Path) -> Path:
            encode(
                sound,
                path,
                container=container,
                subtype=subtype,
                gain=gain,
                frames=meter.frames,
                sample_rate=SAMPLE_RATE,
            )
            return path

        finished = [(finish(mix, workshop / f"mix{target.suffix}"), target)]
        written_stems = {}
        if stem_folder is not None:
            shelf = _workshop(stack, stem_folder)
            for name, stem in raw_stems:
                path = stem_folder / f"{target.stem}_{name}{target.suffix}"
                finished.append((finish(stem, shelf / path.name), path))
                written_stems[name] = str(path)
        with finished[0][0].open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        for path, place in reversed(finished):  # the mix last: where it stands, the stems stand too
            path.replace(place)
    return Render(
        path=str(target),
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
        audio_sha256=digest,
        stems=written_stems,
        warnings=(*sequence.warnings, *log),
    )


def doctor(soundfont: str | os.PathLike[str] | None = None) -> Diagnosis:
    """Look for the library and a SoundFont and render one second of a piano note; raises nothing."""
    found_library = found_font = None
    try:
        library = find_library()
        found_library = f"{library.path} ({library.source}, FluidSynth {library.version})"
        font = find_soundfont(soundfont)
        found_font = f"{font.path} ({font.source}, {font.name})"
        meter = Meter(SAMPLE_RATE)
        with messages() as log:
            for block in synthesize(read_sequence(_ONE_SECOND, "the test note"), font, library):
                meter.add(block.mix)
                if meter.frames >= SAMPLE_RATE:
                    break
        peak = decibels(meter.sample_peak)
        said = f" ({'; '.join(log)})" if log else ""
        problem = None if peak is not None else f"a test note stays silent{said}: choose another SoundFont"
    except RenderError as error:
        return Diagnosis(found_library, found_font, None, str(error))
    return Diagnosis(found_library, found_font, peak, problem)


# A type-0 file of one C4 that lasts a second: 480 ticks a quarter note, 120 quarter notes a minute.
_ONE_SECOND = bytes.fromhex(
    "4d546864 00000006 0000 0001 01e0 4d54726b 0000000d 00903c64 8740803c00 00ff2f00".replace(" ", "")
)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise RenderError(f"{path} cannot be read ({error.strerror}): give the path of a MIDI file") from None


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
