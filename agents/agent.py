"""What every agent is, whatever holds its values: the interface and how it acts.

Deep and tabular agents differ in how they hold and learn action values, not in how values and prior become actions.
Nothing here knows music: an agent sees its own slots, a mask and batches of transitions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

import torch
from torch import Tensor

from agents import policy
from agents.config import AgentConfig
from agents.networks import Network
from agents.replay import Batch

Behaviour = Literal["agents", "prior", "random"]


class Agent(Protocol):
    """One learner with its frozen prior.

    Attributes:
        config: how it learns.
        temperature: tau, what one nat of KL costs in units of reward.
        generator: its own randomness while learning: its actions and its replay samples.
        prior: its frozen prior; None stands for the uniform choice.
    """

    config: AgentConfig
    temperature: float
    generator: torch.Generator
    prior: Network | None

    def values(self, observation: Tensor) -> Tensor:
        """Action values (N, A) of observations (N, K) uint8."""
        ...

    def update(self, batch: Batch) -> dict[str, Tensor]:
        """Learn from one batch; gives the scalars ``loss``, ``mean_q`` and ``td_error`` (mean of sizes)."""
        ...

    def model_tensors(self) -> dict[str, Tensor]:
        """What acting needs, the prior apart, by name."""
        ...

    def learning_tensors(self) -> dict[str, Tensor]:
        """What going on learning needs besides."""
        ...

    def restore(self, model: Mapping[str, Tensor], learning: Mapping[str, Tensor] | None = None) -> None:
        """Take over tensors of the two kinds; without ``learning`` it starts to learn afresh from the model."""
        ...


@dataclass(frozen=True, slots=True)
class Choice:
    """What an agent did and why, for N decisions.

    Attributes:
        action: (N,) int64.
        policy: (N, A) the probabilities it holds right, exploration by epsilon apart.
        log_prior: (N, A), ``-inf`` where an action is illegal.
    """

    action: Tensor
    policy: Tensor
    log_prior: Tensor


def log_prior(agent: Agent, observation: Tensor, legal: Tensor) -> Tensor:
    """(N, A) the logarithm of the agent's prior over legal actions, ``-inf`` elsewhere."""
    if agent.prior is None:
        return policy.uniform_log_prior(legal)
    return policy.masked_log_prior(agent.prior(observation), legal)


def preferences(agent: Agent, observation: Tensor, log_prior: Tensor, dial: float = 1.0) -> Tensor:
    """(N, A) the probabilities of the agent's policy.

    Args:
        agent: whose.
        observation: (N, K) uint8.
        log_prior: (N, A).
        dial: divides tau: 0 is the prior alone (style), 1 the policy as trained, more leans to the values (theory).
    """
    if dial == 0 or not agent.config.learns:
        return torch.exp(log_prior)
    q = agent.values(observation)
    if agent.config.exploration == "epsilon":
        return policy.greedy(q, log_prior)
    return policy.boltzmann(q, log_prior, agent.temperature / dial)


def act(agent: Agent, observation: Tensor, legal: Tensor, *, epsilon: float = 0.0) -> Choice:
    """Decide while learning: drawn from the policy by the agent's own generator.

    Args:
        agent: who decides.
        observation: (N, K) uint8.
        legal: (N, A) bool, at least one action a row.
        epsilon: share of uniform random actions.
    """
    prior = log_prior(agent, observation, legal)
    wanted = preferences(agent, observation, prior)
    mixed = policy.explore(wanted, prior, epsilon) if epsilon > 0 else wanted
    return Choice(policy.draw(mixed, agent.generator), wanted, prior)


def perform(
    agent: Agent,
    observation: Tensor,
    legal: Tensor,
    generator: torch.Generator,
    *,
    behaviour: Behaviour = "agents",
    greedy: bool = False,
    dial: float = 1.0,
) -> Tensor:
    """Decide while composing: (N,) actions; the agent itself is left as it is.

    Args:
        agent: who decides.
        observation: (N, K) uint8.
        legal: (N, A) bool, at least one action a row.
        generator: the randomness.
        behaviour: the learned policy, the prior alone, or every legal action alike.
        greedy: take the most probable action instead of drawing.
        dial: from style to theory, see :func:`preferences`.
    """
    if behaviour == "random":
        chances = torch.exp(policy.uniform_log_prior(legal))
    else:
        prior = log_prior(agent, observation, legal)
        chances = torch.exp(prior) if behaviour == "prior" else preferences(agent, observation, prior, dial)
    return chances.argmax(1) if greedy else policy.draw(chances, generator)
