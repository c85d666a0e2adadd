"""The mathematics of learning: pure functions of tensors, one formula each.

Names follow the time they speak of: ``q_tm1, a_tm1`` the decision that is valued, ``r_t, discount_t`` what it led to,
``q_t`` the state after it. ``N`` transitions, ``A`` actions; ``tau`` is a temperature in units of reward. A prior is
given as its logarithm, ``-inf`` where an action is illegal: the prior is the action mask.

Agents decide at moments of their own, so transitions are semi-Markov (Sutton, Precup and Singh 1999,
https://doi.org/10.1016/S0004-3702(99)00052-1): ``r_t`` is the discounted reward up to the next own decision and
``discount_t`` is gamma to the power of the time until then, 0 after the last one.
"""

from __future__ import annotations

import torch
from torch import Tensor


def chosen(q: Tensor, a: Tensor) -> Tensor:
    """The values (N,) of the actions ``a`` (N,) among ``q`` (N, A)."""
    return q.gather(1, a[:, None])[:, 0]


def td_target(r_t: Tensor, discount_t: Tensor, v_t: Tensor) -> Tensor:
    """``r_t + discount_t * v_t``, all (N,); where the discount is 0 the value may be undefined."""
    return r_t + torch.where(discount_t == 0, 0.0, discount_t * v_t)


def hard_value(q_t_value: Tensor, q_t_selector: Tensor, log_prior_t: Tensor) -> Tensor:
    """``q_value[argmax over legal actions of q_selector]`` (N,).

    With both the same network's, the value of Q-learning (Watkins 1989); with the online network selecting and the
    target network valuing, that of double DQN (van Hasselt et al. 2016, https://arxiv.org/abs/1509.06461).

    Args:
        q_t_value: (N, A) the values that count.
        q_t_selector: (N, A) the values that choose.
        log_prior_t: (N, A), ``-inf`` marks illegal actions.
    """
    best = q_t_selector.masked_fill(log_prior_t == -torch.inf, -torch.inf).argmax(1)
    return chosen(q_t_value, best)


def soft_value(q: Tensor, log_prior: Tensor, tau: float | Tensor) -> Tensor:
    """``tau * log sum_a prior(a) exp(q(a) / tau)`` (N,): the value of the best policy that pays tau a nat of KL.

    Psi-learning, as in Jaques et al. 2017 (https://arxiv.org/abs/1611.02796) and Rawlik et al. 2012.
    """
    return tau * torch.logsumexp(log_prior + q / tau, 1)


def soft_double_value(q_value: Tensor, q_selector: Tensor, log_prior: Tensor, tau: float | Tensor) -> Tensor:
    """The soft value (N,) of the selector's policy under the values' network.

    With ``pi = prior * exp(q_selector / tau) / Z`` this is ``E_pi[q_value] - tau * KL(pi, prior)``, which equals
    ``tau * log Z + E_pi[q_value - q_selector]``. It is :func:`soft_value` where both networks agree.
    """
    scaled = log_prior + q_selector / tau
    advantage = torch.softmax(scaled, 1) * (q_value - q_selector)
    return tau * torch.logsumexp(scaled, 1) + advantage.sum(1)


def q_learning(
    q_tm1: Tensor, a_tm1: Tensor, r_t: Tensor, discount_t: Tensor, q_t: Tensor, log_prior_t: Tensor
) -> Tensor:
    """TD errors (N,) of Q-learning over legal actions."""
    return double_q_learning(q_tm1, a_tm1, r_t, discount_t, q_t, q_t, log_prior_t)


def double_q_learning(
    q_tm1: Tensor,
    a_tm1: Tensor,
    r_t: Tensor,
    discount_t: Tensor,
    q_t_value: Tensor,
    q_t_selector: Tensor,
    log_prior_t: Tensor,
) -> Tensor:
    """TD errors (N,) of double Q-learning; gradients flow through ``q_tm1`` alone."""
    v_t = hard_value(q_t_value, q_t_selector, log_prior_t)
    return td_target(r_t, discount_t, v_t).detach() - chosen(q_tm1, a_tm1)


def soft_double_q_learning(
    q_tm1: Tensor,
    a_tm1: Tensor,
    r_t: Tensor,
    discount_t: Tensor,
    q_t_value: Tensor,
    q_t_selector: Tensor,
    log_prior_t: Tensor,
    tau: float | Tensor,
) -> Tensor:
    """TD errors (N,) of soft (KL-controlled) double Q-learning; gradients flow through ``q_tm1`` alone."""
    v_t = soft_double_value(q_t_value, q_t_selector, log_prior_t, tau)
    return td_target(r_t, discount_t, v_t).detach() - chosen(q_tm1, a_tm1)


def huber(error: Tensor, delta: float) -> Tensor:
    """``error**2 / 2`` up to ``delta``, then linear with slope ``delta`` (Huber 1964); same shape as ``error``."""
    size = error.abs()
    inside = size.clamp(max=delta)
    return inside * (size - 0.5 * inside)


def policy_kl(policy: Tensor, log_prior: Tensor) -> Tensor:
    """``sum_a pi(a) (log pi(a) - log prior(a))`` (N,), in nats; actions of no probability count nothing.

    Args:
        policy: (N, A) probabilities, 0 wherever the prior is.
        log_prior: (N, A).
    """
    gain = torch.log(policy) - log_prior
    return torch.where(policy > 0, policy * gain, 0.0).sum(1)


def policy_entropy(policy: Tensor) -> Tensor:
    """``-sum_a pi(a) log pi(a)`` (N,), in nats, of probabilities (N, A)."""
    entropy: Tensor = torch.special.entr(policy).sum(1)
    return entropy


def discounted_suffix_sums(rewards: Tensor, gamma: float) -> Tensor:
    """``G[b, t] = sum over u >= t of gamma**(u - t) * rewards[b, u]``, same shape (B, T).

    By doubling: the sum of 2n terms is the sum of the first n and, n steps on, of the next n. That takes log2(T)
    passes instead of T.
    """
    sums, span = rewards, 1
    while span < rewards.shape[1]:
        sums = sums + gamma**span * torch.nn.functional.pad(sums[:, span:], (0, span))
        span *= 2
    return sums


def semi_markov_returns(rewards: Tensor, piece: Tensor, time: Tensor, gamma: float) -> tuple[Tensor, Tensor]:
    """What each of one agent's decisions earned until its next one, and the discount of what follows.

    A decision at ``t_k`` earns ``sum of gamma**(u - t_k) * rewards[u]`` for ``t_k <= u < t_{k+1}``, to the end of the
    piece after the last one, and its discount is ``gamma**(t_{k+1} - t_k)``, 0 after the last one.

    Args:
        rewards: (B, T) reward of every sixteenth.
        piece: (D,) int64 row of each decision; the decisions of a piece stand together.
        time: (D,) int64 sixteenth of each decision, not falling within a piece.
        gamma: discount of one sixteenth.

    Returns:
        (D,) float32 rewards and (D,) float32 discounts.
    """
    # A difference of two long sums: double precision keeps the cancellation below the rewards' own rounding.
    sums = discounted_suffix_sums(rewards.double(), gamma)[piece, time]
    following = torch.roll(piece, -1) == piece
    following[-1:] = False
    wait = torch.roll(time, -1) - time
    discount = torch.where(following, torch.pow(gamma, wait.clamp(min=0).double()), 0.0)
    return (sums - discount * torch.roll(sums, -1)).float(), discount.float()
