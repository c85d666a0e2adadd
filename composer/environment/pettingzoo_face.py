"""The environment as PettingZoo knows it: three agents in turn, each with its own actions and reward."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray
from pettingzoo import AECEnv

from composer.environment.coordinator import Coordinator
from composer.environment.gymnasium_face import observation_space
from composer.environment.settings import Reward, make_settings
from composer.errors import TriadError
from composer.score import Score
from composer.score_text import describe
from composer.vocabulary import AGENTS, Vocabulary


class TriadAECEnv(AECEnv):  # type: ignore[misc]  # PettingZoo ships no types
    """One piece written by ``chord``, ``rhythm`` and ``melody``.

    An observation is ``{"observation": (F,) int64, "action_mask": (actions of the agent,) int8}``. Each agent's
    reward comes when the piece is finished. Arguments as for ``TriadVectorEnv``.
    """

    metadata: dict[str, Any] = {  # noqa: RUF012 # PettingZoo's own interface
        "name": "triad_v0",
        "render_modes": ["ansi"],
        "is_parallelizable": False,
    }

    def __init__(
        self,
        *,
        render_mode: str | None = None,
        vocabulary: Vocabulary | None = None,
        reward: Reward | None = None,
        meters: Sequence[str] = ("4/4",),
        bars: int = 16,
    ) -> None:
        super().__init__()
        self.render_mode = render_mode
        self.settings = make_settings(vocabulary, reward, meters, bars)
        self.possible_agents = list(AGENTS)
        self._coordinator = Coordinator(self.settings.vocabulary)
        self._random = np.random.default_rng()
        self._seed: int | None = None
        self._episode = 0
        sizes = self.settings.vocabulary.sizes
        self.action_spaces = {agent: spaces.Discrete(size) for agent, size in zip(AGENTS, sizes, strict=True)}
        self.observation_spaces = {
            agent: spaces.Dict(
                {
                    "observation": observation_space(self.settings.slot_sizes),
                    "action_mask": spaces.Box(0, 1, (size,), np.int8),
                }
            )
            for agent, size in zip(AGENTS, sizes, strict=True)
        }

    def observation_space(self, agent: str) -> spaces.Space[Any]:
        """The observation space of ``agent``."""
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> spaces.Space[Any]:
        """The action space of ``agent``."""
        return self.action_spaces[agent]

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> None:
        """Begin a blank piece."""
        if seed is not None:
            self._seed, self._episode = seed, 0
        elif self._seed is None:
            self._seed = int(self._random.integers(2**63))
        else:
            self._episode += 1
        self._coordinator.begin(self.settings.draw_one(self._seed, self._episode))
        self.agents = list(self.possible_agents)
        self.rewards = dict.fromkeys(self.agents, 0.0)
        self._cumulative_rewards = dict.fromkeys(self.agents, 0.0)
        self.terminations = dict.fromkeys(self.agents, False)
        self.truncations = dict.fromkeys(self.agents, False)
        self.infos: dict[str, dict[str, Any]] = {agent: {} for agent in self.agents}
        self.agent_selection = AGENTS[int(self._coordinator.turn)]

    def observe(self, agent: str) -> dict[str, NDArray[Any]]:
        """What ``agent`` sees; its mask is empty while another's turn is."""
        size = self.action_spaces[agent].n
        mask = np.zeros(size, dtype=np.int8)
        if agent == self.agent_selection and not self.terminations[agent]:
            mask = self._coordinator.legal()[0, :size].numpy().astype(np.int8)
        return {"observation": self._coordinator.observe()[0].long().numpy(), "action_mask": mask}

    def step(self, action: int | None) -> None:
        """The selected agent decides.

        Raises:
            TriadError: if the action is illegal; the mask of the last observation says which are not.
        """
        agent = self.agent_selection
        if self.terminations[agent]:
            self._was_dead_step(action)
            return
        assert action is not None
        legal = self._coordinator.legal()[0]
        if not 0 <= action < len(legal) or not legal[action]:
            raise TriadError(f"action {action} is illegal for {agent}: choose one that its action_mask allows")
        self._cumulative_rewards[agent] = 0.0
        self._coordinator.step(torch.tensor([int(action)]))
        self._clear_rewards()
        if self._coordinator.finished:
            earned = self.settings.piece_rewards(self._coordinator.score())[:, 0].tolist()
            self.rewards = dict(zip(AGENTS, earned, strict=True))
            self.terminations = dict.fromkeys(self.agents, True)
            self.agent_selection = AGENTS[0]
        else:
            self.agent_selection = AGENTS[int(self._coordinator.turn)]
        self._accumulate_rewards()

    def render(self) -> str | None:
        """The piece as text, one line a bar."""
        return describe(self.score()) if self.render_mode == "ansi" else None

    def score(self) -> Score:
        """The piece as written so far."""
        return self._coordinator.score()

    def close(self) -> None:
        """Nothing to release."""
