import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from agents import losses

INF = math.inf


def tensor(*values: float | list[float]) -> Tensor:
    return torch.tensor(values, dtype=torch.float32)


def test_q_learning_bootstraps_from_the_best_legal_action() -> None:
    error = losses.q_learning(
        q_tm1=tensor([1.0, 2.0], [0.0, 5.0]),
        a_tm1=torch.tensor([0, 1]),
        r_t=tensor(0.5, 1.0),
        discount_t=tensor(0.9, 0.5),
        q_t=tensor([3.0, 4.0], [10.0, 2.0]),
        log_prior_t=tensor([0.0, 0.0], [-INF, 0.0]),
    )
    # 0.5 + 0.9 * 4 - 1, and 1 + 0.5 * 2 - 5 because the 10 is illegal.
    assert torch.allclose(error, tensor(3.1, -3.0))


def test_double_q_learning_selects_by_one_network_and_values_by_the_other() -> None:
    error = losses.double_q_learning(
        q_tm1=tensor([1.0, 0.0]),
        a_tm1=torch.tensor([0]),
        r_t=tensor(1.0),
        discount_t=tensor(0.5),
        q_t_value=tensor([8.0, 2.0]),
        q_t_selector=tensor([3.0, 4.0]),
        log_prior_t=tensor([0.0, 0.0]),
    )
    # The selector prefers action 1, which the other network values at 2: 1 + 0.5 * 2 - 1.
    assert torch.allclose(error, tensor(1.0))


def test_an_undefined_value_after_the_end_does_not_matter() -> None:
    error = losses.soft_double_q_learning(
        q_tm1=tensor([0.25]),
        a_tm1=torch.tensor([0]),
        r_t=tensor(1.0),
        discount_t=tensor(0.0),
        q_t_value=tensor([5.0]),
        q_t_selector=tensor([5.0]),
        log_prior_t=tensor([-INF]),
        tau=1.0,
    )
    assert torch.equal(error, tensor(0.75))


def test_gradients_flow_through_the_valued_decision_alone() -> None:
    q_tm1 = tensor([1.0, 2.0]).requires_grad_()
    q_t = tensor([3.0, 4.0]).requires_grad_()
    error = losses.soft_double_q_learning(
        q_tm1, torch.tensor([1]), tensor(0.0), tensor(1.0), q_t, q_t, tensor([-0.7, -0.7]), 1.0
    )
    error.sum().backward()
    assert q_t.grad is None
    assert torch.equal(q_tm1.grad, tensor([0.0, -1.0]))


def test_soft_value_by_hand() -> None:
    prior, q = torch.log(tensor([0.5, 0.3, 0.2])), tensor([1.0, 0.0, 2.0])
    expected = 0.5 * math.log(0.5 * math.exp(2) + 0.3 + 0.2 * math.exp(4))
    assert losses.soft_value(q, prior, 0.5).item() == pytest.approx(expected, abs=1e-6)


def test_soft_value_lies_between_the_prior_mean_and_the_best_action() -> None:
    prior, q = torch.log(tensor([0.5, 0.3, 0.2])), tensor([1.0, 0.0, 2.0])
    assert losses.soft_value(q, prior, 1e-3).item() == pytest.approx(2.0, abs=2e-3)
    assert losses.soft_value(q, prior, 1e4).item() == pytest.approx(0.9, abs=1e-2)


def test_soft_double_value_by_hand() -> None:
    # The selector's policy is (1/4, 3/4): prior even, q = tau * log(1, 3). KL against even = log 2 - H(1/4).
    q_selector, q_value = tensor([0.0, 2 * math.log(3)]), tensor([4.0, 8.0])
    kl = 0.25 * math.log(0.5) + 0.75 * math.log(1.5)
    value = losses.soft_double_value(q_value, q_selector, torch.log(tensor([0.5, 0.5])), 2.0)
    assert value.item() == pytest.approx(0.25 * 4 + 0.75 * 8 - 2.0 * kl, abs=1e-5)


def test_soft_double_value_of_one_network_is_its_soft_value() -> None:
    random = torch.Generator().manual_seed(3)
    q = torch.randn(50, 7, generator=random)
    prior = torch.log_softmax(torch.randn(50, 7, generator=random), 1)
    prior[:, 2] = -INF
    double = losses.soft_double_value(q, q, prior, 0.3)
    assert torch.allclose(double, losses.soft_value(q, prior, 0.3), atol=1e-5)


def test_huber_by_hand() -> None:
    error = tensor(0.0, 0.5, -0.5, 1.0, 3.0, -3.0)
    assert torch.allclose(losses.huber(error, 1.0), tensor(0.0, 0.125, 0.125, 0.5, 2.5, 2.5))
    assert torch.allclose(losses.huber(error, 2.0), tensor(0.0, 0.125, 0.125, 0.5, 4.0, 4.0))


def test_kl_and_entropy_by_hand() -> None:
    policy, prior = tensor([0.5, 0.5, 0.0]), torch.log(tensor([0.25, 0.25, 0.5]))
    assert losses.policy_kl(policy, prior).item() == pytest.approx(math.log(2), abs=1e-6)
    assert losses.policy_entropy(policy).item() == pytest.approx(math.log(2), abs=1e-6)


def test_kl_of_the_prior_itself_is_nothing_also_beside_illegal_actions() -> None:
    prior = torch.log_softmax(tensor([1.0, -INF, 0.5]), 1)
    assert losses.policy_kl(torch.exp(prior), prior).item() == pytest.approx(0, abs=1e-6)


def test_suffix_sums_by_hand() -> None:
    sums = losses.discounted_suffix_sums(tensor([1.0, 2.0, 4.0]), 0.5)
    assert torch.equal(sums, tensor([3.0, 4.0, 4.0]))


def test_semi_markov_returns_by_hand() -> None:
    rewards = tensor([1.0, 2.0, 4.0, 8.0, 0.0], [16.0, 0.0, 0.0, 0.0, 2.0])
    piece, time = torch.tensor([0, 0, 1, 1]), torch.tensor([1, 3, 0, 1])
    earned, discount = losses.semi_markov_returns(rewards, piece, time, 0.5)
    # 2 + 4/2 until sixteenth 3; 8 to the end; 16 until sixteenth 1; then the last 2, three sixteenths on.
    assert torch.equal(earned, tensor(4.0, 8.0, 16.0, 0.25))
    assert torch.equal(discount, tensor(0.25, 0.0, 0.5, 0.0))


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_semi_markov_returns_equal_a_loop(data: st.DataObject) -> None:
    pieces, length = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 40))
    gamma = data.draw(st.sampled_from([0.0, 0.5, 0.99, 1.0]))
    seed = data.draw(st.integers(0, 2**31))
    rewards = torch.randn(pieces, length, generator=torch.Generator().manual_seed(seed))
    times = [
        sorted(data.draw(st.sets(st.integers(0, length - 1), min_size=0, max_size=length))) for _ in range(pieces)
    ]
    piece = torch.tensor([row for row, own in enumerate(times) for _ in own], dtype=torch.int64)
    time = torch.tensor([at for own in times for at in own], dtype=torch.int64)
    earned, discount = losses.semi_markov_returns(rewards, piece, time, gamma)
    wanted_reward, wanted_discount = [], []
    for row, own in enumerate(times):
        for at, following in zip(own, [*own[1:], None][: len(own)], strict=True):
            until = length if following is None else following
            wanted_reward.append(sum(gamma ** (u - at) * rewards[row, u].item() for u in range(at, until)))
            wanted_discount.append(0.0 if following is None else gamma ** (following - at))
    assert torch.allclose(earned, torch.tensor(wanted_reward, dtype=torch.float32), atol=1e-4)
    assert torch.allclose(discount, torch.tensor(wanted_discount, dtype=torch.float32))
