"""What the Gymnasium and PettingZoo faces share: the pieces to ask for and how a finished one is rewarded."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from composer.environment.coordinator import Conditions
from composer.environment.observation import slot_sizes
from composer.errors import TriadError
from composer.rewards import Reference, RewardWeights, agent_rewards, reward_terms
from composer.score import Score, unplanned
from composer.theory import METERS, MODES, parse_meter
from composer.vocabulary import Vocabulary

Reward = Callable[[Score], Tensor]
"""Finished pieces -> (3, B, T): what each agent earns at each sixteenth."""


@dataclass(frozen=True)
class Settings:
    """The task of an environment.

    Attributes:
        vocabulary: what the agents may choose.
        reward: judges finished pieces.
        meters: metres to draw from, indices into :data:`composer.theory.METERS`.
        bars: length of every piece.
    """

    vocabulary: Vocabulary
    reward: Reward
    meters: tuple[int, ...]
    bars: int

    @property
    def slot_sizes(self) -> tuple[int, ...]:
        """Number of values of each column of the observation."""
        return slot_sizes(self.vocabulary)

    def draw(self, seed: NDArray[np.uint64], episode: NDArray[np.uint64]) -> Conditions:
        """The conditions of episode (B,) of the environments seeded with ``seed`` (B,).

        A counter-based generator: what one environment draws does not depend on the others in its batch.
        """
        meter = np.array(self.meters)[_draw_below(len(self.meters), seed, episode, 0)]
        mode = _draw_below(len(MODES), seed, episode, 1)
        count = len(seed)
        return Conditions(
            meter=torch.from_numpy(meter.astype(np.int64)),
            mode=torch.from_numpy(mode),
            bars=torch.full((count,), self.bars),
            tonic=torch.from_numpy(_draw_below(12, seed, episode, 2)),
            tempo=torch.full((count,), 96.0),
            accompanied=torch.ones(count, dtype=torch.bool),
            plan=unplanned(count, self.bars),
        )

    def draw_one(self, seed: int, episode: int) -> Conditions:
        """The conditions of one environment: the row :meth:`draw` gives it in any batch."""
        return self.draw(np.array([seed], dtype=np.uint64), np.array([episode], dtype=np.uint64))

    def longest(self) -> Conditions:
        """One row for every metre, for the room a batch needs."""
        return Conditions(
            meter=torch.tensor(self.meters),
            mode=torch.zeros(len(self.meters), dtype=torch.int64),
            bars=torch.full((len(self.meters),), self.bars),
            tonic=torch.zeros(len(self.meters), dtype=torch.int64),
            tempo=torch.full((len(self.meters),), 96.0),
            accompanied=torch.ones(len(self.meters), dtype=torch.bool),
            plan=unplanned(len(self.meters), self.bars),
        )

    def piece_rewards(self, score: Score) -> Tensor:
        """(3, B) float32: what each agent earned for each finished piece."""
        return self.reward(score).sum(2)


def make_settings(
    vocabulary: Vocabulary | None = None,
    reward: Reward | None = None,
    meters: Sequence[str] = ("4/4",),
    bars: int = 16,
) -> Settings:
    """Settings with Triad's own vocabulary and reward where none are given.

    Raises:
        TriadError: if a metre is unknown, or no bar or no metre is asked for.
    """
    if bars < 1:
        raise TriadError(f"a piece has at least one bar, got bars={bars}")
    if not meters:
        raise TriadError(f"name at least one metre: {', '.join(meter.name for meter in METERS)}")
    return Settings(
        vocabulary or shipped_vocabulary(),
        reward or shipped_reward,
        tuple(parse_meter(name) for name in meters),
        bars,
    )


def mix(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Scramble 64-bit integers: the finaliser of SplitMix64 (Steele, Lea and Flood 2014)."""
    values = (values + np.uint64(0x9E3779B97F4A7C15)).astype(np.uint64)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(values ^ (values >> np.uint64(31)), dtype=np.uint64)


def _draw_below(bound: int, seed: NDArray[np.uint64], episode: NDArray[np.uint64], salt: int) -> NDArray[np.int64]:
    drawn = mix(mix(mix(seed) + episode) + np.uint64(salt))
    return np.asarray(drawn % np.uint64(bound), dtype=np.int64)


@cache
def shipped_vocabulary() -> Vocabulary:
    """The vocabulary learned from the bundled corpus (scripts/learn_defaults.py)."""
    return Vocabulary.from_json(_defaults()["vocabulary"])


@cache
def shipped_reference() -> Reference:
    """The statistics of the bundled corpus, as far as its vocabulary can say it."""
    return Reference.from_json(_defaults()["reference"])


def shipped_reward(score: Score) -> Tensor:
    """Triad's own terms and weights, centred on the bundled corpus: (3, B, T)."""
    return agent_rewards(reward_terms(score, shipped_reference()), RewardWeights())


@cache
def _defaults() -> dict[str, Any]:
    text = resources.files("composer.environment").joinpath("defaults.json").read_text(encoding="utf-8")
    data: dict[str, Any] = json.loads(text)
    return data
