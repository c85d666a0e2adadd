"""A packed model: half the size, the same music."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from agents.agent import act
from agents.errors import CheckpointError
from agents.packing import pack
from agents.trio import Trio
from composer.environment import Conditions, columns, follow
from composer.vocabulary import AGENTS
from tests.agents.test_trio import make_trio


def test_weights_are_rounded_on_disk_and_single_precision_again_when_loaded(tmp_path: Path) -> None:
    trio = make_trio()
    trio.save(tmp_path / "whole")
    pack(trio, tmp_path / "packed")
    sizes = [next((tmp_path / name).glob("*.safetensors")).stat().st_size for name in ("whole", "packed")]
    assert sizes[1] < 0.6 * sizes[0]
    packed = Trio.load(tmp_path / "packed")
    assert packed.describe() == trio.describe()
    whole = trio.tensors()
    assert packed.tensors().keys() == whole.keys()
    for name, tensor in packed.tensors().items():
        # The plans are no weights.
        expected = whole[name] if name.startswith("plans.") else whole[name].half().float()
        assert tensor.dtype == expected.dtype
        assert torch.equal(tensor, expected)


def test_the_packed_policy_is_the_same_to_a_hundred_thousandth_of_a_nat(tmp_path: Path) -> None:
    trio = make_trio()
    pack(trio, tmp_path)
    packed = Trio.load(tmp_path)
    pieces = trio.compose(Conditions.uniform(8, meter=0, mode=0, bars=4), seed=3)
    _, decisions = follow(trio.vocabulary, pieces)
    for index in range(len(AGENTS)):
        rows = (decisions.turn == index).nonzero().flatten()
        seen = decisions.observation[rows][:, list(columns(index))]
        legal = decisions.legal[rows, : trio.vocabulary.sizes[index]]
        with torch.inference_mode():
            first, second = (act(whose.agents[index], seen, legal).policy for whose in (trio, packed))
        divergence = torch.special.xlogy(first, first / second.clamp_min(1e-30)).sum(1).mean()
        assert 0 < divergence.abs() < 1e-5


def test_a_weight_beyond_half_precision_is_refused(tmp_path: Path) -> None:
    trio = make_trio()
    prior = trio.agents[0].prior
    assert isinstance(prior, nn.Module)
    with torch.no_grad():
        prior.head_bias[0] = 1e6
    with pytest.raises(CheckpointError, match=r"chord\.prior\.head_bias holds 1e\+06"):
        pack(trio, tmp_path)
    assert not list(tmp_path.iterdir())
