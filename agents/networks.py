"""The one network shape of Triad: small integers in, a number for every action out.

An observation's slots are categorical, so the first layer is a table with one row for each value of each slot; the
rows of an observation are summed (an embedding bag), which is a linear layer over one-hot slots without the zeros.
The same body holds action values (with a dueling head) and priors (plain logits).

    slots -> sum of embeddings -> LayerNorm, ReLU -> linear -> LayerNorm, ReLU -> head

The head scores actions, and where relations between slots and actions are given (an interval, a chord degree) also
their kinds; an action's number is its own score plus those of the kinds it is of.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import cast

import torch
import torch.nn.functional as F  # noqa: N812 # the name all of PyTorch's world uses
from torch import Tensor, nn

from composer.environment import Relation


class Network(nn.Module):
    """A body over categorical slots and a head over actions.

    The head starts at zero: a network that has learned nothing values every action alike, so a policy
    ``prior * exp(q / temperature)`` starts as the prior.

    Args:
        sizes: number of values of each slot.
        actions: number of actions A.
        hidden: width.
        dueling: whether the head is ``q = v + a - mean(a)`` (Wang et al. 2016, https://arxiv.org/abs/1511.06581).
        generator: draws the initial weights (on the CPU, so that every device starts from the same ones).
        relations: tables of kinds over the values of a slot and the actions.
    """

    offsets: Tensor
    kinds: Tensor
    related: Tensor
    rows: Tensor

    def __init__(
        self,
        sizes: Sequence[int],
        actions: int,
        *,
        hidden: int,
        dueling: bool,
        generator: torch.Generator,
        relations: Sequence[Relation] = (),
    ) -> None:
        super().__init__()
        self.dueling = dueling
        self.actions = actions
        outputs = list(accumulate((relation.kinds for relation in relations), initial=dueling + actions))
        rows = list(accumulate((len(relation.table) for relation in relations), initial=0))
        tables = [relation.table + first for relation, first in zip(relations, outputs, strict=False)]
        tables = tables or [torch.zeros(0, actions, dtype=torch.int64)]
        # One table for all relations: row by slot value, entries the head's outputs to add up.
        self.register_buffer("kinds", torch.cat(tables), persistent=False)
        self.register_buffer("related", torch.tensor([relation.column for relation in relations]), persistent=False)
        self.register_buffer("rows", torch.tensor(rows[:-1]), persistent=False)
        offsets = torch.tensor([0, *accumulate(sizes)], dtype=torch.int32)
        self.register_buffer("offsets", offsets[:-1], persistent=False)

        def normal(rows: int, columns: int, scale: float) -> nn.Parameter:
            return nn.Parameter(torch.randn(rows, columns, generator=generator) * scale)

        # A sum of as many rows as there are slots has unit variance; He et al. 2015 for the layer behind a ReLU.
        self.table = normal(int(offsets[-1]), hidden, len(sizes) ** -0.5)
        self.norm1_weight = nn.Parameter(torch.ones(hidden))
        self.norm1_bias = nn.Parameter(torch.zeros(hidden))
        self.linear_weight = normal(hidden, hidden, (2 / hidden) ** 0.5)
        self.linear_bias = nn.Parameter(torch.zeros(hidden))
        self.norm2_weight = nn.Parameter(torch.ones(hidden))
        self.norm2_bias = nn.Parameter(torch.zeros(hidden))
        self.head_weight = nn.Parameter(torch.zeros(outputs[-1], hidden))
        self.head_bias = nn.Parameter(torch.zeros(outputs[-1]))

    def forward(self, observation: Tensor, keep: Tensor | None = None) -> Tensor:
        """Values or logits of every action.

        Args:
            observation: (N, K) uint8, one column a slot.
            keep: (N, K) float32 weights of the slots, for hiding some of them while training a prior.

        Returns:
            (N, A) float32.
        """
        # Acting calls this hundreds of times a piece on a few rows: reading the parameters through nn.Module's own
        # attribute look-up would cost as much as the layer norms.
        parameters = cast(Iterable[Tensor], self._parameters.values())
        table, scale1, shift1, weight, bias, scale2, shift2, head, head_bias = parameters
        width = (table.shape[1],)
        bag = F.embedding_bag(observation + self.offsets, table, mode="sum", per_sample_weights=keep)
        bag = torch.relu(F.layer_norm(bag, width, scale1, shift1))
        bag = torch.relu(F.layer_norm(F.linear(bag, weight, bias), width, scale2, shift2))
        out = F.linear(bag, head, head_bias)
        scores = out[:, self.dueling : self.dueling + self.actions]
        if len(self.rows):
            kinds = self.kinds[observation[:, self.related] + self.rows]
            related = out.gather(1, kinds.flatten(1)).view(kinds.shape)
            scores = scores + related.sum(1)
        return dueling(out[:, :1], scores) if self.dueling else scores


def dueling(value: Tensor, advantage: Tensor) -> Tensor:
    """Action values (N, A) from state values (N, 1) and advantages (N, A): their mean over actions is the value."""
    return value + advantage - advantage.mean(1, keepdim=True)
