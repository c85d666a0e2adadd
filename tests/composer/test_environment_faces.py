"""The faces are judged by the public conformance suites."""

import warnings
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.utils.env_checker import check_env
from pettingzoo.test import api_test, seed_test

import composer.environment  # noqa: F401 # registers Triad-v0
from composer.environment.gymnasium_face import TriadEnv, TriadVectorEnv
from composer.environment.pettingzoo_face import TriadAECEnv
from composer.environment.settings import mix
from composer.errors import TriadError
from composer.score import Score
from composer.vocabulary import AGENTS
from tests.composer.examples import VOCABULARY


def count_onsets(score: Score) -> torch.Tensor:
    """A reward that can be checked by eye: each agent earns 1, 2 or 3 for every onset."""
    return score.onset().float() * torch.tensor([1.0, 2.0, 3.0])[:, None, None]


SMALL: dict[str, Any] = {"vocabulary": VOCABULARY, "reward": count_onsets, "bars": 2}


def legal_action(env: TriadEnv, random: np.random.Generator) -> np.int64:
    return np.int64(random.choice(np.flatnonzero(env.action_masks())))


def test_gymnasium_accepts_the_registered_environment() -> None:
    env = gymnasium.make("Triad-v0", bars=4)
    check_env(env.unwrapped)
    assert isinstance(env.unwrapped, TriadEnv)


def test_stable_baselines_accepts_it() -> None:
    sb3 = pytest.importorskip("stable_baselines3.common.env_checker")
    sb3.check_env(TriadEnv(bars=4))


def test_a_learner_of_stable_baselines_learns_on_it() -> None:
    sb3 = pytest.importorskip("stable_baselines3")
    network = {"net_arch": [8]}
    learner = sb3.DQN("MlpPolicy", TriadEnv(**SMALL), learning_starts=20, batch_size=8, policy_kwargs=network)
    learner.learn(60)
    assert learner.num_timesteps == 60


def test_pettingzoo_accepts_the_agents_in_turn() -> None:
    with warnings.catch_warnings():
        # The suite notes that observations are not arrays but dictionaries with a mask, its own convention.
        warnings.simplefilter("ignore", UserWarning)
        api_test(TriadAECEnv(bars=4), num_cycles=2000)
        seed_test(lambda: TriadAECEnv(bars=4))


def test_the_reward_comes_with_the_last_decision() -> None:
    env = TriadEnv(**SMALL)
    env.reset(seed=3)
    random = np.random.default_rng(0)
    done, rewards = False, []
    while not done:
        _, reward, done, truncated, info = env.step(legal_action(env, random))
        rewards.append(reward)
        assert not truncated
        assert not info["illegal"]
    onsets = float(env.score().onset().sum())
    assert onsets > 0
    assert set(rewards[:-1]) == {0.0}
    assert rewards[-1] == 2 * onsets
    assert info["agent_rewards"].tolist() == [onsets, 2 * onsets, 3 * onsets]


def test_the_batch_equals_single_environments_step_for_step() -> None:
    count, seed = 5, 11
    batch = TriadVectorEnv(count, meters=("4/4", "3/4", "6/8"), **SMALL)
    singles = [TriadEnv(meters=("4/4", "3/4", "6/8"), **SMALL) for _ in range(count)]
    observations, infos = batch.reset(seed=seed)
    for row, env in enumerate(singles):
        assert (env.reset(seed=seed + row)[0] == observations[row]).all()
    random = np.random.default_rng(1)
    ended = np.zeros(count, dtype=bool)
    episodes = 0
    for _ in range(150):
        actions = np.array([random.choice(np.flatnonzero(mask)) for mask in infos["action_mask"]])
        observations, rewards, terminated, truncated, infos = batch.step(actions)
        for row, env in enumerate(singles):
            if ended[row]:
                observation, info = env.reset()
                reward, done = 0.0, False
            else:
                observation, reward, done, _, info = env.step(actions[row])
            assert (observation == observations[row]).all()
            assert (info["action_mask"] == infos["action_mask"][row]).all()
            assert reward == rewards[row]
            assert done == terminated[row]
        assert not truncated.any()
        episodes += int(terminated.sum())
        ended = terminated
    assert episodes >= count


def test_gymnasium_makes_the_batched_environment_itself() -> None:
    envs = gymnasium.make_vec("Triad-v0", num_envs=3, vectorization_mode="vector_entry_point", bars=2)
    assert isinstance(envs.unwrapped, TriadVectorEnv)
    observations, _ = envs.reset(seed=1)
    assert envs.observation_space.contains(observations)
    observations, rewards, *_ = envs.step(envs.action_space.sample())
    assert envs.observation_space.contains(observations)
    assert rewards.shape == (3,)


def test_an_illegal_action_is_replaced_and_told() -> None:
    env = TriadEnv(**SMALL)
    env.reset(seed=0)
    _, _, _, _, info = env.step(np.int64(VOCABULARY.actions - 1))
    assert info["illegal"]
    assert env.score().chord[0, 0] == VOCABULARY.chords[0]


def test_a_piece_in_progress_renders_as_text() -> None:
    env = TriadEnv(render_mode="ansi", **SMALL)
    env.reset(seed=0)
    text = env.render()
    assert text is not None
    assert text.splitlines()[0].endswith("4/4, 2 bars, 96 quarter notes a minute")


def test_each_agent_acts_in_turn_and_earns_its_own_reward() -> None:
    env = TriadAECEnv(**SMALL)
    env.reset(seed=4)
    random = np.random.default_rng(2)
    first = [env.agent_selection]
    earned = dict.fromkeys(AGENTS, 0.0)
    for agent in env.agent_iter():
        observation, reward, terminated, truncated, _ = env.last()
        earned[agent] += reward
        first.append(agent)
        mask = observation["action_mask"]
        env.step(None if terminated or truncated else int(random.choice(np.flatnonzero(mask))))
    assert first[1:3] == ["chord", "rhythm"]
    onsets = float(env.score().onset().sum())
    assert earned == {"chord": onsets, "rhythm": 2 * onsets, "melody": 3 * onsets}


def test_an_illegal_action_of_an_agent_is_an_error() -> None:
    env = TriadAECEnv(**SMALL)
    env.reset(seed=4)
    with pytest.raises(TriadError, match="action 0 is illegal for chord"):
        env.step(0)


def test_settings_that_make_no_sense_are_named() -> None:
    with pytest.raises(TriadError, match="bars=0"):
        TriadEnv(bars=0)
    with pytest.raises(TriadError, match="unknown metre '7/8'"):
        TriadEnv(meters=("7/8",))


def test_the_mixing_function_is_splitmix() -> None:
    # First outputs of SplitMix64 seeded with 1234567, as published with the generator's reference code.
    state = np.array([1234567], dtype=np.uint64)
    steps = state + np.arange(2, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    assert mix(steps).tolist() == [6457827717110365317, 3203168211198807973]
