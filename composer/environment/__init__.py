"""The coordinating environment, its batched core and its Gymnasium and PettingZoo faces.

Knows the score and the vocabulary; knows no learner and no file. Importing it registers ``Triad-v0`` with Gymnasium;
``gymnasium.make("composer.environment:Triad-v0")`` does both at once.
"""

import gymnasium

from composer.environment.coordinator import Conditions, Coordinator, EnvironmentConditionError
from composer.environment.given import PARTS, Given, Guide
from composer.environment.observation import SLOTS, Slot, columns, slot_sizes, writer
from composer.environment.relations import Relation, relations
from composer.environment.rollout import Decisions, Policy, follow, play, uniform_policy

__all__ = [
    "PARTS",
    "SLOTS",
    "Conditions",
    "Coordinator",
    "Decisions",
    "EnvironmentConditionError",
    "Given",
    "Guide",
    "Policy",
    "Relation",
    "Slot",
    "columns",
    "follow",
    "play",
    "relations",
    "slot_sizes",
    "uniform_policy",
    "writer",
]

gymnasium.register(
    id="Triad-v0",
    entry_point="composer.environment.gymnasium_face:TriadEnv",
    vector_entry_point="composer.environment.gymnasium_face:TriadVectorEnv",
)
