"""Frozen priors: what each agent of the corpus would do, learned by cross-entropy from real decisions.

The policy of an agent is held near its prior, so the prior carries the style and the rewards only bend it. Training
stops when the error on held-out pieces no longer falls, and the best network is kept.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil

import torch
from torch import Tensor

from agents.config import PriorConfig
from agents.networks import Network
from agents.policy import masked_log_prior
from agents.seeding import generator
from agents.sight import Sight
from composer.environment import Decisions, Relation
from composer.vocabulary import Vocabulary

_EVALUATED_AT_ONCE = 8192


@dataclass(frozen=True, slots=True)
class Examples:
    """D decisions of one agent.

    Attributes:
        observation: (D, K) uint8.
        legal: (D, A) bool.
        action: (D,) int64.
    """

    observation: Tensor
    legal: Tensor
    action: Tensor

    def __len__(self) -> int:
        """Number of decisions D."""
        return self.action.shape[0]

    def rows(self, index: Tensor) -> Examples:
        """The decisions at ``index``, numbers or a mask."""
        return Examples(self.observation[index], self.legal[index], self.action[index])

    def to(self, device: torch.device | str) -> Examples:
        """The same on another device."""
        return Examples(*(column.to(device) for column in (self.observation, self.legal, self.action)))


@dataclass(frozen=True, slots=True)
class Epoch:
    """One epoch of training: errors in nats a decision.

    Attributes:
        number: from 1.
        nll: mean negative log-likelihood of the held-out decisions.
        training_nll: the same of the training decisions, as met on the way.
        network: the best network so far.
        best: its ``nll``.
    """

    number: int
    nll: float
    training_nll: float
    network: Network
    best: float


def examples_of(agent: int, vocabulary: Vocabulary, decisions: Decisions, sight: Sight) -> Examples:
    """The decisions of the agent of turn ``agent`` among all of them, as that agent sees them."""
    own = decisions.select((decisions.turn == agent).nonzero().flatten())
    return Examples(sight.see(own.observation), own.legal[:, : vocabulary.sizes[agent]], own.action)


def learn_prior(
    training: Examples,
    held_out: Examples,
    sizes: Sequence[int],
    config: PriorConfig,
    *,
    seed: int,
    device: torch.device | str = "cpu",
    relations: Sequence[Relation] = (),
) -> Iterator[Epoch]:
    """Train a prior, one :class:`Epoch` at a time; the last one holds the network to keep.

    Args:
        training: what is learned from.
        held_out: what decides when to stop.
        sizes: number of values of each of the K slots.
        config: how.
        seed: what weights and order are derived from.
        device: where to train.
        relations: between slots and actions.
    """
    order = generator(seed, "order")
    hiding = generator(seed, "hiding", device=device)
    training, held_out = training.to(device), held_out.to(device)
    network = Network(
        sizes,
        training.legal.shape[1],
        hidden=config.hidden,
        dueling=False,
        generator=generator(seed, "weights"),
        relations=relations,
    ).to(device)
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay, fused=True
    )
    steps = ceil(len(training) / config.batch_size)
    passes = ceil(config.epoch_steps / steps)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps * passes * config.epochs)
    best, best_nll, waited = network, float("inf"), 0
    for number in range(1, config.epochs + 1):
        total = torch.zeros((), device=device)
        for index in _batches(len(training), config.batch_size, passes, order):
            batch = training.rows(index.to(device))
            loss = -_log_likelihood(network, batch, _kept(batch.observation, config.dropout, hiding)).mean()
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
            total += loss.detach() * len(batch)
        nll = held_out_nll(network, held_out)
        waited += 1
        if nll < best_nll:
            best, best_nll, waited = copy.deepcopy(network).requires_grad_(False), nll, 0
        yield Epoch(number, nll, float(total) / (passes * len(training)), best, best_nll)
        if waited >= config.patience:
            return


@torch.inference_mode()
def held_out_nll(network: Network, examples: Examples) -> float:
    """Mean negative log-likelihood of real decisions, in nats a decision."""
    rows = torch.split(torch.arange(len(examples), device=examples.action.device), _EVALUATED_AT_ONCE)
    total = sum(float(_log_likelihood(network, examples.rows(index)).sum()) for index in rows)
    return -total / len(examples)


def _batches(count: int, size: int, passes: int, order: torch.Generator) -> Iterator[Tensor]:
    """Row numbers of batches that together meet every one of ``count`` rows ``passes`` times."""
    for _ in range(passes):
        yield from torch.split(torch.randperm(count, generator=order), size)


def _log_likelihood(network: Network, examples: Examples, keep: Tensor | None = None) -> Tensor:
    log_prior = masked_log_prior(network(examples.observation, keep), examples.legal)
    return log_prior.gather(1, examples.action[:, None])[:, 0]


def _kept(observation: Tensor, dropout: float, hiding: torch.Generator) -> Tensor | None:
    """(N, K) weights that hide a share of the slots and keep the expected sum; None where nothing is hidden."""
    if dropout == 0:
        return None
    drawn = torch.rand(observation.shape, generator=hiding, device=observation.device)
    return (drawn >= dropout).float() / (1 - dropout)
