"""Why this note? What the agents thought of every choice in a piece, and what it earned.

A finished piece is written again decision by decision, as real pieces are for the priors; at each the agents say how
probable they find the choice, how they value it, and what they would have done instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from agents import agent as acting
from agents.sight import Sight
from agents.trio import Trio
from composer.environment import follow
from composer.rewards import RewardWeights, reward_terms
from composer.score import Score
from composer.theory import METERS, chord_name, pitch_name
from composer.view import View
from composer.vocabulary import AGENTS, CHORD, RHYTHM, Vocabulary


@dataclass(frozen=True, slots=True)
class Reason:
    """One choice and the best one that was not taken.

    Attributes:
        agent: who chose.
        part: ``chord``, ``cell``, ``groove`` or ``pitch``.
        bar, beat: where, from 1.
        step: the sixteenth from the piece's beginning, from 0.
        chosen, rejected: names of the two; the second is empty where nothing else was legal.
        probability, rejected_probability: under the agent's policy.
        prior: of the choice under the frozen prior.
        value, rejected_value: Q in units of reward; None for an agent that holds no values.
    """

    agent: str
    part: str
    bar: int
    beat: int
    step: int
    chosen: str
    rejected: str
    probability: float
    rejected_probability: float
    prior: float
    value: float | None
    rejected_value: float | None


@dataclass(frozen=True, slots=True)
class Explanation:
    """A piece explained.

    Attributes:
        reasons: for every choice, in the order they were made.
        earned: by reward term what it gave in each bar, unweighted, where it gave anything.
        credit: by agent and term what it earned the agent a bar, weighted.
    """

    reasons: tuple[Reason, ...]
    earned: Mapping[str, tuple[float, ...]]
    credit: Mapping[str, Mapping[str, float]]

    def to_json(self) -> dict[str, Any]:
        """A JSON object."""
        return {
            "reasons": [
                {field: getattr(reason, field) for field in Reason.__dataclass_fields__} for reason in self.reasons
            ],
            "earned": {name: list(row) for name, row in self.earned.items()},
            "credit": {agent: dict(row) for agent, row in self.credit.items()},
        }


@torch.inference_mode()
def explain(trio: Trio, score: Score) -> Explanation:
    """Explain one piece (the batch's only one) as ``trio`` sees it.

    What its vocabulary cannot say is explained as the nearest it can.

    Raises:
        EnvironmentConditionError: if the trio knows no rhythm in the piece's metre.
    """
    said, decisions = follow(trio.vocabulary, score)
    sights, metre = Sight.of_agents(trio.config), METERS[int(score.meter[0])]
    found: list[tuple[int, Reason]] = []
    for index, (name, agent) in enumerate(zip(AGENTS, trio.agents, strict=True)):
        rows = (decisions.turn == index).nonzero().flatten()
        if not len(rows):
            continue
        seen = sights[index].see(decisions.observation, rows)
        legal = decisions.legal[rows, : trio.vocabulary.sizes[index]]
        prior = acting.log_prior(agent, seen, legal)
        chances = acting.preferences(agent, seen, prior)
        values = agent.values(seen) if agent.config.learns else None
        action = decisions.action[rows]
        others = chances.scatter(1, action[:, None], -1.0).masked_fill(~legal, -1.0)
        best = others.argmax(1)
        for place, row in enumerate(rows.tolist()):
            one, other, step = int(action[place]), int(best[place]), int(decisions.time[row])
            alone = float(others[place, other]) < 0
            reason = Reason(
                agent=name,
                part=_part(index, one, trio.vocabulary),
                bar=1 + step // metre.bar_steps,
                beat=1 + step % metre.bar_steps // metre.beat_steps,
                step=step,
                chosen=_name(trio.vocabulary, index, one, score),
                rejected="" if alone else _name(trio.vocabulary, index, other, score),
                probability=float(chances[place, one]),
                rejected_probability=0.0 if alone else float(chances[place, other]),
                prior=float(prior[place, one].exp()),
                value=None if values is None else float(values[place, one]),
                rejected_value=None if values is None or alone else float(values[place, other]),
            )
            found.append((row, reason))
    terms = reward_terms(View(said), trio.reference)
    weights = RewardWeights(terms=trio.config.rewards)
    bars, per_bar = int(score.bars[0]), metre.bar_steps
    by_bar = {name: credit[0, : bars * per_bar].view(bars, per_bar).sum(1) for name, credit in terms.items()}
    credit = {
        agent: {
            name: float(row.mean()) * weights.terms[name][agent]
            for name, row in by_bar.items()
            if weights.terms[name][agent]
        }
        for agent in AGENTS
    }
    earned = {
        name: tuple(round(value, 4) for value in row.tolist()) for name, row in by_bar.items() if bool(row.any())
    }
    return Explanation(tuple(reason for _, reason in sorted(found, key=lambda pair: pair[0])), earned, credit)


def _part(agent: int, action: int, vocabulary: Vocabulary) -> str:
    if agent == RHYTHM:
        return "cell" if action < len(vocabulary.cells) else "groove"
    return "chord" if agent == CHORD else "pitch"


def _name(vocabulary: Vocabulary, agent: int, action: int, score: Score) -> str:
    """The name of an action as it sounds in the piece's key."""
    shift = int(score.transposition[0])
    if agent == CHORD and action:
        return chord_name(vocabulary.chords[action - 1], shift)
    if agent in (RHYTHM, CHORD):
        return vocabulary.name(agent, action)
    return pitch_name(vocabulary.low + action + shift)
