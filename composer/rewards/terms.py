"""The table of reward terms, their weights for each agent, and their sums."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from pydantic import BaseModel, ConfigDict, Field, field_validator
from torch import Tensor

from composer.rewards.measure import Measure, RewardError
from composer.rewards.reference import MEASURES, Reference
from composer.score import Score
from composer.view import View
from composer.vocabulary import AGENTS

# Weights (chord, rhythm, melody). Grades (level and peak terms) differ between good and bad music by less than
# log-probabilities (typical terms) do, hence 2..4 for them and a half or one for these. Only terms that pass the
# audit on the pop songs have a weight: they rank real music over what the prior alone writes under a plan, and that
# over random music, each with an AUC of .6 or more, and do not count notes (tests/flows/test_audit.py). The others
# are watched: they show where a set of pieces leaves the corpus, and a training's settings may give them weights.
# What the weighted terms might be bought with is held by the balance.
_WEIGHTS: Mapping[str, tuple[float, float, float]] = {
    "strong_beats": (3.0, 1.0, 4.0),
    "dissonance": (0.0, 0.0, 0.0),
    "support": (0.0, 0.0, 0.0),
    "progression": (0.0, 0.0, 0.0),
    "harmonic_rhythm": (0.0, 0.0, 0.0),
    "cadence": (0.0, 0.0, 0.0),
    "ending": (0.0, 0.0, 0.0),
    "density": (0.0, 0.0, 0.0),
    "groove": (0.0, 0.0, 0.0),
    "syncopation": (0.0, 0.0, 0.0),
    "duration": (0.0, 2.0, 0.0),
    "breath": (0.0, 0.0, 0.0),
    "silence": (0.0, 0.0, 0.0),
    "key": (0.0, 0.0, 0.0),
    "interval": (0.0, 0.0, 0.5),
    "tendency": (0.0, 0.0, 1.0),
    "leap_resolution": (0.0, 0.0, 0.0),
    "repeats": (0.0, 0.0, 0.0),
    "span": (0.0, 0.0, 0.0),
    "contour": (0.0, 0.0, 0.0),
    "recall": (0.0, 0.0, 0.0),
    "harmony_recall": (0.0, 0.0, 0.0),
    "development": (0.0, 0.0, 0.0),
    "motif": (0.0, 1.0, 1.0),
    "melodic_recall": (0.0, 2.0, 2.0),
    "harmonic_recall": (2.0, 0.0, 0.0),
    "planned_cadence": (3.0, 2.0, 2.0),
    "register": (0.0, 0.0, 2.0),
    "rhythm_targets": (0.0, 4.0, 0.0),
    "harmony_targets": (4.0, 0.0, 0.0),
    "melody_targets": (1.0, 0.0, 4.0),
    "accompaniment": (0.0, 0.0, 0.0),
    "accompaniment_recall": (0.0, 1.0, 0.0),
    "foundation": (0.0, 1.0, 0.0),
    "surprise": (0.0, 0.5, 0.5),
    "copying": (0.0, 0.0, 0.0),
    "pitch_variety": (0.0, 0.0, 0.0),
    "chord_variety": (0.0, 0.0, 0.0),
    "rhythm_variety": (0.0, 0.0, 0.0),
}


@dataclass(frozen=True, slots=True)
class RewardTerm:
    """A row of the table of terms: a measure and what it weighs for each agent by default."""

    measure: Measure
    weights: Mapping[str, float]

    @property
    def name(self) -> str:
        """The term's name."""
        return self.measure.name

    @property
    def group(self) -> str:
        """One of :data:`composer.rewards.measure.GROUPS`."""
        return self.measure.group

    @property
    def description(self) -> str:
        """What it rewards, in a few words."""
        return self.measure.description

    def function(self, score: Score | View, reference: Reference) -> Tensor:
        """(B, T) float32: the credit of every sixteenth; 0 in padding and wherever nothing is measured."""
        return reference.credit(self.name, View.of(score))


TERMS: Mapping[str, RewardTerm] = {
    name: RewardTerm(measure, dict(zip(AGENTS, _WEIGHTS[name], strict=True))) for name, measure in MEASURES.items()
}


class RewardWeights(BaseModel):
    """What each term weighs for each agent: ``{"cadence": {"chord": 1.0, "rhythm": 0.5, "melody": 1.0}, ...}``.

    Terms and agents left out keep the weight of :data:`TERMS`; 0 switches a term off.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    terms: Mapping[str, Mapping[str, float]] = Field(default_factory=dict, validate_default=True)

    @field_validator("terms")
    @classmethod
    def _complete(cls, given: Mapping[str, Mapping[str, float]]) -> Mapping[str, Mapping[str, float]]:
        for name, weights in given.items():
            if name not in TERMS:
                raise RewardError(f"unknown reward term {name!r}: choose from {', '.join(TERMS)}")
            for agent in weights:
                if agent not in AGENTS:
                    raise RewardError(f"unknown agent {agent!r} in the weights of {name!r}: choose from {AGENTS}")
        return {name: {**term.weights, **given.get(name, {})} for name, term in TERMS.items()}

    def matrix(self) -> Tensor:
        """(3, terms) float32: the weight of every term, in the order of :data:`TERMS`, for every agent."""
        return torch.tensor([[self.terms[name][agent] for name in TERMS] for agent in AGENTS])


def reward_terms(score: Score | View, reference: Reference) -> dict[str, Tensor]:
    """Every term's (B, T) float32 credit of ``score``; the score is read once for all of them."""
    view = View.of(score)
    return {name: reference.credit(name, view) for name in TERMS}


def agent_rewards(terms: Mapping[str, Tensor], weights: RewardWeights) -> Tensor:
    """(3, B, T) float32: each agent's reward at each sixteenth, ``sum over terms of weight * credit``."""
    stacked = torch.stack([terms[name] for name in TERMS])
    return torch.einsum("ak,kbt->abt", weights.matrix(), stacked)


def term_totals(terms: Mapping[str, Tensor], score: Score) -> dict[str, Tensor]:
    """Every term's (B,) float32 credit of each piece, as a mean over its bars."""
    return {name: credit.sum(1) / score.bars.clamp(min=1) for name, credit in terms.items()}
