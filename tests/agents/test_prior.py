import math
from dataclasses import replace

import pytest
import torch

from agents.config import PriorConfig
from agents.policy import masked_log_prior
from agents.prior import Epoch, Examples, held_out_nll, learn_prior


def weighted_coins(count: int, seed: int) -> Examples:
    """Two slots; where the first is 0, action 0 comes in 3 of 4 cases, else action 1 always; action 2 is illegal."""
    random = torch.Generator().manual_seed(seed)
    seen = torch.randint(2, (count, 2), generator=random).to(torch.uint8)
    rare = torch.rand(count, generator=random) < 0.25
    action = torch.where(seen[:, 0] == 0, rare.long(), 1)
    legal = torch.tensor([True, True, False]).expand(count, 3)
    return Examples(seen, legal, action)


CONFIG = PriorConfig(
    hidden=16, batch_size=256, epochs=6, epoch_steps=1, learning_rate=1e-2, dropout=0.0, weight_decay=0.0
)


def learn(config: PriorConfig = CONFIG, seed: int = 1) -> list[Epoch]:
    return list(learn_prior(weighted_coins(6000, 1), weighted_coins(2000, 2), (2, 2), config, seed=seed))


def test_a_prior_learns_the_true_probabilities() -> None:
    last = learn()[-1]
    entropy = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25)) / 2
    assert last.best == pytest.approx(entropy, abs=0.02)
    seen = torch.tensor([[0, 0], [1, 1]], dtype=torch.uint8)
    log_prior = masked_log_prior(last.network(seen), torch.tensor([True, True, False]).expand(2, 3))
    assert log_prior.exp()[0].tolist() == pytest.approx([0.75, 0.25, 0.0], abs=0.03)
    assert log_prior.exp()[1].tolist() == pytest.approx([0.0, 1.0, 0.0], abs=0.02)


def test_the_network_kept_is_the_best_one() -> None:
    epochs = learn()
    best = min(epochs, key=lambda epoch: epoch.nll)
    assert epochs[-1].best == best.nll
    assert held_out_nll(epochs[-1].network, weighted_coins(2000, 2)) == pytest.approx(best.nll)
    assert not any(parameter.requires_grad for parameter in epochs[-1].network.parameters())


def test_training_stops_when_patience_ends() -> None:
    noise = Examples(
        torch.randint(2, (400, 8), generator=torch.Generator().manual_seed(1)).to(torch.uint8),
        torch.ones(400, 3, dtype=torch.bool),
        torch.randint(3, (400,), generator=torch.Generator().manual_seed(2)),
    )
    training, held_out = noise.rows(torch.arange(200)), noise.rows(torch.arange(200, 400))
    config = PriorConfig(hidden=64, batch_size=50, epochs=50, epoch_steps=1, patience=2, learning_rate=1e-2)
    epochs = list(learn_prior(training, held_out, (2,) * 8, config, seed=1))
    nll = [epoch.nll for epoch in epochs]
    assert len(nll) < 50
    assert nll.index(min(nll)) == len(nll) - 3


def test_same_seed_same_prior() -> None:
    config = PriorConfig(hidden=16, epochs=1, epoch_steps=1, dropout=0.2)
    first, again, other = (learn(config, seed)[-1].network.table for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_a_small_corpus_is_passed_over_several_times_an_epoch() -> None:
    few, held_out = weighted_coins(40, 1), weighted_coins(2000, 2)

    def first_epoch(steps: int) -> float:
        return next(learn_prior(few, held_out, (2, 2), replace(CONFIG, epoch_steps=steps), seed=1)).nll

    assert first_epoch(40) < first_epoch(1) - 0.1
