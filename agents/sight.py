"""What of the shared observation an agent looks at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from agents.config import TrainConfig
from composer.environment import SLOTS, columns, writer
from composer.vocabulary import AGENTS


@dataclass(frozen=True, slots=True)
class Sight:
    """One agent's.

    Attributes:
        columns: (K,) int64, the columns of the observation that it reads.
        shown: (K,) uint8, 0 for a slot that is hidden from it: it always reads 0 there, which says "none".
    """

    columns: Tensor
    shown: Tensor

    @classmethod
    def of_agents(cls, config: TrainConfig) -> tuple[Self, ...]:
        """The three agents', as they are configured."""
        return tuple(
            cls(
                torch.tensor(columns(index), device=config.device),
                torch.tensor(
                    [agent.partners == "seen" or writer(SLOTS[column]) in (None, index) for column in columns(index)],
                    dtype=torch.uint8,
                    device=config.device,
                ),
            )
            for index, agent in zip(range(len(AGENTS)), config.agents, strict=True)
        )

    def see(self, observation: Tensor, rows: Tensor | slice = slice(None)) -> Tensor:
        """(N, K) uint8: what the agent reads of observations (D, F), of all or those at ``rows`` (N,) int64."""
        at = rows[:, None] if isinstance(rows, Tensor) else rows
        return observation[at, self.columns] * self.shown
