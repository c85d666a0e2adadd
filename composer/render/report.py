"""What a render was made with and how it measures: :class:`Render`."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from composer.render.tags import Tags


@dataclass(frozen=True, slots=True)
class Render:
    """What was rendered, with what, and how it measures.

    Attributes:
        path: the audio file, the first where there are several.
        files: the digest of every audio file of the mix, by path.
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
        audio_sha256: digest of the audio file at ``path``.
        tags: title, key, tempo, seed and model, as far as known.
        stems: the stems written, by track name; ``effects`` is the reverb and chorus of all.
        warnings: what was mended in the MIDI file, and what FluidSynth complained of.
    """

    path: str
    files: dict[str, str]
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
    tags: Tags
    stems: dict[str, str]
    warnings: tuple[str, ...]

    def to_json(self) -> dict[str, object]:
        """A JSON object with the attributes as fields."""
        return {**asdict(self), "warnings": list(self.warnings)}
