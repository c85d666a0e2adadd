"""What finished pieces earn the three agents: the seam between the reward terms and the learners."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import Tensor

from composer.rewards import Reference, RewardWeights, agent_rewards, reward_terms, term_totals
from composer.score import Score


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict on B finished pieces.

    Attributes:
        rewards: (3, B, T) float32, each agent's reward at each sixteenth.
        terms: the mean credit a bar of each reward term over all pieces, for the log; may be empty.
    """

    rewards: Tensor
    terms: Mapping[str, float]


Judge = Callable[[Score], Judgement]
"""Finished pieces (tensors on the CPU) to what they earn."""


def corpus_judge(reference: Reference, weights: RewardWeights) -> Judge:
    """Judge by Triad's reward terms, centred on a corpus."""

    def judge(score: Score) -> Judgement:
        terms = reward_terms(score, reference)
        totals = {name: float(total.mean()) for name, total in term_totals(terms, score).items()}
        return Judgement(agent_rewards(terms, weights), totals)

    return judge


def judge_by(reward: Callable[[Score], Tensor]) -> Judge:
    """Judge by any function of finished pieces to (3, B, T) float32."""
    return lambda score: Judgement(reward(score), {})
