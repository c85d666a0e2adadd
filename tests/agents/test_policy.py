import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from agents import policy


def test_boltzmann_by_hand() -> None:
    prior = torch.log(torch.tensor([[0.5, 0.25, 0.25]]))
    q = torch.tensor([[0.0, 2 * math.log(2), 2 * math.log(4)]])
    # Weights .5 * 1, .25 * 2, .25 * 4 at temperature 2.
    assert torch.allclose(policy.boltzmann(q, prior, 2.0), torch.tensor([[0.25, 0.25, 0.5]]))


def test_values_that_are_all_alike_leave_the_prior() -> None:
    prior = policy.masked_log_prior(torch.tensor([[1.0, 2.0, 3.0]]), torch.tensor([[True, False, True]]))
    assert torch.allclose(policy.boltzmann(torch.full((1, 3), 7.0), prior, 0.1), prior.exp())


def test_greedy_takes_the_best_legal_action() -> None:
    prior = policy.uniform_log_prior(torch.tensor([[True, True, False]]))
    assert torch.equal(policy.greedy(torch.tensor([[1.0, 2.0, 9.0]]), prior), torch.tensor([[0.0, 1.0, 0.0]]))


def test_epsilon_is_spread_over_legal_actions() -> None:
    prior = policy.uniform_log_prior(torch.tensor([[True, True, False]]))
    mixed = policy.explore(torch.tensor([[0.0, 1.0, 0.0]]), prior, 0.2)
    assert torch.allclose(mixed, torch.tensor([[0.1, 0.9, 0.0]]))


def test_draw_follows_the_probabilities() -> None:
    chances = torch.tensor([0.7, 0.0, 0.2, 0.1]).expand(40_000, 4)
    drawn = policy.draw(chances, torch.Generator().manual_seed(1)).bincount(minlength=4) / 40_000
    assert torch.allclose(drawn, chances[0], atol=0.01)
    assert drawn[1] == 0


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**31), tau=st.sampled_from([1e-4, 0.1, 1.0, 1e4]), epsilon=st.sampled_from([0.0, 0.5]))
def test_an_illegal_action_is_never_drawn(seed: int, tau: float, epsilon: float) -> None:
    random = torch.Generator().manual_seed(seed)
    legal = torch.rand(64, 9, generator=random) < 0.3
    legal[torch.arange(64), torch.randint(9, (64,), generator=random)] = True
    q = 50 * torch.randn(64, 9, generator=random)
    q[~legal] += 1000
    for prior in (
        policy.uniform_log_prior(legal),
        policy.masked_log_prior(torch.randn(64, 9, generator=random), legal),
    ):
        for chances in (policy.boltzmann(q, prior, tau), policy.greedy(q, prior)):
            drawn = policy.draw(policy.explore(chances, prior, epsilon), random)
            assert legal.gather(1, drawn[:, None]).all()


def test_temperature_is_steered_towards_the_budget_by_limited_steps() -> None:
    assert policy.steered(2.0, kl=0.1, target=0.1, step=0.05) == 2.0
    assert policy.steered(2.0, kl=9.0, target=0.1, step=0.05) == pytest.approx(2.1)
    assert policy.steered(2.0, kl=0.0, target=0.1, step=0.05) == pytest.approx(2.0 / 1.05)
    assert policy.steered(2.0, kl=-1e-9, target=0.1, step=0.05) == pytest.approx(2.0 / 1.05)
    # 1.02**2 times the budget wants a temperature 1.02 times as high, which is within the step.
    assert policy.steered(1.0, kl=0.1 * 1.02**2, target=0.1, step=0.05) == pytest.approx(1.02)
    assert policy.steered(2.0, kl=9.0, target=0.0, step=0.05) == 2.0


def test_linear_decay() -> None:
    assert [policy.linear_decay(1.0, 0.2, share) for share in (0.0, 0.5, 1.0, 3.0)] == pytest.approx(
        [1.0, 0.6, 0.2, 0.2]
    )
