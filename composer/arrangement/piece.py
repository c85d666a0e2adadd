"""One piece of a score as an arranger reads it: plain notes, chord spans and phrases, in sixteenths, as they sound.

The only place of this room that touches the score's tensors.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

from composer.arrangement.errors import ArrangementError
from composer.theory import METERS, NO_CHORD, Key, Meter, transpose_chord

if TYPE_CHECKING:
    from composer.score import Score

PHRASE_BARS = 8
# A rest of fewer bars than this after the last full phrase belongs to that phrase.
SHORTEST_PHRASE_BARS = 4
# Share of sixteenths two phrases must have in common to bear the same letter; POP909's repeats vary little.
SAME_PHRASE = 0.6
# How many phrases back a letter is looked for, so that an endless piece stays quick to read.
MEMORY = 32


@dataclass(frozen=True, slots=True)
class Tone:
    """A melody note from step ``start`` to ``end`` (sixteenths) at MIDI ``pitch``."""

    start: int
    end: int
    pitch: int


@dataclass(frozen=True, slots=True)
class Harmony:
    """A chord ``code`` (as it sounds, never no chord) from step ``start`` to ``end``."""

    start: int
    end: int
    code: int


@dataclass(frozen=True, slots=True)
class Phrase:
    """Bars ``start`` to ``end`` under a ``name``, played with ``energy`` 0..1; ``opens`` says it begins a section."""

    start: int
    end: int
    name: str
    energy: float
    opens: bool = True

    @property
    def letter(self) -> str:
        """The name without its primes: what phrases share that return changed."""
        return self.name.rstrip("'")


@dataclass(frozen=True)
class Piece:
    """A piece in sixteenths.

    Attributes:
        key, meter, tempo, bars: as in the score.
        melody: its notes, one after the other.
        harmonies: its chords; neighbours differ, silence between them is a gap.
        phrases: its phrases, without gaps.
    """

    key: Key
    meter: Meter
    tempo: float
    bars: int
    melody: tuple[Tone, ...]
    harmonies: tuple[Harmony, ...]
    phrases: tuple[Phrase, ...]

    @property
    def steps(self) -> int:
        """Length in sixteenths."""
        return self.bars * self.meter.bar_steps

    @property
    def last_bar(self) -> int:
        """The step the last bar begins at."""
        return self.steps - self.meter.bar_steps

    @property
    def ending(self) -> int:
        """The step from which everything rings: the last chord, where it begins in the last bar, or that bar."""
        return max([self.last_bar, *(chord.start for chord in self.harmonies[-1:])])

    def phrase_at(self, step: int) -> Phrase:
        """The phrase a step lies in."""
        bar = step // self.meter.bar_steps
        return self.phrases[max(0, bisect_right(self.phrases, bar, key=lambda phrase: phrase.start) - 1)]

    def harmony_at(self, step: int) -> Harmony | None:
        """The chord that sounds at a step."""
        place = bisect_right(self.harmonies, step, key=lambda chord: chord.start) - 1
        return self.harmonies[place] if place >= 0 and step < self.harmonies[place].end else None

    def swell(self, step: int) -> float:
        """How far the phrase has opened at ``step``: 0 at its ends, 1 where it is fullest, five eighths in."""
        phrase = self.phrase_at(step)
        bar_steps = self.meter.bar_steps
        place = (step - phrase.start * bar_steps) / ((phrase.end - phrase.start) * bar_steps)
        return place / 0.625 if place < 0.625 else (1.0 - place) / 0.375

    def strength(self, step: int) -> int:
        """Metrical weight of a step: 3 barline, 2 a beat on which harmony may change, 1 another beat, 0 else."""
        place = step % self.meter.bar_steps
        beat, inside = divmod(place, self.meter.beat_steps)
        if inside:
            return 0
        return 3 if beat == 0 else 2 if beat in self.meter.chord_beats else 1


def read_piece(score: Score, index: int) -> Piece:
    """Piece ``index`` of a score, in the key it sounds in.

    Raises:
        ArrangementError: if there is no such piece or it has no bars.
    """
    if not 0 <= index < len(score):
        raise ArrangementError(f"the score has no piece {index}: it holds {len(score)}, counted from 0")
    one = score.select([index])
    meter, bars = METERS[int(one.meter)], int(one.bars)
    if bars < 1:
        raise ArrangementError(f"piece {index} has no bars: give it at least one")
    steps, shift = bars * meter.bar_steps, int(one.transposition)
    onsets: list[bool] = one.onset()[0, :steps].tolist()
    sounding: list[int] = one.sounding()[0, :steps].tolist()
    melody = []
    for step in range(steps):
        if onsets[step] and sounding[step]:
            end = next((at for at in range(step + 1, steps) if onsets[at] or not sounding[at]), steps)
            melody.append(Tone(step, end, sounding[step] + shift))
    harmonies: list[Harmony] = []
    codes: list[int] = one.chord[0, : meter.beats * bars].tolist()
    for beat, code in enumerate(codes):
        start = beat * meter.beat_steps
        if code == NO_CHORD:
            continue
        sounds = transpose_chord(code, shift)
        if harmonies and harmonies[-1].end == start and harmonies[-1].code == sounds:
            start = harmonies.pop().start
        harmonies.append(Harmony(start, (beat + 1) * meter.beat_steps, sounds))
    return Piece(
        key=Key(int(one.tonic), int(one.mode)),
        meter=meter,
        tempo=float(one.tempo),
        bars=bars,
        melody=tuple(melody),
        harmonies=tuple(harmonies),
        phrases=_phrases(bars, meter, onsets, sounding),
    )


def _phrases(bars: int, meter: Meter, onsets: list[bool], sounding: list[int]) -> tuple[Phrase, ...]:
    starts = list(range(0, bars, PHRASE_BARS))
    if len(starts) > 1 and bars - starts[-1] < SHORTEST_PHRASE_BARS:
        starts.pop()
    ends = [*starts[1:], bars]
    events = [pitch if onset else -bool(pitch) for onset, pitch in zip(onsets, sounding, strict=True)]
    contents = [
        events[start * meter.bar_steps : end * meter.bar_steps] for start, end in zip(starts, ends, strict=True)
    ]
    names: list[str] = []
    for index, content in enumerate(contents):
        earlier = range(max(0, index - MEMORY), index)
        likeness, best = max(((_likeness(content, contents[at]), -at) for at in earlier), default=(0.0, 0))
        letter = names[-best].rstrip("'") if likeness >= SAME_PHRASE else ""
        if letter:
            primes = len({name for name in names if name.rstrip("'") == letter})
            names.append(names[-best] if likeness == 1.0 else letter + "'" * primes)
        else:
            letters = len({name.rstrip("'") for name in names})
            names.append(chr(ord("A") + letters) if letters < 26 else f"A{letters}")
    return tuple(
        Phrase(start, end, name, energy)
        for start, end, name, energy in zip(starts, ends, names, _energies(len(starts)), strict=True)
    )


def _likeness(first: list[int], second: list[int]) -> float:
    """Share of the sixteenths at which something is struck, in either phrase, that are alike."""
    if len(first) != len(second):
        return 0.0
    struck = [(a, b) for a, b in zip(first, second, strict=True) if a > 0 or b > 0]
    return sum(a == b for a, b in struck) / len(struck) if struck else 1.0


def _energies(count: int) -> list[float]:
    """A rise to a climax three quarters through the piece, and a slightly calmer end."""
    if count == 1:
        return [0.6]
    climax = round(0.75 * (count - 1))
    return [0.45 + 0.5 * index / climax if index <= climax else 0.8 for index in range(count)]
