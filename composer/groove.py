"""Grooves: what the accompaniment strikes from one place where harmony may change to the next.

The beats of a metre at which harmony may change part each bar into segments of one or two beats. A segment's strokes
are its groove: a base-4 digit for every sixteenth, as in :class:`composer.score.Score`, the first one lowest. Pure
data; :mod:`composer.segments` finds the grooves of a score.
"""

from __future__ import annotations

from dataclasses import dataclass

from composer.errors import TriadError
from composer.theory import Meter

LETTERS = ".bux"
BASS, UPPER = 1, 2  # the two bits of a stroke
BASE = 4


class GrooveError(TriadError):
    """A groove that is not written as one."""


@dataclass(frozen=True, slots=True, order=True)
class Groove:
    """The strokes of a segment of ``steps`` sixteenths, packed as base-4 digits in ``code``."""

    steps: int
    code: int

    @classmethod
    def parse(cls, pattern: str) -> Groove:
        """The groove written as a pattern: ``b`` bass, ``u`` upper voices, ``x`` both, ``.`` nothing struck."""
        unknown = sorted(set(pattern) - set(LETTERS))
        if unknown or not pattern:
            raise GrooveError(f"groove {pattern!r} holds {''.join(unknown)!r}: use b, u, x and .")
        return cls(len(pattern), sum(LETTERS.index(letter) << 2 * step for step, letter in enumerate(pattern)))

    @property
    def pattern(self) -> str:
        """The groove as text, such as ``"x.u.u.u."``."""
        return "".join(LETTERS[self.code >> 2 * step & 3] for step in range(self.steps))


def segment_steps(meter: Meter) -> tuple[int, ...]:
    """For each beat of the bar the length in sixteenths of the segment that begins there; 0 where none does."""
    ends = dict(zip(meter.chord_beats, [*meter.chord_beats[1:], meter.beats], strict=True))
    return tuple((ends.get(beat, beat) - beat) * meter.beat_steps for beat in range(meter.beats))
