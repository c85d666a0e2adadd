"""An ear: what tells a composer's own drafts from real music, so that the likelier of several drafts can be kept.

A logistic regression over the features of an evaluation, fitted on music that was learned from and on drafts of the
finished agents. It is two-sided by nature: it knows only what real pieces have more or less of than the drafts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from composer.errors import TriadError
from composer.features import features
from composer.score import Score

# Inverse strength of the ridge penalty: a hundred features, many of them alike, against a thousand pieces a side.
_INVERSE_PENALTY = 0.03
_ROUNDS = 1000


@dataclass(frozen=True, slots=True)
class Ear:
    """A fitted ear for F features.

    Attributes:
        names: (F) of :func:`composer.features.features`.
        mean: (F,) float32, of each feature over what it was fitted on.
        scale: (F,) float32, its standard deviation there; 1 for a feature that never changes.
        weight: (F,) float32, log-odds a standard deviation.
        bias: () float32.
    """

    names: tuple[str, ...]
    mean: Tensor
    scale: Tensor
    weight: Tensor
    bias: Tensor

    @classmethod
    def fitted(cls, real: Score, drafts: Score) -> Ear:
        """The ear that tells ``real`` pieces from ``drafts``, at least two of each."""
        names, rows = _table(real)
        rows = torch.cat([rows, _table(drafts)[1]])
        known = torch.isfinite(rows)
        count = known.sum(0).clamp(min=1)
        mean = rows.nan_to_num(0.0, 0.0, 0.0).sum(0) / count
        spread = (torch.where(known, rows - mean, 0).square().sum(0) / count).sqrt()
        scale = torch.where(spread > 1e-6, spread, 1.0)
        # Loaded only where an ear is fitted: whoever composes shall not wait for it.
        from sklearn.linear_model import LogisticRegression

        label = np.repeat([1, 0], [len(real), len(drafts)])
        model = LogisticRegression(C=_INVERSE_PENALTY, max_iter=_ROUNDS, class_weight="balanced")
        model.fit(_standard(rows, mean, scale).numpy(), label)
        weight = torch.from_numpy(model.coef_[0]).float()
        return cls(names, mean, scale, weight, torch.tensor(float(model.intercept_[0])))

    def hear(self, score: Score) -> Tensor:
        """(B,) float32: log-odds that each piece is real; a feature that does not exist for a piece says nothing."""
        _, rows = _table(score)
        return _standard(rows, self.mean, self.scale) @ self.weight + self.bias

    def tensors(self) -> dict[str, Tensor]:
        """What it knows, by name; :meth:`restored` takes it back."""
        return {"mean": self.mean, "scale": self.scale, "weight": self.weight, "bias": self.bias}

    @classmethod
    def restored(cls, names: tuple[str, ...], tensors: Mapping[str, Tensor]) -> Ear:
        """The ear that :meth:`tensors` describes.

        Raises:
            TriadError: if it listens to other features than this version has, or tensors do not fit them.
        """
        size = len(names)
        shapes = {"mean": (size,), "scale": (size,), "weight": (size,), "bias": ()}
        fits = all(name in tensors and tuple(tensors[name].shape) == shape for name, shape in shapes.items())
        if not fits:
            raise TriadError(f"the ear's tensors do not fit its {size} features: train a new model")
        return cls(names, *(tensors[name].float() for name in shapes))


def _table(score: Score) -> tuple[tuple[str, ...], Tensor]:
    found = features(score)
    return tuple(found), torch.stack(list(found.values()), 1)


def _standard(rows: Tensor, mean: Tensor, scale: Tensor) -> Tensor:
    return ((rows - mean) / scale).nan_to_num(0.0, 0.0, 0.0).clamp(-6, 6)
