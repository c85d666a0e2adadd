"""The environment as Gymnasium knows it: one agent that speaks for whoever's turn it is.

``gymnasium.make("Triad-v0")`` gives one piece, ``gymnasium.make_vec("Triad-v0", num_envs=1024)`` the batched
environment itself. The observation says in its first column whose turn it is; ``info["action_mask"]`` which actions
are legal. An illegal action is replaced by the first legal one and counted in ``info["illegal"]``. The reward comes
with the last decision: the mean of what the three agents earned for the finished piece.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium
import numpy as np
import torch
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray
from torch import Tensor

from composer.environment.coordinator import Coordinator
from composer.environment.settings import Reward, make_settings
from composer.score import Score
from composer.score_text import describe
from composer.vocabulary import DONE, Vocabulary

Observation = NDArray[np.int64]


def observation_space(sizes: Sequence[int]) -> spaces.Space[Observation]:
    """One categorical value a column. In int64: learners add the sizes up, which overflows in bytes."""
    return spaces.MultiDiscrete(np.array(sizes, dtype=np.int64))


def _as_legal(actions: Tensor, legal: Tensor) -> tuple[Tensor, Tensor]:
    """The actions with illegal ones replaced by the first legal one, and (B,) bool: which those were."""
    illegal = ~legal.gather(1, actions.clamp(0, legal.shape[1] - 1)[:, None])[:, 0]
    return torch.where(illegal, legal.int().argmax(1), actions), illegal


class TriadVectorEnv(VectorEnv[Observation, NDArray[np.int64], NDArray[Any]]):
    """``num_envs`` pieces at once; a finished piece is replaced by a blank one in the step after its end.

    Args:
        num_envs: number of pieces.
        vocabulary: what the agents may choose; by default Triad's own.
        reward: judges finished pieces, ``Score -> (3, B, T)``; by default Triad's own.
        meters: metres to draw from.
        bars: length of every piece.
    """

    metadata: dict[str, Any] = {"autoreset_mode": AutoresetMode.NEXT_STEP, "render_modes": []}  # noqa: RUF012

    def __init__(
        self,
        num_envs: int = 1,
        *,
        vocabulary: Vocabulary | None = None,
        reward: Reward | None = None,
        meters: Sequence[str] = ("4/4",),
        bars: int = 16,
    ) -> None:
        self.num_envs = num_envs
        self.settings = make_settings(vocabulary, reward, meters, bars)
        self.single_observation_space = observation_space(self.settings.slot_sizes)
        self.single_action_space = spaces.Discrete(self.settings.vocabulary.actions)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._coordinator = Coordinator(self.settings.vocabulary)
        self._seed: NDArray[np.uint64] | None = None
        self._episode = np.zeros(num_envs, dtype=np.uint64)

    def reset(
        self,
        *,
        seed: int | list[int | None] | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[Observation, dict[str, Any]]:
        """Begin all pieces anew; an integer seed gives environment ``i`` the seed ``seed + i``."""
        if isinstance(seed, int):
            self._seed = np.arange(self.num_envs, dtype=np.uint64) + np.uint64(seed)
            self._episode = np.zeros(self.num_envs, dtype=np.uint64)
        elif seed is not None:
            fresh = self._fresh_seeds()
            self._seed = np.array([own if own is not None else new for own, new in zip(seed, fresh, strict=True)])
            self._seed = self._seed.astype(np.uint64)
            self._episode = np.zeros(self.num_envs, dtype=np.uint64)
        elif self._seed is None:
            self._seed = self._fresh_seeds()
        else:
            self._episode = self._episode + np.uint64(1)
        settings = self.settings
        self._coordinator.begin(settings.draw(self._seed, self._episode), settings.longest())
        self._ended = torch.zeros(self.num_envs, dtype=torch.bool)
        return self._coordinator.observe().long().numpy(), self._info(self._ended)

    def step(
        self, actions: NDArray[np.int64]
    ) -> tuple[Observation, NDArray[Any], NDArray[Any], NDArray[Any], dict[str, Any]]:
        """One decision in every piece; blank pieces for those that ended in the step before."""
        coordinator = self._coordinator
        legal_actions, illegal = _as_legal(torch.as_tensor(actions), coordinator.legal())
        illegal &= ~self._ended
        coordinator.step(legal_actions)
        restarted = self._ended.nonzero().flatten()
        if len(restarted):
            assert self._seed is not None
            self._episode[restarted.numpy()] += np.uint64(1)
            coordinator.restart(restarted, self.settings.draw(self._seed, self._episode))
        self._ended = coordinator.turn == DONE
        rewards = np.zeros(self.num_envs)
        info = self._info(illegal)
        ended = self._ended.nonzero().flatten()
        if len(ended):
            earned = self.settings.piece_rewards(coordinator.score().select(ended))
            rewards[ended.numpy()] = earned.mean(0).double().numpy()
            info["agent_rewards"] = np.zeros((self.num_envs, len(earned)), dtype=np.float32)
            info["agent_rewards"][ended.numpy()] = earned.T.numpy()
            info["_agent_rewards"] = self._ended.numpy()
        truncated = np.zeros(self.num_envs, dtype=np.bool_)
        return coordinator.observe().long().numpy(), rewards, self._ended.numpy(), truncated, info

    def score(self) -> Score:
        """The pieces as written so far."""
        return self._coordinator.score()

    def _fresh_seeds(self) -> NDArray[np.uint64]:
        return self.np_random.integers(2**63, size=self.num_envs).astype(np.uint64)

    def _info(self, illegal: Tensor) -> dict[str, Any]:
        everyone = np.ones(self.num_envs, dtype=np.bool_)
        return {
            "action_mask": self._coordinator.legal().numpy().astype(np.int8),
            "_action_mask": everyone,
            "illegal": illegal.numpy(),
            "_illegal": everyone,
        }


class TriadEnv(gymnasium.Env[Observation, np.int64]):
    """One piece. Arguments as for :class:`TriadVectorEnv`; ``render_mode="ansi"`` gives the piece as text."""

    metadata: dict[str, Any] = {"render_modes": ["ansi"], "render_fps": 4}  # noqa: RUF012 # Gymnasium's own interface

    def __init__(
        self,
        *,
        render_mode: str | None = None,
        vocabulary: Vocabulary | None = None,
        reward: Reward | None = None,
        meters: Sequence[str] = ("4/4",),
        bars: int = 16,
    ) -> None:
        self.render_mode = render_mode
        self.settings = make_settings(vocabulary, reward, meters, bars)
        self.observation_space = observation_space(self.settings.slot_sizes)
        self.action_space = spaces.Discrete(self.settings.vocabulary.actions)
        self._coordinator = Coordinator(self.settings.vocabulary)
        self._seed: int | None = None
        self._episode = 0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Begin a blank piece."""
        super().reset(seed=seed)
        if seed is not None:
            self._seed, self._episode = seed, 0
        elif self._seed is None:
            self._seed = int(self.np_random.integers(2**63))
        else:
            self._episode += 1
        self._coordinator.begin(self.settings.draw_one(self._seed, self._episode))
        return self._observe(), self._info(illegal=False)

    def step(self, action: np.int64) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """One decision."""
        actions = torch.tensor([int(action)])
        actions, illegal = _as_legal(actions, self._coordinator.legal())
        self._coordinator.step(actions)
        info = self._info(illegal=bool(illegal))
        if not self._coordinator.finished:
            return self._observe(), 0.0, False, False, info
        earned = self.settings.piece_rewards(self._coordinator.score())
        info["agent_rewards"] = earned[:, 0].numpy()
        return self._observe(), float(earned.mean(0)), True, False, info

    def render(self) -> str | None:
        """The piece as text, one line a bar."""
        return describe(self.score()) if self.render_mode == "ansi" else None

    def score(self) -> Score:
        """The piece as written so far."""
        return self._coordinator.score()

    def action_masks(self) -> NDArray[np.bool_]:
        """(A,) bool: the legal actions, under the name that maskable learners look for."""
        return np.asarray(self._coordinator.legal()[0].numpy(), dtype=np.bool_)

    def _observe(self) -> Observation:
        return np.asarray(self._coordinator.observe()[0].numpy(), dtype=np.int64)

    def _info(self, *, illegal: bool) -> dict[str, Any]:
        return {"action_mask": self.action_masks().astype(np.int8), "illegal": illegal}
