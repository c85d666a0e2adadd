"""Rewards: named terms of music theory and style, each a pure function of finished scores.

The room knows scores and what a corpus does (:class:`Reference`); it knows no environment and no learner.
"""

from composer.rewards.balance import BALANCED, Balance
from composer.rewards.measure import GROUPS, RewardError
from composer.rewards.reference import Reference
from composer.rewards.terms import (
    TERMS,
    RewardTerm,
    RewardWeights,
    agent_rewards,
    reward_terms,
    term_totals,
)

__all__ = [
    "BALANCED",
    "GROUPS",
    "TERMS",
    "Balance",
    "Reference",
    "RewardError",
    "RewardTerm",
    "RewardWeights",
    "agent_rewards",
    "reward_terms",
    "term_totals",
]
