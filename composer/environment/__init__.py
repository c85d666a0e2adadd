"""The coordinating environment, its batched core and its Gymnasium and PettingZoo faces.

Knows the score and the vocabulary; knows no learner and no file.
"""

from composer.environment.coordinator import Conditions, Coordinator, EnvironmentConditionError
from composer.environment.observation import SLOTS, Slot, columns, slot_sizes
from composer.environment.rollout import Decisions, Policy, follow, play, uniform_policy

__all__ = [
    "SLOTS",
    "Conditions",
    "Coordinator",
    "Decisions",
    "EnvironmentConditionError",
    "Policy",
    "Slot",
    "columns",
    "follow",
    "play",
    "slot_sizes",
    "uniform_policy",
]
