"""Replay: one agent's past decisions in preallocated tensors, sampled uniformly.

Knows nothing of music: slots, actions, rewards. Whole episodes are pushed in order, so what follows a decision stands
in the next row and is not stored twice; after the last decision of an episode the discount is 0 and the next row is
never looked at. The logarithm of the frozen prior is kept with every row (it never changes), which saves a forward
pass for every sampled transition and serves as the action mask.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from agents.errors import CheckpointError


@dataclass(frozen=True, slots=True)
class Batch:
    """N transitions of K slots and A actions.

    Attributes:
        observation: (N, K) uint8.
        action: (N,) int64.
        reward: (N,) float32, discounted sum up to the agent's next decision.
        discount: (N,) float32, of the value of that next decision; 0 after the last one.
        next_observation: (N, K) uint8.
        next_log_prior: (N, A) float32, ``-inf`` where an action is illegal.
    """

    observation: Tensor
    action: Tensor
    reward: Tensor
    discount: Tensor
    next_observation: Tensor
    next_log_prior: Tensor


class Replay:
    """A ring of the latest ``capacity`` transitions.

    Args:
        capacity: rows.
        slots: columns K of an observation.
        actions: number of actions A, at most 256.
        device: where the tensors live.
    """

    def __init__(self, capacity: int, slots: int, actions: int, device: torch.device | str = "cpu") -> None:
        if actions > 256:
            raise ValueError(f"replay keeps actions in bytes: at most 256 actions, got {actions}")

        def zeros(dtype: torch.dtype, *shape: int) -> Tensor:
            return torch.zeros(capacity, *shape, dtype=dtype, device=device)

        self.capacity = capacity
        self.position = 0
        self.size = 0
        self._columns = {
            "observation": zeros(torch.uint8, slots),
            "log_prior": zeros(torch.float16, actions),
            "action": zeros(torch.uint8),
            "reward": zeros(torch.float32),
            "discount": zeros(torch.float32),
        }

    def push(self, observation: Tensor, log_prior: Tensor, action: Tensor, reward: Tensor, discount: Tensor) -> None:
        """Add whole episodes, decision after decision; the oldest rows make room.

        Args:
            observation: (N, K) uint8.
            log_prior: (N, A), ``-inf`` where an action is illegal.
            action: (N,).
            reward: (N,).
            discount: (N,), 0 at the last decision of every episode.

        Raises:
            ValueError: if the last decision is not the end of an episode.
        """
        if len(discount) == 0:
            return
        if float(discount[-1]) != 0:
            raise ValueError(f"replay takes whole episodes: the last discount is {float(discount[-1])}, not 0")
        values = (observation, log_prior, action, reward, discount)
        count = min(len(discount), self.capacity)
        first = min(count, self.capacity - self.position)
        for column, value in zip(self._columns.values(), values, strict=True):
            latest = value[len(value) - count :]
            column[self.position : self.position + first] = latest[:first]
            column[: count - first] = latest[first:]
        self.position = (self.position + count) % self.capacity
        self.size = min(self.size + count, self.capacity)

    def sample(self, count: int, generator: torch.Generator) -> Batch:
        """``count`` transitions drawn uniformly with replacement from a ring that is not empty."""
        device = self._columns["action"].device
        return self.rows(torch.randint(self.size, (count,), generator=generator, device=device))

    def rows(self, index: Tensor) -> Batch:
        """The transitions at rows ``index`` (N,) int64 of the ring."""
        columns, following = self._columns, (index + 1) % self.capacity
        return Batch(
            observation=columns["observation"][index],
            action=columns["action"][index].long(),
            reward=columns["reward"][index],
            discount=columns["discount"][index],
            next_observation=columns["observation"][following],
            next_log_prior=columns["log_prior"][following].float(),
        )

    def tensors(self) -> dict[str, Tensor]:
        """Everything remembered, for a checkpoint; :meth:`restore` reads it back."""
        filled = {name: column[: self.size] for name, column in self._columns.items()}
        return {**filled, "position": torch.tensor(self.position)}

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Take over what :meth:`tensors` gave.

        Raises:
            CheckpointError: if it does not fit this ring.
        """
        self.size = len(tensors["action"])
        self.position = int(tensors["position"])
        for name, column in self._columns.items():
            saved = tensors[name]
            if saved.shape[1:] != column.shape[1:] or self.size > self.capacity or saved.dtype != column.dtype:
                raise CheckpointError(
                    f"replay column {name!r} was saved as {tuple(saved.shape)} and does not fit "
                    f"{tuple(column.shape)}: resume with the configuration it was saved under"
                )
            column[: self.size] = saved
