"""Several sets of pieces side by side, with real music against real music as the yardstick."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from composer.evaluation.evaluation import (
    KEY_FEATURES,
    Evaluation,
    EvaluationError,
    Profile,
    farthest_table,
    judge,
)
from composer.evaluation.tables import markdown_table
from composer.rewards import GROUPS, TERMS, Reference, RewardWeights
from composer.score import Score

REAL_AGAINST_REAL = "real against real"


@dataclass(frozen=True, slots=True)
class Comparison:
    """Evaluations by the name of the set; the last is one half of the real music against the other."""

    evaluations: Mapping[str, Evaluation]

    def to_json(self) -> dict[str, object]:
        """A JSON object: every set's :meth:`Evaluation.to_json`."""
        return {name: evaluation.to_json() for name, evaluation in self.evaluations.items()}

    def markdown(self) -> str:
        """The sets beside each other: figures, reward terms, and what leaves real music most in each of them."""
        sets = list(self.evaluations.values())
        header = ("figure", *self.evaluations)
        figures: list[tuple[str, Callable[[Evaluation], object]]] = [
            ("pieces", lambda found: found.pieces),
            ("overlap of features", lambda found: found.overlap),
            *((f"overlap, {group}", _group(group)) for group in sets[0].overlap_by_group),
            *((f"reward a bar, {agent}", _reward(agent)) for agent in sets[0].reward),
            ("distinct pieces", lambda found: found.diversity.distinct),
            ("distance to the nearest piece", lambda found: found.diversity.nearest),
            ("the same in real music", lambda found: found.diversity.real_nearest),
            ("longest copied run (notes)", lambda found: found.copying.longest),
            ("copied run, 95th percentile", lambda found: found.copying.high),
            *((name, _feature(name)) for name in KEY_FEATURES),
        ]
        rows = [[name, *(figure(found) for found in sets)] for name, figure in figures]
        terms = [
            [f"{group}: {name}", *(found.terms[name].mean for found in sets)]
            for group in GROUPS
            for name, term in TERMS.items()
            if term.group == group
        ]
        parts = [
            markdown_table(header, rows),
            "Reward terms, mean a bar (0: as the corpus)\n",
            markdown_table(("term", *self.evaluations), terms),
        ]
        for name, found in self.evaluations.items():
            parts += [f"Farthest from real music: {name}\n", farthest_table(found)]
        return "\n".join(parts)


def _group(group: str) -> Callable[[Evaluation], object]:
    return lambda found: found.overlap_by_group[group]


def _reward(agent: str) -> Callable[[Evaluation], object]:
    return lambda found: found.reward[agent].mean


def _feature(name: str) -> Callable[[Evaluation], object]:
    return lambda found: found.features[name].mean


def compare(
    sets: Mapping[str, Score],
    *,
    held_out: Score,
    training: Score,
    reference: Reference | None = None,
    seed: int = 0,
    weights: RewardWeights | None = None,
) -> Comparison:
    """Judge several sets by the same real music and the same number of pieces.

    The real pieces are halved in their order (pieces of one song stand together, so the halves share hardly a song).
    One half against the other is the row :data:`REAL_AGAINST_REAL`; every other set is judged against each half,
    with as many pieces as a half has where it has more, and the two are averaged: overlaps of fewer pieces are lower,
    so only equal numbers compare.

    Args:
        sets: pieces by name, such as ``{"agents": ..., "prior": ..., "random": ...}``.
        held_out: real pieces kept out of training, at least two.
        training: the pieces learned from.
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
    if REAL_AGAINST_REAL in sets:
        raise EvaluationError(f"the name {REAL_AGAINST_REAL!r} is taken by the yardstick: name the set otherwise")
    weights = weights or RewardWeights()
    reference = reference or Reference.from_scores(training)
    real = Profile(held_out, training, reference)
    middle = len(held_out) // 2
    halves = [real.select(range(middle)), real.select(range(middle, 2 * middle))]
    generator = np.random.default_rng(seed)
    found = {}
    for name, score in sets.items():
        if len(score) == 0:
            raise EvaluationError(f"the set {name!r} has no pieces")
        rows = sorted(generator.choice(len(score), min(len(score), middle), replace=False).tolist())
        found[name] = judge(Profile(score.select(rows), training, reference), halves, seed, weights)
    found[REAL_AGAINST_REAL] = judge(halves[0], halves[1:], seed, weights)
    return Comparison(found)
