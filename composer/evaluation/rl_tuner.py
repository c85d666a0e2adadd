"""The statistics of RL Tuner's Table 1 on two-bar melodies, by its own definitions and by those of a musician.

The table is that of Jaques, Gu, Turner and Eck, "Tuning Recurrent Neural Networks with Reinforcement Learning" (2017,
https://arxiv.org/abs/1611.02796). Its melodies are rows of *events*, one a sixteenth: 0 ends a note, 1 lets things be,
2..37 strike MIDI 48..83. It counts events where a musician counts notes: a note held for more than six sixteenths is
"excessively repeated", and the share of "notes" in a motif is a share of sixteenths. So every row is measured twice, by
:func:`by_events` as the paper and its published code do and by :func:`by_notes` on the notes themselves. Melodies are
read as written, in C.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from composer.evaluation.evaluation import EvaluationError
from composer.rewards.melody import IN_KEY
from composer.rewards.view import TONICS, View
from composer.score import Score
from composer.theory import MODE_INDEX

NOTE_OFF, NO_EVENT, FIRST_NOTE = 0, 1, 2
LOWEST, HIGHEST = 48, 83
MIDDLE_C = 60 - LOWEST + FIRST_NOTE
LEAP = 7  # a fifth
MOTIF_STEPS = 8
MOTIF_PITCHES = 3
LAGS = (1, 2, 3)
# How often an event may have come before, with nothing else between and with holds or rests between.
_REPEATS, _REPEATS_APART, _NOTE_OFFS = 4, 6, 1
# Steps an unresolved leap must stand before a leap back counts as its resolution.
_STEPS_BEFORE_LEAP_BACK = 6

Direction = Literal["low", "near 0", "high"]


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the table.

    Attributes:
        name: what is measured.
        better: whether small values, values near 0 or large ones are the table's aim.
        note_rnn: the paper's recurrent network before reinforcement learning.
        best: the best of its reinforcement learners (for the unique maximum, where none beats it, the network's).
        percent: a share, printed in per cent; else a correlation.
    """

    name: str
    better: Direction
    note_rnn: float
    best: float
    percent: bool = True

    def reached(self, value: float) -> bool:
        """Whether ``value`` is as good as the table's best or better, as precise as the table is printed."""
        if self.better == "high":
            return value >= self.best
        if self.better == "near 0":
            return abs(round(value, 2)) <= abs(self.best)
        return round(value, 4 if self.best else 3) <= self.best


ROWS: tuple[Row, ...] = (
    Row("excessively repeated", "low", 0.633, 0.0),
    Row("autocorrelation, lag 1", "near 0", -0.16, -0.10, percent=False),
    Row("autocorrelation, lag 2", "near 0", 0.14, -0.01, percent=False),
    Row("autocorrelation, lag 3", "near 0", -0.13, 0.01, percent=False),
    Row("not in key", "low", 0.001, 0.006),
    Row("starts on the tonic", "high", 0.009, 0.288),
    Row("leaps resolved", "high", 0.772, 0.911),
    Row("unique maximum", "high", 0.647, 0.647),
    Row("unique minimum", "high", 0.494, 0.583),
    Row("in a motif", "high", 0.059, 0.757),
    Row("in a repeated motif", "high", 0.00007, 0.0011),
)


@dataclass(frozen=True, slots=True)
class Tally:
    """One statistic of B pieces: what was found of how much, ``sum(part) / sum(whole)`` over the pieces.

    Attributes:
        part: (B,) float64.
        whole: (B,) float64, 0 where a piece has nothing to count in.
    """

    part: Tensor
    whole: Tensor

    @property
    def value(self) -> float:
        """The statistic of all pieces together; NaN where there is nothing to count in."""
        return float(self.part.sum() / self.whole.sum())

    @property
    def error(self) -> float:
        """Standard error of :attr:`value`, pieces being the sample: that of a ratio estimator."""
        rest = self.part - self.value * self.whole
        return float(rest.square().sum().sqrt() / self.whole.sum())

    @property
    def spread(self) -> float:
        """Standard deviation of the statistic from piece to piece."""
        counted = self.whole > 0
        return float((self.part[counted] / self.whole[counted]).std())


def events(score: Score) -> Tensor:
    """(B, T) int64: melodies as the paper's events; a note beyond its range is moved there by octaves.

    Raises:
        EvaluationError: if the pieces are not all of one length: the events of a batch stand side by side.
    """
    if bool((score.steps != score.pitch.shape[1]).any()):
        raise EvaluationError("the statistics of RL Tuner compare pieces of one length: take excerpts of two bars")
    pitch = score.pitch.long()
    below = ((LOWEST - pitch).clamp(min=0) + 11) // 12
    above = ((pitch - HIGHEST).clamp(min=0) + 11) // 12
    note = pitch + 12 * (below - above) - LOWEST + FIRST_NOTE
    sounds = score.sounding() > 0
    ends = ~sounds & torch.nn.functional.pad(sounds[:, :-1], (1, 0))
    return torch.where(score.onset(), note, torch.where(ends, NOTE_OFF, NO_EVENT))


def by_events(score: Score) -> dict[str, Tally]:
    """The table's rows as the paper measures them: shares of all events, of all leaps, or of all pieces."""
    event = events(score)
    size, length = event.shape
    struck = event >= FIRST_NOTE
    foreign = struck & ~IN_KEY[MODE_INDEX["major"]][(event - FIRST_NOTE) % 12]
    resolved, doubled = _leap_outcomes(event)
    motif = _distinct_pitches(event) >= MOTIF_PITCHES
    lowest = torch.where(struck, event, event.max() + 1).amin(1, keepdim=True)
    found: list[Tally] = [
        _share_of(_excessively_repeated(event)),
        *(_autocorrelation(event, torch.full((size,), length), lag) for lag in LAGS),
        _share_of(foreign),
        _share_of(event[:, :1] == MIDDLE_C),
        Tally(resolved.sum(1).double(), (resolved | doubled).sum(1).double()),
        _share_of((event == event.amax(1, keepdim=True)).sum(1, keepdim=True) == 1),
        _share_of((event == lowest).sum(1, keepdim=True) == 1),
        Tally(motif.sum(1).double(), torch.full((size,), length).double()),
        Tally((motif & _window_heard_before(event)).sum(1).double(), torch.full((size,), length).double()),
    ]
    return dict(zip((row.name for row in ROWS), found, strict=True))


def by_notes(score: Score) -> dict[str, Tally]:
    """The same rows over notes.

    A note is excessively repeated after four of its pitch in a row; the autocorrelation is that of the row of
    pitches; any octave of the tonic is the tonic; a leap of a fifth or more is resolved when the next move turns
    back; a note is in a motif when it closes eight sixteenths with at least three pitches, and in a repeated one when
    its last three notes are of different pitch and their intervals and gaps were heard before, in any key.
    """
    view = View(score)
    notes = view.notes
    here, pitch = notes.here, notes.pitch
    count = here.sum(1)
    index = torch.arange(here.shape[1])
    again = notes.follows & (notes.interval == 0)
    last_new = torch.where(again, 0, index).cummax(1).values
    tonic = TONICS[score.mode][:, None]
    in_key = IN_KEY[score.mode[:, None], pitch % 12]
    leap, next_move = _moves(pitch, notes.follows)
    leaps = (leap.abs() >= LEAP) & (next_move != 0)
    close = _pitches_before(notes.step, pitch, here) >= MOTIF_PITCHES
    highest, lowest = pitch.amax(1, keepdim=True), torch.where(here, pitch, 128).amin(1, keepdim=True)
    some = count > 0
    found: list[Tally] = [
        _share_of(index - last_new >= _REPEATS, here),
        *(_autocorrelation(pitch, count, lag) for lag in LAGS),
        _share_of(~in_key, here),
        _share_of(pitch[:, :1] % 12 == tonic, some[:, None]),
        _share_of(leap * next_move < 0, leaps),
        _share_of(((pitch == highest) & here).sum(1, keepdim=True) == 1, some[:, None]),
        _share_of(((pitch == lowest) & here).sum(1, keepdim=True) == 1, some[:, None]),
        _share_of(close, here),
        _share_of(close & _figure_heard_before(pitch, notes.step, here), here),
    ]
    return dict(zip((row.name for row in ROWS), found, strict=True))


def distance(found: Mapping[str, float], real: Mapping[str, Tally]) -> float:
    """How far statistics lie from real music's: the mean over the rows of ``|value - real| / spread of real pieces``.

    Rows in which real pieces do not differ from each other, or that lack a value, are left out.
    """
    sizes = [
        abs(found[name] - tally.value) / tally.spread
        for name, tally in real.items()
        if tally.spread > 0 and not math.isnan(found[name])
    ]
    return sum(sizes) / len(sizes) if sizes else math.nan


def _share_of(part: Tensor, whole: Tensor | None = None) -> Tally:
    """(B, K) places: how many of ``whole`` are ``part``."""
    whole = torch.ones_like(part) if whole is None else whole
    return Tally((part & whole).sum(1).double(), whole.sum(1).double())


def _autocorrelation(values: Tensor, count: Tensor, lag: int) -> Tally:
    """``sum over t of x[t] x[t - lag] / (n variance)`` of the first ``count`` values; none where they are alike."""
    here = torch.arange(values.shape[1]) < count[:, None]
    exact = values.double() * here
    centred = (exact - exact.sum(1, keepdim=True) / count.clamp(min=1)[:, None]) * here
    energy = centred.square().sum(1)
    defined = (energy > 1e-9) & (count > lag)
    product = (centred[:, lag:] * centred[:, :-lag]).sum(1)
    return Tally(torch.where(defined, product / energy.clamp(min=1e-9), 0.0), defined.double())


def _excessively_repeated(event: Tensor) -> Tensor:
    """(B, T) bool: the event came too often since another pitch was struck."""
    length = event.shape[1]
    place = torch.arange(length)
    earlier = place[None, :] < place[:, None]  # (T, T): [now, then]
    now, then = event[:, :, None], event[:, None, :]
    other_pitch = earlier & (then >= FIRST_NOTE) & (then != now)
    since = torch.where(other_pitch, place, -1).amax(2, keepdim=True)
    within = earlier & (place > since)
    same = (within & (then == now)).sum(2)
    apart = (within & (then != now)).any(2)
    often = same > torch.where(apart, _REPEATS_APART, _REPEATS)
    return often | ((event == NOTE_OFF) & (same > _NOTE_OFFS))


def _leap_outcomes(event: Tensor) -> tuple[Tensor, Tensor]:
    """(B, T) bool each: a leap of a fifth or more is resolved by this event, or doubled by another in its direction.

    A leap stands open until it is resolved: by a return, without a leap, to the note it left or beyond it, or by a
    leap back after more than six events. An earlier leap back closes it and counts for nothing.
    """
    size, length = event.shape
    resolved, doubled = (torch.zeros(size, length, dtype=torch.bool) for _ in range(2))
    direction, left, since, last = (torch.zeros(size, dtype=torch.int64) for _ in range(4))
    for step in range(length):
        now = event[:, step]
        note = now >= FIRST_NOTE
        moved = (now - last) * (note & (last >= FIRST_NOTE))
        leap = moved.abs() >= LEAP
        way = moved.sign()
        back, on = leap & (direction * way < 0), leap & (direction * way > 0)
        first = leap & (direction == 0)
        returned = note & ~leap & (direction * (now - left) <= 0) & (direction != 0)
        resolved[:, step] = returned | (back & (since > _STEPS_BEFORE_LEAP_BACK))
        doubled[:, step] = on
        left = torch.where(first, last, left)
        direction = torch.where(first, way, direction * ~(back | returned))
        since = (since + (step > 0)) * ~leap
        last = torch.where(note, now, last)
    return resolved, doubled


def _windows(event: Tensor) -> Tensor:
    """(B, T - 7, 8): the eight events up to each."""
    return event.unfold(1, MOTIF_STEPS, 1)


def _distinct_pitches(event: Tensor) -> Tensor:
    """(B, T - 7) int64: how many pitches are struck in the eight events up to each."""
    ordered = _windows(event).sort(2).values
    new = torch.nn.functional.pad(ordered[:, :, 1:] != ordered[:, :, :-1], (1, 0), value=True)
    return (new & (ordered >= FIRST_NOTE)).sum(2)


def _window_heard_before(event: Tensor) -> Tensor:
    """(B, T - 7) bool: the same eight events stand earlier in the piece, without overlap."""
    windows = _windows(event)
    place = torch.arange(windows.shape[1])
    apart = place[None, :] <= place[:, None] - MOTIF_STEPS
    return ((windows[:, :, None] == windows[:, None, :]).all(3) & apart).any(2)


def _moves(pitch: Tensor, follows: Tensor) -> tuple[Tensor, Tensor]:
    """(B, N) int64: the interval into each note, and the next interval after it that is not a repetition; 0 if none."""
    size = torch.diff(pitch, dim=1, prepend=pitch[:, :1]) * follows
    after = torch.zeros_like(size)
    coming = torch.zeros(len(size), dtype=torch.int64)
    for note in range(size.shape[1] - 1, -1, -1):
        after[:, note] = coming
        coming = torch.where(size[:, note] != 0, size[:, note], coming)
    return size, after


def _pitches_before(step: Tensor, pitch: Tensor, here: Tensor) -> Tensor:
    """(B, N) int64: distinct pitches among the notes struck in the eight sixteenths that end with each note's onset."""
    index = torch.arange(step.shape[1])
    near = (
        (index[None, :] <= index[:, None])
        & (step[:, :, None] - step[:, None, :] < MOTIF_STEPS)
        & here[:, None, :]
        & here[:, :, None]
    )
    window = torch.where(near, pitch[:, None, :], 0).sort(2).values
    new = torch.nn.functional.pad(window[:, :, 1:] != window[:, :, :-1], (1, 0), value=True)
    return (new & (window > 0)).sum(2)


def _figure_heard_before(pitch: Tensor, step: Tensor, here: Tensor) -> Tensor:
    """(B, N) bool: the last three notes differ in pitch, and an earlier three had their intervals and gaps."""
    if pitch.shape[1] < MOTIF_PITCHES:
        return torch.zeros_like(here)
    one, two = torch.diff(pitch, dim=1), torch.diff(step, dim=1)
    figure = torch.stack([one[:, :-1], one[:, 1:], two[:, :-1], two[:, 1:]], 2)
    varied = (figure[:, :, 0] != 0) & (figure[:, :, 1] != 0) & (figure[:, :, 0] + figure[:, :, 1] != 0)
    index = torch.arange(figure.shape[1])
    apart = index[None, :] <= index[:, None] - MOTIF_PITCHES
    same = (figure[:, :, None] == figure[:, None, :]).all(3) & apart & here[:, 2:][:, None, :]
    return torch.nn.functional.pad(varied & same.any(2), (2, 0)) & here
