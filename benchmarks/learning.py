"""Decisions a second of learning end to end, beside Stable-Baselines3's DQN on the same environment and network."""

from __future__ import annotations

import time

import torch
from stable_baselines3 import DQN

from agents.config import TrainConfig
from agents.judging import PlainJudge
from agents.networks import Network
from agents.training import Training
from agents.trio import Trio, agent_sizes
from benchmarks.measure import Row, rate, row
from composer.environment import Conditions, relations
from composer.environment.gymnasium_face import TriadEnv
from composer.environment.settings import shipped_reference
from composer.vocabulary import AGENTS

HIDDEN = 256


def triad(iterations: int) -> tuple[float, ...]:
    """Compose, judge, remember and learn with three networks and three priors."""
    settings = TriadEnv().settings
    config = TrainConfig(steps=10**9)
    draws = torch.Generator().manual_seed(0)
    priors = [
        Network(
            agent_sizes(index, settings.vocabulary),
            settings.vocabulary.sizes[index],
            hidden=HIDDEN,
            dueling=False,
            generator=draws,
            relations=relations(index, settings.vocabulary),
        )
        for index in range(len(AGENTS))
    ]
    trio = Trio.create(settings.vocabulary, priors, config, shipped_reference(), Conditions.uniform(64))
    training = Training(trio, "benchmark", PlainJudge(settings.reward))

    def work() -> int:
        before = training.steps
        for _ in range(iterations):
            training.iterate()
        return training.steps - before

    return rate(work, runs=3)


def stable_baselines(steps: int) -> tuple[float, ...]:
    """The same environment, one network for all turns, its defaults but for the network's width."""
    model = DQN(
        "MlpPolicy",
        TriadEnv(),
        learning_starts=100,
        buffer_size=50_000,
        policy_kwargs={"net_arch": [HIDDEN, HIDDEN]},
        seed=0,
        device="cpu",
    )
    model.learn(500)
    rates = []
    for _ in range(3):
        start = time.perf_counter()
        model.learn(steps, reset_num_timesteps=False)
        rates.append(steps / (time.perf_counter() - start))
    return tuple(rates)


def measure(*, quick: bool) -> list[Row]:
    """The rows of this room."""
    return [
        row("learning", "Triad, three soft DQN agents", "decisions/s", triad(3 if quick else 10)),
        row("learning", "Stable-Baselines3 DQN", "decisions/s", stable_baselines(1000 if quick else 3000)),
    ]
