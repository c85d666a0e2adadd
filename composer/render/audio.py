"""Audio files, written block by block: raw while the level is unknown, then encoded with one gain.

Nothing is visible at its final path until all of it is written. Knows no synthesizer.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import numpy as np
import soundfile
from numpy.typing import NDArray

from composer.render.errors import RenderError

# One call with a long array makes libsndfile's Ogg encoder overflow its stack.
CHUNK_FRAMES = 65_536
FRAME_BYTES = 8  # of a raw stereo frame
_WAV_LIMIT = 2**32 - 2**16  # bytes; a longer WAV is written as RF64


@dataclass(frozen=True, slots=True)
class Format:
    """A file format: libsndfile's ``container`` and its ``encodings`` by Triad's names, the default first."""

    container: str
    encodings: Mapping[str, str]


FORMATS = {
    ".wav": Format("WAV", {"16": "PCM_16", "24": "PCM_24", "float": "FLOAT"}),
    ".flac": Format("FLAC", {"16": "PCM_16", "24": "PCM_24"}),
    ".ogg": Format("OGG", {"vorbis": "VORBIS"}),
    ".mp3": Format("MP3", {"layer3": "MPEG_LAYER_III"}),
}
_SAMPLE_BYTES = {"PCM_16": 2, "PCM_24": 3, "FLOAT": 4}


def chosen_formats(paths: Sequence[Path], encoding: str | None) -> list[tuple[str, str]]:
    """The container and subtype of libsndfile for each path, by its ending, and ``encoding`` where the format has it.

    Raises:
        RenderError: for an ending that is not in :data:`FORMATS`, or an encoding that no path can have.
    """
    forms = []
    for path in paths:
        form = FORMATS.get(path.suffix.lower())
        if form is None:
            raise RenderError(f"{path} has no known audio ending: choose one of {', '.join(FORMATS)}")
        forms.append(form)
    if encoding is not None and not any(encoding in form.encodings for form in forms):
        known = ", ".join(dict.fromkeys(name for form in forms for name in form.encodings))
        raise RenderError(f"a {paths[0].suffix} file has no encoding {encoding!r}: choose one of {known}")
    usual = [next(iter(form.encodings.values())) for form in forms]
    return [
        (form.container, form.encodings.get(encoding or "", default))
        for form, default in zip(forms, usual, strict=True)
    ]


class RawSound:
    """Stereo float32 frames in a plain file: written while rendering, read back to be encoded."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = path.open("wb")

    def __enter__(self) -> RawSound:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def write(self, block: NDArray[np.float32]) -> None:
        """Append (2, frames) samples."""
        self._file.write(np.ascontiguousarray(block.T).data)

    def chunks(self) -> Iterator[NDArray[np.float32]]:
        """The (frames, 2) samples written, a chunk at a time."""
        self._file.flush()
        with self.path.open("rb") as file:
            while data := file.read(CHUNK_FRAMES * FRAME_BYTES):
                yield np.frombuffer(data, np.float32).reshape(-1, 2)


def encode(
    sound: RawSound,
    path: Path,
    form: tuple[str, str],
    *,
    gain: float,
    frames: int,
    sample_rate: int,
    tag: Callable[[soundfile.SoundFile], None],
) -> None:
    """Write ``sound`` times ``gain`` to ``path`` as ``form`` (container, subtype); ``tag`` sets the file's tags.

    Raises:
        OSError: if not all of it could be written.
    """
    container, subtype = form
    if container == "WAV" and frames * 2 * _SAMPLE_BYTES[subtype] > _WAV_LIMIT:
        container = "RF64"
    try:
        with soundfile.SoundFile(
            path, "w", samplerate=sample_rate, channels=2, format=container, subtype=subtype
        ) as file:
            tag(file)
            for chunk in sound.chunks():
                file.write(_samples(chunk * np.float32(gain), subtype))
    except (soundfile.LibsndfileError, AssertionError) as error:
        # soundfile asserts that all frames were written; its message says nothing of the disk.
        raise OSError(errno.EIO, f"{path.suffix} encoder: {error or 'no room for all of the sound'}") from None
    if subtype == "FLOAT":
        _undate(path)


def _samples(sound: NDArray[np.float32], subtype: str) -> NDArray[np.float32] | NDArray[np.int16] | NDArray[np.int32]:
    """``sound`` as the samples of ``subtype``, for libsndfile rounds differently for WAV and FLAC."""
    bits = {"PCM_16": 16, "PCM_24": 24}.get(subtype)
    if bits is None:
        return sound
    half = 2 ** (bits - 1)
    whole = np.rint(sound * np.float32(half)).clip(-half, half - 1)
    if bits == 16:
        return np.asarray(whole, np.int16)
    return np.asarray(whole, np.int32) << 8  # libsndfile takes the upper 24 bits of 32


def _undate(path: Path) -> None:
    """Clear the time of writing in the PEAK chunk of a float file: the same sound shall be the same bytes."""
    with path.open("r+b") as file:
        place = file.read(4096).find(b"PEAK")
        if place >= 0:
            file.seek(place + 12)
            file.write(bytes(4))
