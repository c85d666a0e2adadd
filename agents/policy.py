"""From action values to actions: pure functions over N decisions and A actions.

A prior is given as its logarithm, ``-inf`` where an action is illegal; no function here ever gives such an action a
probability.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor


def uniform_log_prior(legal: Tensor) -> Tensor:
    """(N, A) float32: every legal action alike, ``-inf`` elsewhere."""
    return torch.where(legal, -torch.log(legal.sum(1, keepdim=True).float()), -torch.inf)


def masked_log_prior(logits: Tensor, legal: Tensor) -> Tensor:
    """(N, A) float32: the logarithm of the softmax over legal actions, ``-inf`` elsewhere."""
    return torch.log_softmax(logits.masked_fill(~legal, -torch.inf), 1)


def boltzmann(q: Tensor, log_prior: Tensor, tau: float) -> Tensor:
    """Probabilities (N, A) in proportion to ``prior * exp(q / tau)``."""
    return torch.softmax(log_prior + q / tau, 1)


def greedy(q: Tensor, log_prior: Tensor) -> Tensor:
    """Probabilities (N, A): all on the legal action of the largest value, the first of several."""
    best = q.masked_fill(log_prior == -torch.inf, -torch.inf).argmax(1, keepdim=True)
    return torch.zeros_like(q).scatter_(1, best, 1.0)


def explore(policy: Tensor, log_prior: Tensor, epsilon: float) -> Tensor:
    """Probabilities (N, A): a share ``epsilon`` spread over all legal actions, the rest as ``policy`` says."""
    legal = (log_prior > -torch.inf).float()
    return (1 - epsilon) * policy + epsilon * legal / legal.sum(1, keepdim=True)


def draw(policy: Tensor, generator: torch.Generator) -> Tensor:
    """(N,) int64 actions drawn from probabilities (N, A).

    The action whose exponential clock of rate p rings first is drawn with probability p; unlike inverting a
    cumulative sum, rounding can never pick an action of probability 0.
    """
    clocks = torch.empty_like(policy).exponential_(generator=generator)
    return (policy / clocks).argmax(1)


def linear_decay(start: float, end: float, share: float) -> float:
    """``start`` at share 0 falling in a straight line to ``end`` at share 1 and beyond."""
    return start + (end - start) * min(max(share, 0.0), 1.0)


def steered(tau: float, kl: float, target: float, step: float) -> float:
    """The temperature that brings the KL to ``target`` nats, at most ``step`` (relative) away from ``tau``.

    More KL than the budget asks for a higher temperature, which holds the policy closer to its prior. Near the
    prior KL falls with the square of the temperature, so the square root of the ratio is the whole way there.
    """
    if target == 0:
        return tau
    # Rounding can bring the KL of equal policies a hair below 0.
    return tau * min(max(math.sqrt(max(kl, 0.0) / target), 1 / (1 + step)), 1 + step)
