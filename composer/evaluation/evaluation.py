"""The evaluation of one set of pieces against real music kept out of training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property

import numpy as np

from composer.errors import TriadError
from composer.evaluation.audit import term_values
from composer.evaluation.classifier import Classification
from composer.evaluation.statistics import (
    Values,
    confidence,
    distinct_share,
    longest_runs,
    nearest,
    overlap,
    shift,
)
from composer.evaluation.tables import Number, defined
from composer.features import features
from composer.rewards import TERMS, Reference, RewardWeights
from composer.score import Score
from composer.vocabulary import AGENTS

FARTHEST = 8


class EvaluationError(TriadError):
    """Sets of pieces that cannot be compared."""


class Profile:
    """Everything measured of one set of pieces, each part once and on demand.

    Args:
        score: the pieces.
        training: those learned from.
        reference: their statistics.
        songs: for each piece the song it was cut from; each is a song of its own by default.
    """

    def __init__(
        self, score: Score, training: Score, reference: Reference, songs: Sequence[int] | None = None
    ) -> None:
        self.score, self.training, self.reference = score, training, reference
        self.songs = None if songs is None else np.asarray(songs, np.int64)

    @cached_property
    def features(self) -> dict[str, Values]:
        """(B,) values of every feature."""
        return {name: value.double().numpy() for name, value in features(self.score).items()}

    @cached_property
    def terms(self) -> dict[str, Values]:
        """(B,) mean credit a bar of every reward term."""
        return term_values(self.score, self.reference)

    @cached_property
    def runs(self) -> Values:
        """(B,) longest run of notes that stands in the training pieces."""
        return longest_runs(self.score, self.training).astype(np.float64)

    def select(self, rows: Sequence[int]) -> Profile:
        """The profile of some of the pieces; what is measured already is kept."""
        index = list(rows)
        songs = None if self.songs is None else self.songs[index].tolist()
        part = Profile(self.score.select(rows), self.training, self.reference, songs)
        part.features = {name: value[index] for name, value in self.features.items()}
        part.terms = {name: value[index] for name, value in self.terms.items()}
        part.runs = self.runs[index]
        return part


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean with its 95 % confidence interval."""

    mean: Number
    low: Number
    high: Number


@dataclass(frozen=True, slots=True)
class FeatureFigure:
    """One feature of a set beside real music.

    Attributes:
        overlap: area the two distributions share, 0..1.
        shift: difference of the means in standard deviations of real music.
        mean: mean of the set.
        real: mean of real music.
    """

    overlap: Number
    shift: Number
    mean: Number
    real: Number


@dataclass(frozen=True, slots=True)
class Diversity:
    """How different the pieces of a set are from each other.

    Attributes:
        distinct: share of pieces unlike any earlier one of the set.
        nearest: mean distance to the nearest other piece, 0..1 (share of notes not in common); of real music to the
            nearest of another song, for what a song repeats is one piece.
        real_nearest: the same in as many real pieces.
    """

    distinct: Number
    nearest: Number
    real_nearest: Number


@dataclass(frozen=True, slots=True)
class Copying:
    """Longest run of notes of each piece that stands in the training pieces, in notes.

    Attributes:
        longest: of all pieces.
        high: its 95th percentile over the pieces.
        median: its median.
        real_longest: the longest of the real pieces kept out, a mean where there are several sets of those.
        real_high: their 95th percentile.
        real_median: their median.
    """

    longest: Number
    high: Number
    median: Number
    real_longest: Number
    real_high: Number
    real_median: Number


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A set of pieces beside real music.

    Attributes:
        pieces: number of pieces judged.
        against: number of real pieces they were compared with (of the first set of those, where there are several).
        overlap: mean overlap of all features.
        overlap_by_group: the same for melody, rhythm, harmony and structure.
        reward: for each agent the weighted sum of the terms of theory, a bar, with its confidence interval; 0: as
            the corpus.
        following: the weighted sum of the terms that compare a piece with its plan, all agents together; real music
            follows its own to the letter.
        terms: every reward term, a bar, with its confidence interval.
        features: every feature.
        diversity: how different the pieces are.
        copying: how much is lifted from the training pieces.
        classification: how well a classifier tells them from real music; None where it was not asked.
    """

    pieces: int
    against: int
    overlap: Number
    overlap_by_group: Mapping[str, Number]
    reward: Mapping[str, Estimate]
    following: Estimate
    terms: Mapping[str, Estimate]
    features: Mapping[str, FeatureFigure]
    diversity: Diversity
    copying: Copying
    classification: Classification | None = None

    @property
    def farthest(self) -> tuple[str, ...]:
        """The features whose distribution lies farthest from real music's, the worst first: what is mechanical."""
        known = [(figure.overlap, name) for name, figure in self.features.items() if figure.overlap is not None]
        return tuple(name for _, name in sorted(known)[:FARTHEST])

    def to_json(self) -> dict[str, object]:
        """A JSON object; figures that do not exist are null."""
        return {**asdict(self), "farthest": list(self.farthest)}


def evaluate(
    generated: Score,
    held_out: Score,
    training: Score,
    reference: Reference,
    seed: int = 0,
    weights: RewardWeights | None = None,
) -> Evaluation:
    """Judge ``generated`` against real pieces kept out of training.

    Args:
        generated: the pieces to judge.
        held_out: real pieces, best of the same length in bars.
        training: the pieces learned from, to look for copies in.
        reference: the statistics of the training pieces.
        seed: of the bootstrap and of the choice of as many real pieces for the diversity.
        weights: reward weights; those of the table by default.

    Raises:
        EvaluationError: if a set is empty.
    """
    for name, score in {"generated": generated, "held-out": held_out, "training": training}.items():
        if len(score) == 0:
            raise EvaluationError(f"there is nothing to compare: the {name} set has no pieces")
    mine = Profile(generated, training, reference)
    return judge(mine, [Profile(held_out, training, reference)], seed, weights or RewardWeights())


def judge(
    mine: Profile,
    real: Sequence[Profile],
    seed: int,
    weights: RewardWeights,
    classification: Classification | None = None,
) -> Evaluation:
    """Judge a profile against one or several real ones; overlaps, and real figures, are means over those."""
    generator = np.random.default_rng(seed)
    figures = {
        name: FeatureFigure(
            overlap=_average([overlap(value, other.features[name]) for other in real]),
            shift=_average([shift(value, other.features[name]) for other in real]),
            mean=_nanmean(value),
            real=_average([_nanmean(other.features[name]) for other in real]),
        )
        for name, value in mine.features.items()
    }
    groups = dict.fromkeys(name.split("/")[0] for name in figures)
    by_group = {
        group: _average([figure.overlap for name, figure in figures.items() if name.startswith(f"{group}/")])
        for group in groups
    }
    values = np.stack([mine.terms[name] for name in TERMS])
    matrix = weights.matrix().double().numpy()
    planned = np.array([term.group == "plan" for term in TERMS.values()])
    rewards = np.concatenate([(matrix * ~planned) @ values, (matrix * planned).sum(0, keepdims=True) @ values])
    low, high = confidence(np.concatenate([values, rewards]), generator)
    means = [*values.mean(1), *rewards.mean(1)]
    estimates = [Estimate(*map(defined, row)) for row in zip(means, low, high, strict=True)]
    return Evaluation(
        pieces=len(mine.score),
        against=len(real[0].score),
        overlap=_average([figure.overlap for figure in figures.values()]),
        overlap_by_group=by_group,
        reward=dict(zip(AGENTS, estimates[len(TERMS) : -1], strict=True)),
        following=estimates[-1],
        terms=dict(zip(TERMS, estimates, strict=False)),
        features=figures,
        diversity=_diversity(mine, real, generator),
        copying=_copying(mine, real),
        classification=classification,
    )


def _diversity(mine: Profile, real: Sequence[Profile], generator: np.random.Generator) -> Diversity:
    """Distances to the nearest piece shrink with the number of pieces, so both sides get the same number."""
    size = min(len(mine.score), *(len(other.score) for other in real))

    def spread(profile: Profile) -> Number:
        if size < 2:
            return None
        rows = _draw(len(profile.score), size, generator)
        songs = None if profile.songs is None else profile.songs[rows]
        return defined(nearest(profile.score.select(rows), songs).mean())

    return Diversity(
        distinct=defined(distinct_share(mine.score)),
        nearest=spread(mine),
        real_nearest=_average([spread(other) for other in real]),
    )


def _draw(count: int, size: int, generator: np.random.Generator) -> list[int]:
    return sorted(generator.choice(count, size, replace=False).tolist())


def _copying(mine: Profile, real: Sequence[Profile]) -> Copying:
    figures = (np.max, lambda runs: np.quantile(runs, 0.95), np.median)
    return Copying(
        *(defined(figure(mine.runs)) for figure in figures),
        *(_average([defined(figure(other.runs)) for other in real]) for figure in figures),
    )


def _average(values: Sequence[Number]) -> Number:
    known = [value for value in values if value is not None]
    return defined(np.mean(known)) if known else None


def _nanmean(values: Values) -> Number:
    known = values[np.isfinite(values)]
    return defined(known.mean()) if len(known) else None
