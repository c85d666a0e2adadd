"""A better melody by few changes: which notes, moved where, raise what theory says of a piece the most."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from agents.trio import Trio
from composer.rewards import RewardWeights, reward_terms
from composer.rewards.terms import TERMS
from composer.score import Score
from composer.theory import METERS, pitch_name
from composer.view import View

# How far a note may be moved, in semitones: a seventh at most, so that a line stays recognisable.
REACH = tuple(move for move in range(-9, 10) if move)
_LEAST = 1e-4  # a gain below this is rounding
_AT_ONCE = 256


@dataclass(frozen=True, slots=True)
class Change:
    """One note that was moved.

    Attributes:
        bar, beat: where, from 1.
        step: the sixteenth, from 0.
        old, new: MIDI pitches as they sound.
        gain: reward a bar, weighted and over all agents.
        why: by term what it gained a bar, the most first; losses are negative.
    """

    bar: int
    beat: int
    step: int
    old: int
    new: int
    gain: float
    why: Mapping[str, float]

    def __str__(self) -> str:
        """The change in words."""
        reasons = ", ".join(f"{name} {value:+.3f}" for name, value in self.why.items())
        return (
            f"bar {self.bar}, beat {self.beat}: {pitch_name(self.old)} -> {pitch_name(self.new)}, "
            f"{self.gain:+.3f} a bar ({reasons})"
        )


@dataclass(frozen=True, slots=True)
class Improvement:
    """A piece after some changes.

    Attributes:
        score: the piece.
        changes: in the order they were made, the most rewarding first.
        before, after: reward a bar by theory, weighted and over all agents.
    """

    score: Score
    changes: tuple[Change, ...]
    before: float
    after: float


@torch.inference_mode()
def improve(trio: Trio, score: Score, most: int) -> Improvement:
    """Move at most ``most`` notes of one piece so that theory says the most for it.

    Greedy: at each turn every note is tried at every pitch within :data:`REACH` that lies in the trio's range, and
    the best move is kept; no note is moved twice. Rhythm and chords stay.

    Args:
        trio: whose corpus statistics and weights judge; terms that ask for a plan are left out.
        score: one piece with chords.
        most: changes, at least 0.
    """
    weights = _theory(trio)
    moved: set[int] = set()
    changes: list[Change] = []
    before = now = float(_worth(trio, score, weights)[0][0])
    while len(changes) < most:
        tries, places = _tries(trio, score, moved)
        if not places:
            break
        worth, terms = _worth(trio, tries, weights)
        best = int(worth.argmax())
        if float(worth[best]) < now + _LEAST:
            break
        _, own = _worth(trio, score, weights)
        step, pitch = places[best]
        changes.append(_change(score, step, pitch, float(worth[best]) - now, terms[:, best] - own[:, 0]))
        moved.add(step)
        score, now = tries.select([best]), float(worth[best])
    return Improvement(score, tuple(changes), before, now)


def _theory(trio: Trio) -> Tensor:
    """(terms,) float32: what each term weighs for all agents together, 0 where it asks for a plan."""
    matrix = RewardWeights(terms=trio.config.rewards).matrix().sum(0)
    return matrix * torch.tensor([term.group != "plan" for term in TERMS.values()])


def _worth(trio: Trio, score: Score, weights: Tensor) -> tuple[Tensor, Tensor]:
    """(B,) the weighted theory reward a bar of each piece, and (terms, B) what each term adds."""
    parts = []
    for at in range(0, len(score), _AT_ONCE):
        some = score.select(slice(at, at + _AT_ONCE))
        terms = reward_terms(View(some), trio.reference)
        parts.append(torch.stack([credit.sum(1) for credit in terms.values()]) / some.bars)
    each = torch.cat(parts, 1) * weights[:, None]
    return each.sum(0), each


def _tries(trio: Trio, score: Score, moved: set[int]) -> tuple[Score, list[tuple[int, int]]]:
    """The piece with one note moved, for every note and move; and which step got which pitch."""
    onset = score.onset()[0].nonzero().flatten().tolist()
    ends = [*onset[1:], score.pitch.shape[1]]
    rows, places = [], []
    low, high = trio.vocabulary.low, trio.vocabulary.high
    for step, end in zip(onset, ends, strict=True):
        if step in moved:
            continue
        pitch = int(score.pitch[0, step])
        for move in REACH:
            if low <= pitch + move <= high:
                row = score.pitch[0].clone()
                row[step:end] = pitch + move
                rows.append(row)
                places.append((step, pitch + move))
    if not rows:
        return score, []
    many = score.select([0] * len(rows))
    return replace(many, pitch=torch.stack(rows)), places


def _change(score: Score, step: int, pitch: int, gain: float, gains: Tensor) -> Change:
    metre, shift = METERS[int(score.meter[0])], int(score.transposition[0])
    named = dict(zip(TERMS, gains.tolist(), strict=True))
    ordered = sorted(named.items(), key=lambda item: -abs(item[1]))
    return Change(
        bar=1 + step // metre.bar_steps,
        beat=1 + step % metre.bar_steps // metre.beat_steps,
        step=step,
        old=int(score.pitch[0, step]) + shift,
        new=pitch + shift,
        gain=gain,
        why={name: round(value, 4) for name, value in ordered[:4] if abs(value) > _LEAST},
    )
