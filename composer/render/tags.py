"""What an audio file says about itself: title, key, tempo, seed, model, and what it was rendered with."""

from __future__ import annotations

from dataclasses import dataclass

import soundfile


@dataclass(frozen=True, slots=True)
class Tags:
    """What is known of a piece; what is None is left out.

    Attributes:
        title: its name.
        key: such as ``"G major"``.
        tempo: quarter notes a minute.
        seed: of all random choices that led to it.
        model: who wrote it.
    """

    title: str | None = None
    key: str | None = None
    tempo: float | None = None
    seed: int | None = None
    model: str | None = None

    def over(self, other: Tags) -> Tags:
        """These and, where one is None, that of ``other``."""
        return Tags(
            title=other.title if self.title is None else self.title,
            key=other.key if self.key is None else self.key,
            tempo=other.tempo if self.tempo is None else self.tempo,
            seed=other.seed if self.seed is None else self.seed,
            model=other.model if self.model is None else self.model,
        )

    def write(self, file: soundfile.SoundFile, *, rendered_with: str) -> None:
        """Put the tags into a file that is open for writing and has no sound yet.

        WAV (INFO), FLAC and Ogg (Vorbis comments) and MP3 (ID3) share few fields, so all but the title go into the
        comment, each as ``name: value``.
        """
        tempo = None if self.tempo is None else f"{self.tempo:.6g}"
        known = {"key": self.key, "tempo": tempo, "seed": self.seed, "model": self.model}
        parts = [f"{name}: {value}" for name, value in known.items() if value is not None]
        if self.title:
            file.title = self.title
        file.comment = "; ".join([*parts, rendered_with])
        file.software = "Triad"
