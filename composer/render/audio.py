"""Audio files, written block by block: raw while the level is unknown, then encoded with one gain.

Nothing is visible at its final path until all of it is written. Knows no synthesizer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import numpy as np
import soundfile
from numpy.typing import NDArray

from composer.render.errors import RenderError

# One call with a long array makes libsndfile's Ogg encoder overflow its stack.
CHUNK_FRAMES = 65_536
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


def chosen_format(path: Path, encoding: str | None) -> tuple[str, str]:
    """The container and subtype of libsndfile for ``path``, by its ending, and ``encoding``.

    Raises:
        RenderError: for an ending or an encoding that is not in :data:`FORMATS`.
    """
    form = FORMATS.get(path.suffix.lower())
    if form is None:
        raise RenderError(f"{path} has no known audio ending: choose one of {', '.join(FORMATS)}")
    if encoding is None:
        return form.container, next(iter(form.encodings.values()))
    if encoding not in form.encodings:
        raise RenderError(
            f"a {path.suffix} file has no encoding {encoding!r}: choose one of {', '.join(form.encodings)}"
        )
    return form.container, form.encodings[encoding]


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
            while data := file.read(CHUNK_FRAMES * 8):
                yield np.frombuffer(data, np.float32).reshape(-1, 2)


def encode(
    sound: RawSound, path: Path, *, container: str, subtype: str, gain: float, frames: int, sample_rate: int
) -> None:
    """Write ``sound`` times ``gain`` to ``path``."""
    if container == "WAV" and frames * 2 * _SAMPLE_BYTES[subtype] > _WAV_LIMIT:
        container = "RF64"
    with soundfile.SoundFile(
        path, "w", samplerate=sample_rate, channels=2, format=container, subtype=subtype
    ) as file:
        for chunk in sound.chunks():
            file.write(chunk * np.float32(gain))
