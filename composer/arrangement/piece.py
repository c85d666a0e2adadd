"""One piece of a score as an arranger reads it: plain notes, chord spans and phrases, in sixteenths, as they sound.

The only place of this room that touches the score's tensors.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from composer.arrangement.errors import ArrangementError
from composer.arrangement.phrases import INTRO, OUTRO, Phrase, find_phrases, plan_phrases
from composer.plan import INDEX, SECTIONS
from composer.theory import METERS, NO_CHORD, Key, Meter, transpose_chord

if TYPE_CHECKING:
    from composer.score import Score


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


@dataclass(frozen=True)
class Piece:
    """A piece in sixteenths.

    Attributes:
        key, meter, tempo, bars: as in the score.
        melody: its notes, one after the other.
        harmonies: its chords; neighbours differ, silence between them is a gap.
        phrases: its phrases, without gaps.
        strokes: what its accompaniment strikes at each sixteenth, as in the score; empty where that is not composed.
    """

    key: Key
    meter: Meter
    tempo: float
    bars: int
    melody: tuple[Tone, ...]
    harmonies: tuple[Harmony, ...]
    phrases: tuple[Phrase, ...]
    strokes: tuple[int, ...] = ()

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
        phrases=_planned(one, bars) or find_phrases(bars, meter, onsets, sounding),
        strokes=tuple(one.strokes()[0, :steps].tolist()) if bool(one.accompanied) else (),
    )


def _planned(one: Score, bars: int) -> tuple[Phrase, ...]:
    """The phrases that the plan of a single piece sets, none unless it names the section of every bar."""
    plan = one.plan[0, :bars].long()
    labels: list[int] = plan[:, INDEX["section"]].tolist()
    if len(labels) < bars or 0 in labels:
        return ()
    struck = torch.where(one.onset(), one.pitch, 0)[0, : int(one.steps)].view(bars, -1).float()
    heights = struck.sum(1) / (struck > 0).sum(1).clamp(min=1)
    names = {"intro": INTRO, "outro": OUTRO}
    sections = [names.get(SECTIONS[label - 1], SECTIONS[label - 1]) for label in labels]
    return plan_phrases(sections, plan[:, INDEX["bars to the phrase's end"]].tolist(), heights.tolist())
