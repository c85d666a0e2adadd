"""Several sets of pieces side by side, with what becomes of real music as the yardstick.

A set may have several runs, such as the pieces of models trained with different seeds: figures are then means over
the runs, with confidence intervals that say what another seed might give.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import stats

from composer.evaluation.baselines import shuffle_bars
from composer.evaluation.classifier import Classification, classify
from composer.evaluation.evaluation import Estimate, Evaluation, EvaluationError, Profile, judge
from composer.evaluation.figures import FIGURE, FIGURES, Figure
from composer.evaluation.statistics import Values
from composer.evaluation.tables import Number, defined
from composer.rewards import Reference, RewardWeights
from composer.score import Score
from composer.view import View

REAL_AGAINST_REAL = "real against real"
SHUFFLED = "shuffled bars"
TRAINING = "training pieces"
YARDSTICKS = (TRAINING, SHUFFLED, REAL_AGAINST_REAL)
HALVINGS = 4
MOST_LAGS = 16
_LEVEL = 0.95

Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Sets of pieces beside each other.

    Attributes:
        runs: evaluations by the name of the set, the set that is judged first and the yardsticks last.
        similarity: by set, how like a bar is to the one so many bars before it, 0..1, from one bar on.
        samples: by set, the (B,) values of every feature of its first run; :data:`REAL_AGAINST_REAL` stands for all
            the real pieces.
    """

    runs: Mapping[str, tuple[Evaluation, ...]]
    similarity: Mapping[str, tuple[Number, ...]]
    samples: Mapping[str, Mapping[str, Values]]

    @property
    def head(self) -> str:
        """The set that is judged: the first."""
        return next(iter(self.runs))

    def estimate(self, name: str, figure: Figure | str) -> Estimate:
        """A figure of a set: the mean over its runs.

        With several runs the 95 % confidence interval is Student's, over the runs; with one, and for the yardsticks,
        it is the one within the set, where the figure has one.
        """
        figure = FIGURE[figure] if isinstance(figure, str) else figure
        runs = self.runs[name]
        values = [value for value in map(figure.read, runs) if value is not None]
        if not values:
            return Estimate(None, None, None)
        mean = float(np.mean(values))
        if name not in YARDSTICKS and len(values) > 1:
            half = float(stats.sem(values) * stats.t.ppf((1 + _LEVEL) / 2, len(values) - 1))
            return Estimate(defined(mean), defined(mean - half), defined(mean + half))
        ends = np.array([figure.interval(run) for run in runs] if figure.interval else [(None, None)], np.float64)
        low, high = ends.mean(0)
        return Estimate(defined(mean), defined(low), defined(high))

    def real(self, figure: Figure | str) -> Number:
        """A figure of real music against real music."""
        return self.estimate(REAL_AGAINST_REAL, figure).mean

    def ratio(self, name: str, figure: Figure) -> Number:
        """A figure of a set as a share of real music's; None where a ratio says nothing."""
        value, real = self.estimate(name, figure).mean, self.real(figure)
        return defined(value / real) if figure.scale and value is not None and real else None

    def difference(self, first: str, second: str, figure: Figure) -> Estimate:
        """How much more of a figure ``first`` has than ``second``, with Welch's 95 % interval over their runs."""
        sides = [[v for v in map(figure.read, self.runs[name]) if v is not None] for name in (first, second)]
        if not all(sides):
            return Estimate(None, None, None)
        mean = float(np.mean(sides[0]) - np.mean(sides[1]))
        if min(map(len, sides)) < 2:
            return Estimate(defined(mean), None, None)
        errors = [float(np.var(side, ddof=1)) / len(side) for side in sides]
        spread = sum(error**2 / (len(side) - 1) for error, side in zip(errors, sides, strict=True))
        # Degrees of freedom by Welch (1947) and Satterthwaite; any will do where nothing varies.
        freedom = sum(errors) ** 2 / spread if spread else 1.0
        half = float(np.sqrt(sum(errors)) * stats.t.ppf((1 + _LEVEL) / 2, freedom))
        return Estimate(defined(mean), defined(mean - half), defined(mean + half))

    def figures(self) -> dict[str, dict[str, float]]:
        """The mean of every figure that exists, by set and figure key."""
        return {
            name: {figure.key: mean for figure in FIGURES if (mean := self.estimate(name, figure).mean) is not None}
            for name in self.runs
        }

    def to_json(self) -> dict[str, object]:
        """A JSON object: the evaluations of every set and their summary."""
        return {
            "figures": {
                name: {
                    figure.key: {**asdict(self.estimate(name, figure)), "ratio": self.ratio(name, figure)}
                    for figure in FIGURES
                }
                for name in self.runs
            },
            "similarity": {name: list(curve) for name, curve in self.similarity.items()},
            "sets": {name: [run.to_json() for run in runs] for name, runs in self.runs.items()},
        }


def compare(
    sets: Mapping[str, Score | Sequence[Score]],
    *,
    held_out: Score,
    training: Score,
    songs: Sequence[int] | None = None,
    training_songs: Sequence[int] | None = None,
    reference: Reference | None = None,
    seed: int = 0,
    weights: RewardWeights | None = None,
) -> Comparison:
    """Judge several sets by the same real music and the same number of pieces.

    The real pieces are halved by songs, :data:`HALVINGS` times. The halves against each other are
    :data:`REAL_AGAINST_REAL`; every other set is judged against all the halves, with as many pieces as a half has
    where it has more, and averaged over them: overlaps of fewer pieces are lower, so only equal numbers compare.
    The classifier is asked with all the pieces. Two more sets show what the figures can see and what nobody can
    learn: the real pieces with their bars shuffled, and pieces of some training songs, in which copies from the other
    training songs are looked for.

    Args:
        sets: pieces by name, such as ``{"agents": ..., "random": ...}``, the one to judge first; a sequence holds
            the runs of one set.
        held_out: real pieces kept out of training, at least two.
        training: the pieces learned from.
        songs: for each held-out piece the song it comes from; each is a song of its own by default.
        training_songs: the same of the training pieces.
        reference: their statistics; fitted on ``training`` where it is not given.
        seed: of every draw.
        weights: reward weights; those of the table by default.

    Raises:
        EvaluationError: if a set is empty, there are fewer than two real pieces, or a name is taken.
    """
    if len(held_out) < 2 or len(training) == 0:
        raise EvaluationError(
            "a comparison needs two real pieces kept out and one to train on, "
            f"got {len(held_out)} and {len(training)}"
        )
    if taken := set(YARDSTICKS) & set(sets):
        raise EvaluationError(f"the name {min(taken)!r} is taken by a yardstick: name the set otherwise")
    weights = weights or RewardWeights()
    reference = reference or Reference.from_scores(training)
    random = np.random.default_rng(seed)
    real_songs, own_songs = _songs(songs, len(held_out)), _songs(training_songs, len(training))
    real = Profile(held_out, training, reference, real_songs.tolist())
    halves = _halves(real_songs, random)
    size = min(map(len, halves))
    profiles = [real.select(half[:size].tolist()) for half in halves]

    def judged(mine: Profile, classification: Classification) -> Evaluation:
        rows = random.choice(len(mine.score), min(len(mine.score), size), replace=False)
        return judge(mine.select(sorted(rows.tolist())), profiles, seed, weights, classification)

    known: dict[str, list[Profile]] = {}
    for name, scores in sets.items():
        runs = [scores] if isinstance(scores, Score) else scores
        if not runs or not all(map(len, runs)):
            raise EvaluationError(f"the set {name!r} has no pieces")
        known[name] = [Profile(score, training, reference) for score in runs]
    drawn, others = _drawn_songs(own_songs, size, random)
    # Numbers of their own: no training song is one of those kept out.
    apart = (-1 - own_songs[drawn]).tolist()
    known[TRAINING] = [Profile(training.select(drawn), training.select(others), reference, apart)]
    shuffled = shuffle_bars(held_out, torch.Generator().manual_seed(seed))
    known[SHUFFLED] = [Profile(shuffled, training, reference, real_songs.tolist())]
    found: dict[str, tuple[Evaluation, ...]] = {
        name: tuple(judged(mine, _told(mine, real, seed)) for mine in runs) for name, runs in known.items()
    }
    found[REAL_AGAINST_REAL] = _real_against_real(profiles, seed, weights)
    shown = {name: runs[0] for name, runs in known.items()} | {REAL_AGAINST_REAL: real}
    return Comparison(
        found,
        {name: similarity(profile.score) for name, profile in shown.items()},
        {name: profile.features for name, profile in shown.items()},
    )


def similarity(score: Score, most: int = MOST_LAGS) -> tuple[Number, ...]:
    """How like the bars' melodies are to those 1, 2, ... bars before: means over all bars, 0..1."""
    view = View(score)
    found = []
    for lag in range(1, min(most, view.bar_count - 1) + 1):
        value, known = view.likeness("melody", lag)
        found.append(defined(float((value * known).sum()) / float(known.sum())) if bool(known.any()) else None)
    return tuple(found)


def _told(mine: Profile, real: Profile, seed: int) -> Classification:
    own, other = (None if profile.songs is None else profile.songs.tolist() for profile in (mine, real))
    return classify(mine.features, real.features, songs=own, real_songs=other, seed=seed)


def _real_against_real(profiles: Sequence[Profile], seed: int, weights: RewardWeights) -> tuple[Evaluation, ...]:
    """Every half against its other half."""
    found = []
    for first in range(0, len(profiles), 2):
        pair = profiles[first : first + 2]
        told = _told(pair[0], pair[1], seed)
        found += [judge(mine, [theirs], seed, weights, told) for mine, theirs in (pair, pair[::-1])]
    return tuple(found)


def _songs(songs: Sequence[int] | None, size: int) -> Rows:
    """(size,) numbers of songs from 0; each piece is its own song where all would be one."""
    numbers = np.unique(np.arange(size) if songs is None else np.asarray(songs), return_inverse=True)[1]
    return numbers if len(np.unique(numbers)) > 1 else np.arange(size)


def _halves(songs: Rows, random: np.random.Generator) -> list[Rows]:
    """The rows of two halves, whole songs each, and again of two other halves, :data:`HALVINGS` times."""
    halves = []
    for _ in range(HALVINGS):
        order = random.permutation(int(songs.max()) + 1)
        until = np.cumsum(np.bincount(songs)[order])
        cut = int(np.abs(until[:-1] - len(songs) / 2).argmin()) + 1
        parts = (order[:cut], order[cut:])
        halves += [random.permutation(np.flatnonzero(np.isin(songs, part))) for part in parts]
    return halves


def _drawn_songs(songs: Rows, size: int, random: np.random.Generator) -> tuple[list[int], list[int]]:
    """Rows of songs drawn until there are ``size`` pieces, or half of all, and the rows of all other songs."""
    order = random.permutation(int(songs.max()) + 1)
    until = np.cumsum(np.bincount(songs)[order])
    cut = int(np.searchsorted(until, min(size, len(songs) // 2))) + 1
    mine = np.isin(songs, order[:cut])
    others = np.flatnonzero(~mine) if not mine.all() else np.arange(len(songs))
    return np.flatnonzero(mine)[:size].tolist(), others.tolist()
