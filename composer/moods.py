"""Moods: a place on the plane of valence and arousal, and what music there is like.

The directions are those of the literature on emotion in music: mode, tempo, register and dynamics carry most of it
(Eerola, Friberg and Bresin, "Emotional expression in music: contribution, linearity, and additivity of primary
musical cues", Frontiers in Psychology 4, 2013); the sizes are chosen to stay within what styles are played at.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from composer.errors import TriadError

MOODS: Mapping[str, tuple[float, float]] = {
    "happy": (0.8, 0.5),
    "excited": (0.6, 0.9),
    "tender": (0.5, -0.6),
    "calm": (0.3, -0.8),
    "neutral": (0.0, 0.0),
    "sad": (-0.7, -0.6),
    "tense": (-0.5, 0.6),
    "angry": (-0.8, 0.9),
}
_OCTAVES_OF_TEMPO = 0.4  # by how many doublings tempo rises at full arousal


class MoodError(TriadError):
    """A mood that is unknown or beside the plane."""


@dataclass(frozen=True, slots=True)
class Mood:
    """A mood.

    Attributes:
        valence: -1 (bad) .. 1 (good).
        arousal: -1 (still) .. 1 (stirred).
    """

    valence: float
    arousal: float

    @classmethod
    def parse(cls, text: str) -> Mood:
        """Read a name of :data:`MOODS`, or two numbers such as ``"0.5,-0.2"`` (valence, arousal).

        Raises:
            MoodError: if it is neither.
        """
        if text in MOODS:
            return cls(*MOODS[text])
        try:
            valence, arousal = (float(part) for part in text.split(","))
        except ValueError:
            valence, arousal = 2.0, 2.0
        if not (-1 <= valence <= 1 and -1 <= arousal <= 1):
            raise MoodError(
                f"unknown mood {text!r}: choose from {', '.join(MOODS)}, or give valence and arousal, each -1 to 1, "
                "such as 0.5,-0.2"
            )
        return cls(valence, arousal)

    @property
    def mode(self) -> str | None:
        """``"major"`` or ``"minor"``; None where the mood is neither good nor bad."""
        return None if self.valence == 0 else "major" if self.valence > 0 else "minor"

    def tempo(self, usual: float) -> float:
        """Quarter notes a minute, where ``usual`` is what the music has."""
        return usual * math.pow(2.0, _OCTAVES_OF_TEMPO * self.arousal)

    def wishes(self) -> dict[str, float]:
        """What the plan is asked for (:mod:`composer.form.wishes`)."""
        return {
            "register": 0.5 + 0.3 * self.valence + 0.15 * self.arousal,
            "density": 0.5 + 0.4 * self.arousal,
            "rests": 0.4 - 0.3 * self.arousal,
            "dissonance": 0.4 - 0.25 * self.valence,
        }

    @property
    def loudness(self) -> float:
        """What velocities are multiplied by."""
        return 1.0 + 0.2 * self.arousal
