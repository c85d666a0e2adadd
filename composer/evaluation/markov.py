"""An order-3 Markov model of real pieces: the baseline that learns which event follows which, and no more.

Melody and harmony are chains of their own. A melody event is a pitch with the sixteenths it sounds and those to the
next note; a harmony event is a chord with its beats. The next event is drawn from what followed the last three events
anywhere in the training pieces of the same metre and mode; where they never stood together the last two are asked,
then the last one, then none, and at last pieces of any kind (back-off without discounts: Brants et al. 2007, "Large
language models in machine translation", section 4, with all the weight on the longest history known).
"""

from __future__ import annotations

import torch
from torch import Tensor

from composer.environment import Conditions
from composer.score import HOLD, METER_BAR_STEPS, METER_BEATS, REST, Score, from_melody
from composer.theory import MODES
from composer.view import View

ORDER = 3
_START = -1
_MULTIPLIER = 0x1E3779B97F4A7C15


class Chain:
    """Which event follows which.

    Args:
        events: (B, K, C) int64 the events of each piece, C numbers each.
        here: (B, K) bool, False in the padding at the end.
        kind: (B,) int64 >= 0, pieces of one kind are asked first.
    """

    def __init__(self, events: Tensor, here: Tensor, kind: Tensor) -> None:
        self.events, flat = torch.unique(events[here], dim=0, return_inverse=True)
        number = torch.zeros(here.shape, dtype=torch.int64)
        number[here] = flat
        padded = torch.nn.functional.pad(number, (ORDER, 0), value=_START)
        past = padded.unfold(1, ORDER, 1)[:, :-1][here]
        kinds = kind[:, None].expand(here.shape)[here]
        self._levels = []
        for keys in _keys(past, kinds):
            ordered, order = keys.sort(stable=True)
            self._levels.append((ordered, flat[order]))

    def begin(self, count: int) -> Tensor:
        """(count, ORDER): the past of pieces that have not begun."""
        return torch.full((count, ORDER), _START)

    def draw(self, past: Tensor, kind: Tensor, generator: torch.Generator) -> Tensor:
        """(B,) int64: rows of :attr:`events` that follow ``past`` (B, ORDER) in pieces of ``kind`` (B,)."""
        chance = torch.rand(len(past), generator=generator, dtype=torch.float64)
        drawn = torch.full((len(past),), _START)
        for (keys, following), wanted in zip(self._levels, _keys(past, kind), strict=True):
            first, end = torch.searchsorted(keys, wanted), torch.searchsorted(keys, wanted, right=True)
            place = (first + (chance * (end - first)).long()).clamp(max=len(keys) - 1)
            drawn = torch.where((drawn == _START) & (end > first), following[place], drawn)
        return drawn

    def write(self, until: Tensor, kind: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Events one after the other until each piece is full; an event's last number is its duration.

        Args:
            until: (B,) length of each piece.
            kind: (B,) of each piece.
            generator: the randomness.

        Returns:
            (B, K) where each event begins, at ``until`` or later for those beyond the end, and (B, K, C) the events.
        """
        past, place = self.begin(len(until)), torch.zeros_like(until)
        places, events = [], []
        while bool((place < until).any()):
            drawn = self.draw(past, kind, generator)
            past = torch.cat([past[:, 1:], drawn[:, None]], 1)
            places.append(place)
            events.append(self.events[drawn])
            place = place + events[-1][:, -1]
        return torch.stack(places, 1), torch.stack(events, 1)


def _keys(past: Tensor, kind: Tensor) -> list[Tensor]:
    """(N,) numbers of the histories of each length, the longest first, and at last of none of whatever kind."""
    keys = []
    for length in range(ORDER, -1, -1):
        key = kind + 1
        for event in past[:, ORDER - length :].unbind(1):
            key = (key + event + 2) * _MULTIPLIER
        keys.append(key)
    return [*keys, torch.zeros_like(kind)]


class Markov:
    """Order-3 chains of melody and harmony, learned from ``training``."""

    def __init__(self, training: Score) -> None:
        kind = _kind(training.meter, training.mode)
        notes = View(training).notes
        melody = torch.stack([notes.pitch, notes.length, notes.gap], 2)
        # What stands before the first note is a rest of its own.
        first = torch.where(notes.here[:, 0], notes.step[:, 0], training.steps)
        rest = torch.stack([torch.zeros_like(first), torch.zeros_like(first), first], 1)[:, None]
        here = torch.nn.functional.pad(notes.here, (1, 0), value=True)
        self.melody = Chain(torch.cat([rest, melody], 1), here, kind)
        self.harmony = Chain(*_chord_events(training), kind)

    def compose(self, conditions: Conditions, generator: torch.Generator) -> Score:
        """One piece for each row of ``conditions``."""
        kind = _kind(conditions.meter, conditions.mode)
        steps = METER_BAR_STEPS[conditions.meter] * conditions.bars
        beats = METER_BEATS[conditions.meter] * conditions.bars
        place, note = self.melody.write(steps, kind, generator)
        pitch, length = (_spread(place, column, int(steps.max())) for column in note.unbind(2)[:2])
        step = torch.arange(int(steps.max()))
        latest = torch.where(pitch > 0, step, 0).cummax(1).values
        sounds = step - latest < length.gather(1, latest)
        place, harmony = self.harmony.write(beats, kind, generator)
        beat = torch.arange(int(beats.max()))
        change = torch.where(_spread(place, torch.ones_like(place), len(beat)) > 0, beat, 0).cummax(1).values
        return from_melody(
            torch.where(pitch > 0, pitch, torch.where(sounds, HOLD, REST)),
            _spread(place, harmony[:, :, 0], len(beat)).gather(1, change),
            meter=conditions.meter,
            mode=conditions.mode,
            bars=conditions.bars,
            tonic=conditions.tonic,
            tempo=conditions.tempo,
        )


def _kind(meter: Tensor, mode: Tensor) -> Tensor:
    return meter * len(MODES) + mode


def _spread(place: Tensor, value: Tensor, width: int) -> Tensor:
    """(B, width): each value at its place; those beyond the width are lost, and so is all but the last of a place."""
    column = torch.zeros(len(place), width + 1, dtype=value.dtype)
    for at, what in zip(place.clamp(max=width).unbind(1), value.unbind(1), strict=True):
        column.scatter_(1, at[:, None], what[:, None])
    return column[:, :width]


def _chord_events(score: Score) -> tuple[Tensor, Tensor]:
    """(B, K, 2) chords with their beats, and (B, K) where they are."""
    chord, beat = score.chord.long(), torch.arange(score.chord.shape[1])
    changes = torch.nn.functional.pad(chord[:, 1:] != chord[:, :-1], (1, 0), value=True) & (
        beat < score.beats[:, None]
    )
    count = changes.sum(1)
    order = torch.sort(changes.long(), dim=1, descending=True, stable=True).indices[:, : int(count.max())]
    here = torch.arange(order.shape[1]) < count[:, None]
    following = torch.nn.functional.pad(order[:, 1:], (0, 1))
    last = torch.arange(order.shape[1]) == count[:, None] - 1
    beats = torch.where(last, score.beats[:, None], following) - order
    return torch.stack([chord.gather(1, order), beats], 2), here
