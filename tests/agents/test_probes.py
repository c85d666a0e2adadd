"""Probe environments: tiny decision processes whose action values are known exactly.

Each isolates one part of a learner (after A. Jones, "Debugging RL, without the agonizing pain", 2021): if one fails,
its name says what is broken. All run through the real learners and the real replay.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest
import torch
from torch import Tensor

from agents import losses
from agents.agent import Agent, act, perform
from agents.config import AgentConfig
from agents.dqn import DQN
from agents.networks import Network
from agents.replay import Replay
from agents.tabular import Tabular

INF = math.inf
CONFIG = AgentConfig(
    hidden=32, learning_rate=5e-3, batch_size=128, polyak=0.1, prior="uniform", table_rate=0.5, temperature=0.5
)
LEARNERS = [(learner, target) for learner in ("dqn", "tabular") for target in ("hard", "soft")]


@dataclass(frozen=True)
class Step:
    """One decision of an episode: what is seen, what is done, what it earns, what follows."""

    seen: int
    action: int
    reward: float
    discount: float
    log_prior: tuple[float, ...]


def even(*legal: int, actions: int) -> tuple[float, ...]:
    return tuple(-math.log(len(legal)) if action in legal else -INF for action in range(actions))


def make(learner: str, target: str, *, states: int, actions: int, **changes: object) -> Agent:
    config = replace(CONFIG, target=target, **changes)
    if learner == "tabular":
        return Tabular((states,), actions, config, looked_at=[0], seed=1)
    return DQN((states,), actions, config, seed=1)


def learn(agent: Agent, episodes: Sequence[Sequence[Step]], updates: int = 400) -> None:
    steps = [step for episode in episodes for step in episode]
    replay = Replay(1000, 1, len(steps[0].log_prior))
    replay.push(
        torch.tensor([[step.seen] for step in steps], dtype=torch.uint8),
        torch.tensor([step.log_prior for step in steps]),
        torch.tensor([step.action for step in steps]),
        torch.tensor([step.reward for step in steps]),
        torch.tensor([step.discount for step in steps]),
    )
    for _ in range(updates):
        metrics = agent.update(replay.sample(agent.config.batch_size, agent.generator))
    assert all(math.isfinite(float(value)) for value in metrics.values())


def value(agent: Agent, seen: int, action: int) -> float:
    with torch.no_grad():
        return float(agent.values(torch.tensor([[seen]], dtype=torch.uint8))[0, action])


ONE = even(0, actions=1)


@pytest.mark.parametrize(("learner", "target"), LEARNERS)
def test_reward_of_one_step(learner: str, target: str) -> None:
    agent = make(learner, target, states=1, actions=1)
    learn(agent, [[Step(0, 0, 1.0, 0.0, ONE)]])
    assert value(agent, 0, 0) == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize(("learner", "target"), LEARNERS)
def test_reward_that_depends_on_what_is_seen(learner: str, target: str) -> None:
    agent = make(learner, target, states=2, actions=1)
    learn(agent, [[Step(0, 0, 1.0, 0.0, ONE)], [Step(1, 0, -1.0, 0.0, ONE)]])
    assert [value(agent, seen, 0) for seen in range(2)] == pytest.approx([1.0, -1.0], abs=0.01)


@pytest.mark.parametrize(("learner", "target"), LEARNERS)
def test_reward_that_comes_one_decision_later_is_discounted(learner: str, target: str) -> None:
    agent = make(learner, target, states=2, actions=1)
    learn(agent, [[Step(0, 0, 0.0, 0.9, ONE), Step(1, 0, 1.0, 0.0, ONE)]])
    assert [value(agent, seen, 0) for seen in range(2)] == pytest.approx([0.9, 1.0], abs=0.01)


@pytest.mark.parametrize(("learner", "target"), LEARNERS)
def test_waiting_discounts_by_gamma_to_the_power_of_the_wait(learner: str, target: str) -> None:
    """Decisions at sixteenths 0 and 4; rewards at sixteenths 2 and 7."""
    rewards, gamma = torch.zeros(1, 8), 0.9
    rewards[0, 2], rewards[0, 7] = 0.5, 1.0
    earned, discount = losses.semi_markov_returns(rewards, torch.tensor([0, 0]), torch.tensor([0, 4]), gamma)
    agent = make(learner, target, states=2, actions=1)
    learn(agent, [[Step(seen, 0, float(earned[seen]), float(discount[seen]), ONE) for seen in range(2)]])
    expected = [0.5 * gamma**2 + gamma**7, gamma**3]
    assert [value(agent, seen, 0) for seen in range(2)] == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize(("learner", "target"), LEARNERS)
def test_reward_that_depends_on_the_action(learner: str, target: str) -> None:
    agent = make(learner, target, states=2, actions=2)
    both = even(0, 1, actions=2)
    learn(agent, [[Step(seen, done, float(seen == done), 0.0, both)] for seen in range(2) for done in range(2)])
    values = [value(agent, seen, done) for seen in range(2) for done in range(2)]
    assert values == pytest.approx([1.0, 0.0, 0.0, 1.0], abs=0.01)


def chain(rewards: Sequence[float], log_prior: tuple[float, ...], gamma: float) -> list[list[Step]]:
    """State 0 leads to state 1, where every legal action ends the episode with its own reward."""
    count = len(rewards)
    only = even(0, actions=count)
    return [
        [Step(0, 0, 0.0, gamma, only), Step(1, action, rewards[action], 0.0, log_prior)]
        for action in range(count)
        if log_prior[action] > -INF
    ]


@pytest.mark.parametrize("double", [True, False])
@pytest.mark.parametrize("learner", ["dqn", "tabular"])
def test_hard_value_is_the_best_legal_action(learner: str, double: bool) -> None:
    agent = make(learner, "hard", states=2, actions=3, double=double)
    learn(agent, chain([1.0, 2.0, 0.5], even(0, 1, 2, actions=3), 0.9), updates=800)
    assert value(agent, 0, 0) == pytest.approx(1.8, abs=0.02)


@pytest.mark.parametrize("double", [True, False])
@pytest.mark.parametrize("learner", ["dqn", "tabular"])
def test_soft_value_is_the_log_mean_exp_under_a_known_prior(learner: str, double: bool) -> None:
    prior, rewards, tau = (0.5, 0.3, 0.2), (1.0, 0.0, 2.0), 0.5
    agent = make(learner, "soft", states=2, actions=3, double=double)
    learn(agent, chain(rewards, tuple(math.log(p) for p in prior), 0.9), updates=800)
    mean = sum(p * math.exp(r / tau) for p, r in zip(prior, rewards, strict=True))
    assert value(agent, 0, 0) == pytest.approx(0.9 * tau * math.log(mean), abs=0.02)


@pytest.mark.parametrize(("learner", "target"), LEARNERS)
def test_an_illegal_action_is_not_bootstrapped_from(learner: str, target: str) -> None:
    agent = make(learner, target, states=2, actions=2)
    with torch.no_grad():
        if isinstance(agent, Tabular):
            agent.table[1, 1] = 100.0
        elif isinstance(agent, DQN):
            for network in (agent.online, agent.target):
                network.head_bias[2] = 100.0
    learn(agent, chain([1.0, 0.0], even(0, actions=2), 0.9), updates=1500)
    assert value(agent, 1, 1) > 10
    assert value(agent, 1, 0) == pytest.approx(1.0, abs=0.05)
    assert value(agent, 0, 0) == pytest.approx(0.9, abs=0.05)


@pytest.mark.parametrize("exploration", ["boltzmann", "epsilon"])
@pytest.mark.parametrize("learner", ["dqn", "tabular"])
def test_an_illegal_action_is_never_taken(learner: str, exploration: str) -> None:
    agent = make(learner, "soft", states=2, actions=3, exploration=exploration, temperature=0.01)
    learn(agent, [[Step(0, action, 10.0 * action, 0.0, even(0, 1, 2, actions=3))] for action in range(3)], 100)
    seen = torch.zeros(500, 1, dtype=torch.uint8)
    legal = torch.tensor([True, True, False]).expand(500, 3)
    random = torch.Generator().manual_seed(0)
    taken: list[Tensor] = [act(agent, seen, legal, epsilon=epsilon).action for epsilon in (0.0, 0.5, 1.0)]
    for behaviour in ("agents", "prior", "random"):
        taken += [perform(agent, seen, legal, random, behaviour=behaviour, greedy=greedy) for greedy in (True, False)]
    assert all(int(actions.max()) <= 1 for actions in taken)
    # What has been learned is nevertheless followed among the legal ones.
    assert (taken[0] == 1).all()


def test_the_dial_leads_from_the_prior_to_the_values() -> None:
    prior = Network((1,), 2, hidden=8, dueling=False, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        prior.head_bias.copy_(torch.log(torch.tensor([0.9, 0.1])))
    agent = DQN((1,), 2, replace(CONFIG, prior="corpus"), prior=prior, seed=1)
    learn(agent, [[Step(0, action, float(action), 0.0, even(0, 1, actions=2))] for action in range(2)])
    seen, legal = torch.zeros(20_000, 1, dtype=torch.uint8), torch.ones(20_000, 2, dtype=torch.bool)

    def share(dial: float) -> float:
        random = torch.Generator().manual_seed(0)
        return float(perform(agent, seen, legal, random, dial=dial).float().mean())

    odds = 0.1 * math.exp(1 / 0.5) / 0.9
    assert share(0.0) == pytest.approx(0.1, abs=0.01)
    assert share(1.0) == pytest.approx(odds / (1 + odds), abs=0.02)
    assert share(1e3) == 1.0


@pytest.mark.parametrize(("learner", "target"), LEARNERS)
def test_same_seed_same_values_bit_for_bit(learner: str, target: str) -> None:
    def train() -> dict[str, Tensor]:
        agent = make(learner, target, states=2, actions=2)
        both = even(0, 1, actions=2)
        learn(
            agent, [[Step(seen, done, float(seen == done), 0.0, both)] for seen in range(2) for done in range(2)], 50
        )
        return {**agent.model_tensors(), **agent.learning_tensors()}

    first, second = train(), train()
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("learner", ["dqn", "tabular"])
def test_a_restored_learner_goes_on_as_if_nothing_had_happened(learner: str) -> None:
    episodes = chain([1.0, 2.0, 0.5], even(0, 1, 2, actions=3), 0.9)
    original = make(learner, "soft", states=2, actions=3)
    learn(original, episodes, 30)
    saved = [
        {name: tensor.clone() for name, tensor in part.items()}
        for part in (original.model_tensors(), original.learning_tensors())
    ]
    restored = make(learner, "soft", states=2, actions=3)
    learn(restored, episodes, 5)
    restored.restore(*saved)
    for agent in (original, restored):
        learn(agent, episodes, 30)
    for first, second in (
        (original.model_tensors(), restored.model_tensors()),
        (original.learning_tensors(), restored.learning_tensors()),
    ):
        assert first.keys() == second.keys()
        assert all(torch.equal(first[name], second[name]) for name in first)


def test_a_table_of_too_many_slots_is_refused() -> None:
    with pytest.raises(ValueError, match="look at fewer slots"):
        Tabular((256, 256, 256), 36, CONFIG, looked_at=[0, 1, 2])


def test_a_table_looks_only_where_it_is_told() -> None:
    agent = Tabular((3, 4, 5), 2, CONFIG, looked_at=[2, 0])
    assert agent.table.shape == (15, 2)
    rows = torch.tensor([[2, 3, 4], [2, 0, 4], [0, 0, 1]], dtype=torch.uint8)
    assert agent.states(rows).tolist() == [14, 14, 3]
