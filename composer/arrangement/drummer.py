"""A drummer who plays learned grooves: one and its partner for each section, a fill into the next, less when calm."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TypeVar

from composer.arrangement.grooves import BAR_STEPS, SILENT, DrumLine, Family, Feel, Fill, Groove, sign_velocity
from composer.arrangement.phrases import Phrase
from composer.arrangement.piece import Piece

# A stroke this loud is played at the track's velocity.
PLAIN_VELOCITY = 88
# Energies of phrases between which grooves are ranked from calm to full.
CALMEST, FULLEST = 0.3, 0.95
# How far a groove may lie from what a section asks: standard deviations in rank and in octaves of tempo.
RANK_SPREAD, TEMPO_SPREAD = 0.15, 0.25
SAME_DRUMMER = 6.0  # how much likelier a groove from a recording already heard in the piece is
# Below these energies a drummer keeps to the cymbals, or plays the snare's line on its rim without soft strokes.
ONLY_TIME, ON_THE_RIM = 0.3, 0.42
SOFT = 60
TIME = frozenset({"hat", "pedal", "open", "ride", "bell", "kick"})
TURN_BARS = 8
WHOLE_BAR_BEATS = 2  # a fill into a new section begins before this beat, a lesser one from it on

_Played = TypeVar("_Played", Groove, Fill)


@dataclass(frozen=True, slots=True)
class Stroke:
    """A stroke ``step`` sixteenths into its bar, ``accent`` louder than plain, ``late`` sixteenths behind."""

    drum: str
    step: int
    accent: float
    late: float = 0.0


@dataclass(frozen=True, slots=True)
class _Turns:
    """What a letter is drummed on: the groove at home, its partner, and which two bars follow which."""

    home: Groove
    partner: Groove
    units: tuple[Groove, ...]

    def at(self, bar: int, bars: int) -> Groove:
        """The groove ``bar`` bars into a phrase of ``bars``; every eight end with another than they began with."""
        groove = self.units[bar // 2 % len(self.units)]
        ends = bar % TURN_BARS >= TURN_BARS - 2 or (bars - bar <= 2 < bars)
        return self.partner if ends and groove == self.home else groove


def play_grooves(piece: Piece, family: Family, feel: Feel, generator: random.Random) -> list[list[Stroke]]:
    """The strokes of every bar of a piece in 4/4. Phrases of one letter have one groove and one partner.

    Args:
        piece: the piece.
        family: what its drummer knows, in ``feel``.
        feel: whether beats divide in two or three.
        generator: draws grooves near the energy and tempo asked for, partners and fills as often as they were played.
    """
    grooves = [groove for groove in family.grooves if groove.feel == feel]
    fills = [fill for fill in family.fills if fill.feel == feel]
    turns: dict[str, _Turns] = {}
    bars: list[list[Stroke]] = []
    last: Fill | None = None
    for index, phrase in enumerate(piece.phrases):
        letter = phrase.letter
        if letter not in turns:
            heard = frozenset(other.home.source for other in turns.values())
            asked = fmean(other.energy for other in piece.phrases if other.letter == letter)
            home = _draw(grooves, _rank(asked), piece.tempo, generator, heard)
            partner = _partner(home, family, grooves, generator)
            turns[letter] = _Turns(home, partner, _wander(home, family, generator))
        following = piece.phrases[index + 1] if index + 1 < len(piece.phrases) else None
        for bar in range(phrase.start, phrase.end):
            groove = turns[letter].at(bar - phrase.start, phrase.end - phrase.start)
            half = (bar - phrase.start) % 2
            strokes = _calmed(_strokes(groove.lines, half * BAR_STEPS), phrase.energy)
            if following is not None and bar == phrase.end - 1:
                sized = _fills_into(following, fills)
                fresh = [fill for fill in sized if fill is not last] or sized
                last = fill = _draw(fresh, _rank(following.energy), piece.tempo, generator)
                begin = 4 * fill.since
                strokes = [stroke for stroke in strokes if stroke.step < begin]
                strokes += [stroke for stroke in _strokes(fill.lines, 0) if stroke.step >= begin]
            bars.append(strokes)
    return bars


def _rank(energy: float) -> float:
    """Where between a family's calmest (0) and fullest groove (1) an energy lies."""
    return min(1.0, max(0.0, (energy - CALMEST) / (FULLEST - CALMEST)))


def _draw(
    choices: Sequence[_Played],
    rank: float,
    tempo: float,
    generator: random.Random,
    heard: frozenset[str] = frozenset(),
) -> _Played:
    """One of ``choices``, ordered from calm to full, near a rank 0..1 and a tempo, rather by a drummer ``heard``."""
    last = max(1, len(choices) - 1)
    weights = [
        math.exp(-0.5 * ((place / last - rank) / RANK_SPREAD) ** 2)
        * math.exp(-0.5 * (math.log2(choice.tempo / tempo) / TEMPO_SPREAD) ** 2)
        * (SAME_DRUMMER if choice.source in heard else 1.0)
        for place, choice in enumerate(choices)
    ]
    if sum(weights) < 1e-9:  # a tempo nobody played at
        nearest = min(abs(math.log2(choice.tempo / tempo)) for choice in choices)
        weights = [float(abs(math.log2(choice.tempo / tempo)) <= nearest + TEMPO_SPREAD) for choice in choices]
    return generator.choices(choices, weights)[0]


def _partner(home: Groove, family: Family, grooves: Sequence[Groove], generator: random.Random) -> Groove:
    """A groove that came after ``home``, as often as it did; else another of its recording; else itself."""
    after = [(family.grooves[at], count) for at, count in home.following.items() if family.grooves[at] != home]
    kin = [(groove, 1) for groove in grooves if groove.source == home.source and groove != home]
    options = after or kin or [(home, 1)]
    return generator.choices([groove for groove, _ in options], [count for _, count in options])[0]


def _wander(home: Groove, family: Family, generator: random.Random) -> tuple[Groove, ...]:
    """Eight bars that begin at ``home`` and go on as its drummer did, each groove followed as often as it was."""
    units = [home]
    while len(units) < TURN_BARS // 2:
        after = units[-1].following
        following = generator.choices(list(after), list(after.values()))[0] if after else None
        units.append(units[-1] if following is None else family.grooves[following])
    return tuple(units)


def _fills_into(following: Phrase, fills: Sequence[Fill]) -> Sequence[Fill]:
    """Long fills where a section begins, short ones where a phrase does."""
    sized = [fill for fill in fills if (fill.since < WHOLE_BAR_BEATS) == following.opens]
    return sized or fills


def _strokes(lines: Mapping[str, DrumLine], start: int) -> list[Stroke]:
    """The strokes of the bar that begins at sign ``start`` of the lines."""
    strokes = []
    for drum, line in lines.items():
        timing = iter(line.timing)
        for place, sign in enumerate(line.strokes):
            if sign == SILENT:
                continue
            late = next(timing) / 100
            if start <= place < start + BAR_STEPS:
                strokes.append(Stroke(drum, place - start, sign_velocity(sign) - PLAIN_VELOCITY, late))
    return strokes


def _calmed(strokes: Sequence[Stroke], energy: float) -> list[Stroke]:
    """The strokes a drummer keeps at an energy."""
    if energy < ONLY_TIME:
        return [stroke for stroke in strokes if stroke.drum in TIME]
    if energy < ON_THE_RIM:
        return [
            Stroke("rim", stroke.step, stroke.accent, stroke.late) if stroke.drum == "snare" else stroke
            for stroke in strokes
            if stroke.drum != "snare" or stroke.accent + PLAIN_VELOCITY > SOFT
        ]
    return list(strokes)
