"""Tabular Q-learning (Watkins 1989) over a few slots of the observation: the smallest baseline.

The same interface, targets, prior and policies as the deep agent; only the values are looked up in a table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod

import torch
from torch import Tensor

from agents import losses
from agents.config import AgentConfig
from agents.errors import AgentError
from agents.networks import Network
from agents.replay import Batch
from agents.seeding import generator

MOST_ENTRIES = 2**25


class Tabular:
    """An :class:`agents.agent.Agent` whose values are a table.

    Args:
        sizes: number of values of each of its K slots.
        actions: number of actions A.
        config: how it learns.
        looked_at: which of the K columns tell states apart; all others are ignored.
        prior: its frozen prior (it sees every slot), or None for the uniform choice.
        seed: what its randomness is derived from.
        device: where its tensors live.

    Raises:
        AgentError: if the table would hold more than ``MOST_ENTRIES`` values.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        actions: int,
        config: AgentConfig,
        *,
        looked_at: Sequence[int],
        prior: Network | None = None,
        seed: int = 0,
        device: torch.device | str = "cpu",
    ) -> None:
        self.config = config
        self.temperature = config.temperature
        self.generator = generator(seed, "behaviour", device=device)
        self.prior = prior
        kept = [sizes[column] for column in looked_at]
        states = prod(kept)
        if states * actions > MOST_ENTRIES:
            raise AgentError(
                f"a table over {len(kept)} slots needs {states * actions:,} values: "
                f"look at fewer slots (at most {MOST_ENTRIES:,} values)"
            )
        self.table = torch.zeros(states, actions, device=device)
        self._columns = torch.tensor(list(looked_at), device=device)
        self._radix = torch.tensor([prod(kept[place + 1 :]) for place in range(len(kept))], device=device)

    def states(self, observation: Tensor) -> Tensor:
        """(N,) int64 rows of the table of observations (N, K): the slots looked at as digits of one number."""
        return (observation[:, self._columns].long() * self._radix).sum(1)

    def values(self, observation: Tensor) -> Tensor:
        """Action values (N, A) of observations (N, K) uint8."""
        return self.table[self.states(observation)]

    def update(self, batch: Batch) -> dict[str, Tensor]:
        """Move each value met in the batch towards the mean of its targets by the configured rate."""
        q_tm1, q_t = self.values(batch.observation), self.values(batch.next_observation)
        transition = (q_tm1, batch.action, batch.reward, batch.discount)
        if self.config.target == "soft":
            error = losses.soft_double_q_learning(*transition, q_t, q_t, batch.next_log_prior, self.temperature)
        else:
            error = losses.q_learning(*transition, q_t, batch.next_log_prior)
        entry = self.states(batch.observation) * self.table.shape[1] + batch.action
        met, place, count = torch.unique(entry, return_inverse=True, return_counts=True)
        change = torch.zeros(len(met), device=error.device).index_add_(0, place, error) / count
        self.table.view(-1)[met] += self.config.table_rate * change
        return {
            "loss": losses.huber(error, self.config.huber_delta).mean(),
            "mean_q": losses.chosen(q_tm1, batch.action).mean(),
            "td_error": error.abs().mean(),
        }

    def model_tensors(self) -> dict[str, Tensor]:
        """The table."""
        return {"table": self.table}

    def learning_tensors(self) -> dict[str, Tensor]:
        """The generator's state."""
        return {"generator": self.generator.get_state()}

    def restore(self, model: Mapping[str, Tensor], learning: Mapping[str, Tensor] | None = None) -> None:
        """Take over a model, and where it is given the state of its learning."""
        self.table.copy_(model["table"])
        if learning is not None:
            self.generator.set_state(learning["generator"].cpu())
