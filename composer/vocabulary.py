"""What the three agents may choose: chords, rhythm cells, grooves and pitches, learned from a corpus.

A vocabulary maps an agent's action (a small integer) to and from the score's universal codes. Action 0 of the
chord agent is *hold*; its action ``i`` is the chord ``chords[i - 1]``. Rhythm action ``i`` is ``cells[i]``, beyond
the cells the groove ``grooves[i - len(cells)]``; melody action ``i`` is the MIDI pitch ``low + i``. A chord, cell or
groove of the corpus that is not in the vocabulary is read as the nearest one that is.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import torch
from torch import Tensor

from composer.errors import TriadError
from composer.groove import Groove, segment_steps
from composer.score import CELL_CODES, CELL_STEPS, HOLD, METER_BEAT_STEPS, ONSET, REST, Score
from composer.segments import most_used, nearest, segments
from composer.theory import (
    CHORD_CODES,
    METERS,
    NO_CHORD,
    chord_name,
    chord_pitch_classes,
    chord_root,
    pitch_name,
)

AGENTS = ("chord", "rhythm", "melody")
CHORD, RHYTHM, MELODY = range(3)
DONE = 3

_MOST = 256  # an action is kept in a byte
_CELL_LETTERS = {REST: ".", HOLD: "-", ONSET: "x"}


class VocabularyError(TriadError):
    """A vocabulary that cannot be built or does not fit a model."""


@dataclass(frozen=True, slots=True, order=True)
class Cell:
    """A rhythm cell: one beat of ``steps`` sixteenths, packed as base-3 digits in ``code``."""

    steps: int
    code: int

    @classmethod
    def parse(cls, pattern: str) -> Cell:
        """The cell written as a pattern: ``x`` onset, ``-`` hold, ``.`` rest; ``"x-x."`` has four sixteenths."""
        letters = {letter: digit for digit, letter in _CELL_LETTERS.items()}
        try:
            digits = [letters[letter] for letter in pattern]
        except KeyError as error:
            raise VocabularyError(f"rhythm cell {pattern!r} holds {error.args[0]!r}: use x, - and .") from None
        if any(first == REST and second == HOLD for first, second in pairwise(digits)):
            raise VocabularyError(f"rhythm cell {pattern!r} holds a note that was not struck: '-' follows '.'")
        return cls(len(digits), sum(digit * 3**step for step, digit in enumerate(digits)))

    @property
    def pattern(self) -> str:
        """The cell as text, such as ``"x-x."``."""
        return "".join(_CELL_LETTERS[self.code // 3**step % 3] for step in range(self.steps))


@dataclass(frozen=True)
class Vocabulary:
    """The choices of the three agents.

    Attributes:
        chords: chord codes, the most used first; action ``i + 1`` of the chord agent.
        cells: rhythm cells, grouped by length, the most used first.
        low: the lowest MIDI pitch, relative (C major, A minor).
        high: the highest MIDI pitch, included.
        grooves: accompaniment grooves, grouped by length, the silent one first, then the most used; none where the
            corpus has no accompaniment.
    """

    chords: tuple[int, ...]
    cells: tuple[Cell, ...]
    low: int
    high: int
    grooves: tuple[Groove, ...] = ()

    def __post_init__(self) -> None:
        if not self.chords or not self.cells or self.high < self.low:
            raise VocabularyError("a vocabulary needs at least one chord, one rhythm cell and one pitch")
        if any(len(set(choices)) < len(choices) for choices in (self.chords, self.cells, self.grooves)):
            raise VocabularyError("a vocabulary names a chord, a rhythm cell or a groove twice")
        if max(self.sizes) > _MOST:
            raise VocabularyError(
                f"no agent may have more than {_MOST} actions, got {self.sizes}: keep fewer of each"
            )
        if NO_CHORD in self.chords or not all(0 < code < CHORD_CODES for code in self.chords):
            raise VocabularyError(f"chord codes lie in 1..{CHORD_CODES - 1}, got {self.chords}")
        if not 1 < self.low <= self.high < 128:
            raise VocabularyError(f"pitches lie in 2..127, got {self.low}..{self.high}")

    @classmethod
    def from_scores(
        cls, scores: Score, *, chords: int = 36, cells: int = 32, pitches: int = 36, grooves: int = 60
    ) -> Vocabulary:
        """The choices that cover most of ``scores``.

        Args:
            scores: the training pieces.
            chords: how many chords to keep, by beats covered.
            cells: how many rhythm cells to keep for every beat length that occurs, by beats covered. The silent
                cell, the held cell and the cell of one long note are always among them.
            pitches: how many neighbouring semitones to keep, by notes covered.
            grooves: how many grooves to keep at most for every segment length that occurs, by segments covered. The
                silent groove is always among them.
        """
        inside = torch.arange(scores.chord.shape[1]) < scores.beats[:, None]
        chord_counts = torch.bincount(scores.chord.long()[inside], minlength=CHORD_CODES)
        chord_counts[NO_CHORD] = 0
        kept = [code for code in _by_count(chord_counts)[:chords] if chord_counts[code] > 0]
        if not kept:
            raise VocabularyError("the corpus holds no harmony: no beat has a chord")
        found: list[Cell] = []
        beat_steps = scores.beat_steps
        for length in sorted(set(beat_steps.tolist())):
            rows = beat_steps == length
            counts = torch.bincount(scores.cell[rows].long()[inside[rows]], minlength=CELL_CODES)
            needed = [Cell.parse(first + (length - 1) * then).code for first, then in ("..", "--", "x-")]
            counts[needed] += int(counts.sum()) + 1
            found += [Cell(length, code) for code in _by_count(counts)[:cells] if counts[code] > 0]
        pitch_counts = torch.bincount(scores.pitch.long()[scores.onset()], minlength=128)
        if int(pitch_counts.sum()) == 0:
            raise VocabularyError("the corpus holds no melody: no note is struck")
        covered = pitch_counts[2:].unfold(0, pitches, 1).sum(1)
        # Of several windows that cover the same notes take the middle one, so that the range is centred.
        best = (covered == covered.max()).nonzero().flatten()
        low = int(best[len(best) // 2]) + 2
        return cls(tuple(kept), tuple(found), low, low + pitches - 1, most_used(scores, grooves, _MOST - len(found)))

    @property
    def sizes(self) -> tuple[int, int, int]:
        """Number of actions of the chord, rhythm and melody agent."""
        return len(self.chords) + 1, len(self.cells) + len(self.grooves), self.high - self.low + 1

    @property
    def actions(self) -> int:
        """Width of a mask that serves all three agents: the largest of :attr:`sizes`."""
        return max(self.sizes)

    @cached_property
    def digest(self) -> str:
        """Twelve hexadecimal digits that name the content."""
        return hashlib.sha256(json.dumps(self.to_json(), sort_keys=True).encode()).hexdigest()[:12]

    def to_json(self) -> dict[str, object]:
        """A JSON object; :meth:`from_json` reads it back."""
        return {
            "chords": list(self.chords),
            "cells": [cell.pattern for cell in self.cells],
            "grooves": [groove.pattern for groove in self.grooves],
            "low": self.low,
            "high": self.high,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Vocabulary:
        """The vocabulary a JSON object describes.

        Raises:
            VocabularyError: if a field is missing or of another kind.
        """
        match data:
            case {
                "chords": [*chords],
                "cells": [*cells],
                "grooves": [*grooves],
                "low": int(low),
                "high": int(high),
            }:
                return cls(
                    tuple(int(str(code)) for code in chords),
                    tuple(Cell.parse(str(pattern)) for pattern in cells),
                    low,
                    high,
                    tuple(Groove.parse(str(pattern)) for pattern in grooves),
                )
        raise VocabularyError(
            "a vocabulary holds the fields chords, cells, grooves, low and high; one without grooves is of an older "
            "Triad: train the model again"
        )

    def name(self, agent: int, action: int) -> str:
        """A readable name of an action: ``"hold"``, ``"Am7"``, ``"x-x."``, ``"b.u.u.u."``, ``"C4"``."""
        if agent == CHORD:
            return "hold" if action == 0 else chord_name(self.chords[action - 1])
        if agent == MELODY:
            return pitch_name(self.low + action)
        beyond = action - len(self.cells)
        return self.cells[action].pattern if beyond < 0 else self.grooves[beyond].pattern

    @cached_property
    def chord_codes(self) -> Tensor:
        """(chords + 1,) int64: the chord code of each chord action; entry 0 (hold) is no chord."""
        return torch.tensor([NO_CHORD, *self.chords])

    @cached_property
    def cell_codes(self) -> Tensor:
        """(cells,) int64: the cell code of each of the first rhythm actions."""
        return torch.tensor([cell.code for cell in self.cells])

    @cached_property
    def nearest_chord(self) -> Tensor:
        """(CHORD_CODES,) int64: the chord action that stands for every chord code; 0 for no chord.

        Nearest means: most pitch classes in common for their number (Jaccard), then the same root, then the
        most used.
        """
        table = [0]
        for code in range(1, CHORD_CODES):
            wanted, root = chord_pitch_classes(code), chord_root(code)
            table.append(1 + _nearest([_chord_likeness(wanted, root, other) for other in self.chords]))
        return torch.tensor(table)

    @cached_property
    def nearest_cell(self) -> Tensor:
        """(metres, CELL_CODES) int64: the rhythm action that stands for every cell code in every metre.

        Nearest means: fewest onsets moved, then fewest sixteenths changed, then the most used. A metre whose beat
        length the corpus never showed has no action: -1.
        """
        weight = torch.tensor([1.0, 1.0, 3.0])
        table = torch.full((len(METERS), CELL_CODES), -1)
        for index in range(len(METERS)):
            length = int(METER_BEAT_STEPS[index])
            actions = [action for action, cell in enumerate(self.cells) if cell.steps == length]
            if not actions:
                continue
            steps = CELL_STEPS[:, None, :length]
            choices = CELL_STEPS[self.cell_codes[actions]][None, :, :length]
            distance = ((steps != choices) * torch.maximum(weight[steps], weight[choices])).sum(2)
            # A cell that carries a note over must not turn into one that cuts it, or the line would change.
            distance += 2.0 * ((steps[..., 0] == HOLD) != (choices[..., 0] == HOLD))
            table[index] = torch.tensor(actions)[distance.argmin(1)]
        return table

    def nearest_groove(self, scores: Score) -> Tensor:
        """(B, N) int64: the rhythm action that stands for the groove that begins at each beat.

        Nearest as :func:`composer.groove.nearest`; -1 where no segment begins, or of a length without grooves.
        """
        code, steps = segments(scores)
        action = torch.full_like(code, -1)
        for length in {groove.steps for groove in self.grooves}:
            mine = [place for place, groove in enumerate(self.grooves) if groove.steps == length]
            here = steps == length
            codes, which = torch.unique(code[here], return_inverse=True)
            found = nearest(codes, [self.grooves[place] for place in mine])
            action[here] = len(self.cells) + torch.tensor(mine)[found][which]
        return action

    def groove_meters(self) -> tuple[int, ...]:
        """Indices of the metres all of whose segments the vocabulary has grooves for."""
        lengths = {0, *(groove.steps for groove in self.grooves)}
        return tuple(index for index, meter in enumerate(METERS) if lengths.issuperset(segment_steps(meter)))

    def nearest_pitch(self, pitch: Tensor) -> Tensor:
        """Melody actions of MIDI pitches, moved by octaves into the range (clamped where it is narrower)."""
        pitch = pitch.long()
        below = (self.low - pitch).clamp(min=0)
        above = (pitch - self.high).clamp(min=0)
        moved = pitch + 12 * ((below + 11) // 12) - 12 * ((above + 11) // 12)
        return moved.clamp(self.low, self.high) - self.low

    def meters(self) -> tuple[int, ...]:
        """Indices of the metres whose beat length the vocabulary has cells for."""
        lengths = {cell.steps for cell in self.cells}
        return tuple(index for index, meter in enumerate(METERS) if meter.beat_steps in lengths)


def _by_count(counts: Tensor) -> Sequence[int]:
    order: list[int] = torch.sort(counts, descending=True, stable=True).indices.tolist()
    return order


def _chord_likeness(wanted: frozenset[int], root: int, other: int) -> float:
    tones = chord_pitch_classes(other)
    return len(wanted & tones) / len(wanted | tones) + 0.25 * (chord_root(other) == root)


def _nearest(likeness: Sequence[float]) -> int:
    return max(range(len(likeness)), key=lambda index: (likeness[index], -index))
