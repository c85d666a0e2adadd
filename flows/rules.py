"""The judge of the trio that learns RL Tuner's rules."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from agents.judging import Judgement
from composer.evaluation.rl_tuner import by_events
from composer.rewards.rl_tuner import LAGS, RULES, at_end, autocorrelations, events, rule_credits, rule_rewards
from composer.score import Score

# A weight moves by at most this share in the first iteration and by half of it after so many; in all, to at most so
# many times, or one over it, what it was at first.
WEIGHT_STEP, HALF_STEP_AFTER, WEIGHT_RANGE = 0.04, 120, 8.0
# How far from its goal, in shares of it, a statistic must be for the whole step.
FAR = 0.1
# A mean beyond the second counts as no more: the policy answers some ten iterations late, and would overshoot.
MULTIPLIER_RATE, FARTHEST_MEAN = 3.0, 0.05


class RulesJudge:
    """Judges by the table's rules and asks most for what is missing most.

    Each batch shows how far the rules are kept. The weight of a rule that falls short of its goal grows, that of one
    that is kept shrinks, so that no rule is bought beyond its goal with another; every lag of the autocorrelation has
    a multiplier that grows by the batch's mean as long as that is not 0 (dual ascent on constraints).
    """

    def __init__(self) -> None:
        self._weights = torch.tensor([rule.weight for rule in RULES.values()], dtype=torch.float64)
        self._multipliers = torch.zeros(len(LAGS), dtype=torch.float64)
        self._batches = torch.tensor(0)

    @property
    def weights(self) -> dict[str, float]:
        """What every rule pays now."""
        return dict(zip(RULES, self._weights.tolist(), strict=True))

    def __call__(self, score: Score) -> Judgement:
        """The weighted rules, less the multipliers times each piece's autocorrelations for rhythm and melody."""
        event = events(score)
        credits_, found = rule_credits(event), autocorrelations(event)
        rewards = rule_rewards(credits_, self.weights)
        rewards[1:] -= at_end(event, (self._multipliers[:, None] * found).sum(0))
        self._learn(score)
        self._multipliers = self._multipliers + MULTIPLIER_RATE * found.mean(1).clamp(-FARTHEST_MEAN, FARTHEST_MEAN)
        return Judgement(rewards, {name: float(credit.sum(1).mean()) for name, credit in credits_.items()})

    def _learn(self, score: Score) -> None:
        statistics = by_events(score)
        first = torch.tensor([rule.weight for rule in RULES.values()], dtype=torch.float64)
        short = [
            _shortfall(statistics[name].value, rule.goal, rule.weight) if rule.goal is not None else 0.0
            for name, rule in RULES.items()
        ]
        step = WEIGHT_STEP / (1 + float(self._batches) / HALF_STEP_AFTER)
        scale = (self._weights / first) * (1 + step * torch.tensor(short, dtype=torch.float64))
        self._weights = first * scale.clamp(1 / WEIGHT_RANGE, WEIGHT_RANGE)
        self._batches = self._batches + 1

    def tensors(self) -> dict[str, Tensor]:
        """The weights, the multipliers and how many batches they were learned from."""
        return {"weights": self._weights, "multipliers": self._multipliers, "batches": self._batches}

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Take over what :meth:`tensors` gave."""
        self._weights, self._multipliers = tensors["weights"], tensors["multipliers"]
        self._batches = tensors["batches"]


def _shortfall(value: float, goal: float, weight: float) -> float:
    """How far ``value`` falls short of ``goal``, -1..1; a negative weight asks for less than the goal."""
    if math.isnan(value):
        return 0.0
    missing = (goal - value) * math.copysign(1.0, weight) / (FAR * goal)
    return min(max(missing, -1.0), 1.0)
