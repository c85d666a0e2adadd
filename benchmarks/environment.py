"""Joint steps a second of the environment under a random policy, beside Gymnasium's ways of running many."""

from __future__ import annotations

import numpy as np
import torch
from gymnasium.envs.classic_control.cartpole import CartPoleVectorEnv
from gymnasium.vector import SyncVectorEnv, VectorEnv

from benchmarks.measure import Row, rate, row
from composer.environment import Conditions, Coordinator, uniform_policy
from composer.environment.gymnasium_face import TriadEnv, TriadVectorEnv

STEPS = 200


def coordinator(count: int, steps: int) -> tuple[float, ...]:
    """The batched core: observe, mask, choose, step."""
    core = Coordinator(TriadEnv().settings.vocabulary)
    act = uniform_policy(torch.Generator().manual_seed(0))

    def work() -> int:
        core.begin(Conditions.uniform(count, bars=64))
        for _ in range(steps):
            core.step(act(core.turn, core.observe(), core.legal()))
        return count * steps

    return rate(work)


def vector(envs: VectorEnv, steps: int, *, masked: bool) -> tuple[float, ...]:
    """Any Gymnasium vector environment."""
    random = np.random.default_rng(0)

    def work() -> int:
        _, infos = envs.reset(seed=0)
        for _ in range(steps):
            if masked:
                mask = np.asarray(infos["action_mask"])
                actions = (random.random(mask.shape) * mask).argmax(1)
            else:
                actions = envs.action_space.sample()
            *_, infos = envs.step(actions)
        return envs.num_envs * steps

    return rate(work)


def measure(*, quick: bool) -> list[Row]:
    """The rows of this room."""
    rows = []
    for count in (1, 256, 1024):
        rows.append(row("environment", f"Triad core, {count} pieces", "steps/s", coordinator(count, STEPS)))
        batch = TriadVectorEnv(count)
        rows.append(row("environment", f"Triad vector face, {count}", "steps/s", vector(batch, STEPS, masked=True)))
    for count in (1, 256) if quick else (1, 256, 1024):
        sync = SyncVectorEnv([TriadEnv for _ in range(count)])
        steps = max(5, 500 // count)
        rows.append(row("environment", f"SyncVectorEnv, {count}", "steps/s", vector(sync, steps, masked=True)))
    cartpole = CartPoleVectorEnv(num_envs=1024)
    rows.append(
        row("environment", "Gymnasium CartPole batched, 1024", "steps/s", vector(cartpole, STEPS, masked=False))
    )
    return rows
