"""The statistics of RL Tuner's Table 1 on two-bar melodies, by its own definitions and by those of a musician.

The table is that of Jaques, Gu, Turner and Eck, "Tuning Recurrent Neural Networks with Reinforcement Learning" (2017,
https://arxiv.org/abs/1611.02796). It counts events where a musician counts notes: a note held for more than six
sixteenths is "excessively repeated", and the share of "notes" in a motif is a share of sixteenths, of which the first
seven never count. So every row is measured twice, by :func:`by_events` as the paper does (the rules are those of
:mod:`composer.rewards.rl_tuner`) and by :func:`by_notes` on the notes themselves.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from composer.evaluation.tables import defined, markdown_table
from composer.rewards import rl_tuner as rules
from composer.rewards.melody import IN_KEY
from composer.rewards.rl_tuner import FIFTH, LAGS, MOTIF_PITCHES, MOTIF_STEPS
from composer.score import Score
from composer.view import TONICS, View

_REPEATS = 4

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

    @classmethod
    def of(cls, value: Tensor, defined: Tensor) -> Tally:
        """One value (B,) a piece where it is ``defined`` (B,), and their mean."""
        return cls(value.double(), defined.double())

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
        """Standard deviation of the statistic from piece to piece; 0 of a single one."""
        counted = self.whole > 0
        return float((self.part[counted] / self.whole[counted]).std()) if int(counted.sum()) > 1 else 0.0


def by_events(score: Score) -> dict[str, Tally]:
    """The table's rows as the paper measures them: shares of all events, of all leaps, or of all pieces.

    Raises:
        RewardError: if the pieces are not all of one length.
    """
    event = rules.events(score)
    count = torch.full((len(event),), event.shape[1])
    resolved, doubled = rules.leap_outcomes(event)
    found: list[Tally] = [
        _share_of(rules.excessively_repeated(event)),
        *(Tally.of(*rules.autocorrelation(event, count, lag)) for lag in LAGS),
        _share_of(rules.not_in_key(event)),
        _share_of(event[:, :1] == rules.MIDDLE_C),
        _share_of(resolved, resolved | doubled),
        _share_of(rules.highest_is_unique(event)[:, -1:]),
        _share_of(rules.lowest_is_unique(event)[:, -1:]),
        _share_of(rules.motif(event)),
        _share_of(rules.repeated_motif(event)),
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
    leaps = (leap.abs() >= FIFTH) & (next_move != 0)
    close = _pitches_before(notes.step, pitch, here) >= MOTIF_PITCHES
    highest, lowest = pitch.amax(1, keepdim=True), torch.where(here, pitch, 128).amin(1, keepdim=True)
    some = count > 0
    found: list[Tally] = [
        _share_of(index - last_new >= _REPEATS, here),
        *(Tally.of(*rules.autocorrelation(pitch, count, lag)) for lag in LAGS),
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


@dataclass(frozen=True, slots=True)
class Definition:
    """The table in one of its two readings.

    Attributes:
        real: real music's statistics.
        sets: statistics by the name of the set of pieces.
        halves: how far one half of the real music lies from the other (:func:`distance`): what is as near as can be.
    """

    real: Mapping[str, Tally]
    sets: Mapping[str, Mapping[str, Tally]]
    halves: float

    @classmethod
    def of(cls, measure: Callable[[Score], dict[str, Tally]], real: Score, sets: Mapping[str, Score]) -> Definition:
        """Real pieces (in the order of their songs) and sets of others by one of the two readings."""
        middle = len(real) // 2
        first = {row: tally.value for row, tally in measure(real.select(slice(0, middle))).items()}
        halves = distance(first, measure(real.select(slice(middle, None))))
        return cls(measure(real), {name: measure(score) for name, score in sets.items()}, halves)

    def values(self) -> dict[str, dict[str, float]]:
        """Every column, the paper's two first, by row."""
        paper = {
            "Note RNN": {row.name: row.note_rnn for row in ROWS},
            "RL Tuner": {row.name: row.best for row in ROWS},
        }
        ours = {"real music": self.real, **self.sets}
        return {**paper, **{name: {row: tally.value for row, tally in found.items()} for name, found in ours.items()}}

    def reached(self, name: str) -> int:
        """In how many rows the set is as good as the table's best or better."""
        return sum(row.reached(self.sets[name][row.name].value) for row in ROWS)

    def to_json(self) -> dict[str, object]:
        """A JSON object: every column with its distance to real music, ours with the errors and what they reached.

        Figures that do not exist are null.
        """
        columns: dict[str, object] = {
            name: {
                "rows": {row: defined(value) for row, value in column.items()},
                "distance": defined(distance(column, self.real)),
                **(
                    {
                        "errors": {row: defined(tally.error) for row, tally in self.sets[name].items()},
                        "reached": self.reached(name),
                    }
                    if name in self.sets
                    else {}
                ),
            }
            for name, column in self.values().items()
        }
        return {"columns": columns, "halves": defined(self.halves)}

    def markdown(self) -> str:
        """The table; a star marks what is as good as RL Tuner's best."""
        columns = self.values()
        lines: list[list[object]] = [
            [row.name, *(_printed(row, column[row.name], name in self.sets) for name, column in columns.items())]
            for row in ROWS
        ]
        known = [self.reached(name) if name in self.sets else None for name in columns]
        lines.append([f"rows reached of {len(ROWS)}", *known])
        lines.append(
            ["distance to real music", *(f"{distance(column, self.real):.2f}" for column in columns.values())]
        )
        table = markdown_table(("", *columns), lines)
        return f"{table}\nOne half of the real music lies {self.halves:.2f} from the other.\n"


def _printed(row: Row, value: float, ours: bool) -> str | None:
    if math.isnan(value):
        return None
    text = f"{100 * value:.2f} %" if row.percent else f"{value + 0.0:.3f}"
    return f"{text} *" if ours and row.reached(value) else text


def _share_of(part: Tensor, whole: Tensor | None = None) -> Tally:
    """(B, K) places: how many of ``whole`` are ``part``."""
    whole = torch.ones_like(part) if whole is None else whole
    return Tally((part & whole).sum(1).double(), whole.sum(1).double())


def _moves(pitch: Tensor, follows: Tensor) -> tuple[Tensor, Tensor]:
    """(B, N) int64: the interval into each note, and the next after it that is no repetition; 0 if there is none."""
    size = torch.diff(pitch, dim=1, prepend=pitch[:, :1]) * follows
    after = torch.zeros_like(size)
    coming = torch.zeros(len(size), dtype=torch.int64)
    for note in range(size.shape[1] - 1, -1, -1):
        after[:, note] = coming
        coming = torch.where(size[:, note] != 0, size[:, note], coming)
    return size, after


def _pitches_before(step: Tensor, pitch: Tensor, here: Tensor) -> Tensor:
    """(B, N) int64: distinct pitches struck in the eight sixteenths that end with each note's onset."""
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
