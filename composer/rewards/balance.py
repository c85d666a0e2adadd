"""Balance: what holds the agents' music at the corpus' mixture while theory pulls at it.

Rewards for chord tones make arpeggios, rewards for smooth lines make scales: each is good music, and too much of it
is not. A balance watches how often the agents' pieces show every bin of the *typical* measures and keeps a multiplier
for each: it rises while the bin is rarer than in the corpus and falls while it is more frequent. The multipliers are
the Lagrange multipliers of the wish that the mixture be the corpus', found by dual ascent; a bin earns its own.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from composer.rewards.measure import share_of_bar
from composer.rewards.reference import MEASURES, Reference
from composer.view import View
from composer.vocabulary import CHORD, MELODY, RHYTHM

# Which measures are balanced, and which agents can do something about them.
BALANCED: Mapping[str, tuple[int, ...]] = {
    "support": (CHORD, MELODY),
    "progression": (CHORD,),
    "chord_variety": (CHORD,),
    "density": (RHYTHM,),
    "syncopation": (RHYTHM,),
    "duration": (RHYTHM,),
    "silence": (RHYTHM,),
    "rhythm_variety": (RHYTHM,),
    "interval": (MELODY,),
    "tendency": (MELODY,),
    "repeats": (MELODY,),
    "pitch_variety": (MELODY,),
}
_LIMIT = 3.0  # of a multiplier, in units of reward
_MEMORY = 0.9  # of the running shares, an iteration
_RARE = 2e-3  # shares below this are noise: they move their multiplier little


class Balance:
    """The multipliers of all balanced measures.

    Attributes:
        rate: how far a multiplier moves an iteration, for each nat between the corpus' share and the agents'.
        shares: by measure (cells,) float32, the running share of every context and bin in the agents' pieces.
        multipliers: by measure (cells,) float32, in -3..3.
    """

    def __init__(self, reference: Reference, rate: float) -> None:
        self.rate = rate
        self._wanted = {name: _shares(reference.counts[name].sum(0).flatten().float()) for name in BALANCED}
        self.shares = {name: wanted.clone() for name, wanted in self._wanted.items()}
        self.multipliers = {name: torch.zeros_like(wanted) for name, wanted in self._wanted.items()}

    def weigh(self, view: View, reference: Reference) -> Tensor:
        """(3, B, T) float32: what the pieces earn each agent, after their bins have moved the multipliers."""
        earned = torch.zeros(3, view.count, view.width)
        for name, agents in BALANCED.items():
            measure, wanted = MEASURES[name], self._wanted[name]
            places = measure.places(view, reference)
            context = torch.zeros_like(places.step) if places.context is None else places.context
            cell = (context * measure.bins + places.value) * places.here
            found = _shares(torch.bincount(cell[places.here], minlength=len(wanted)).float())
            shares = _MEMORY * self.shares[name] + (1 - _MEMORY) * found
            missing = torch.log((wanted + _RARE) / (shares + _RARE))
            self.shares[name] = shares
            self.multipliers[name] = (self.multipliers[name] + self.rate * missing).clamp(-_LIMIT, _LIMIT)
            credit = share_of_bar(view, places, self.multipliers[name][cell] * places.here)
            earned[list(agents)] += credit
        return earned

    def gaps(self) -> dict[str, float]:
        """By measure the share of places that would have to change for the mixture to be the corpus', 0..1."""
        return {name: float((self.shares[name] - wanted).abs().sum() / 2) for name, wanted in self._wanted.items()}

    def tensors(self) -> dict[str, Tensor]:
        """The state, by name."""
        found = {f"shares.{name}": value for name, value in self.shares.items()}
        return found | {f"multipliers.{name}": value for name, value in self.multipliers.items()}

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Take over a state of :meth:`tensors`."""
        self.shares = {name: tensors[f"shares.{name}"].clone() for name in BALANCED}
        self.multipliers = {name: tensors[f"multipliers.{name}"].clone() for name in BALANCED}


def _shares(counts: Tensor) -> Tensor:
    return counts / counts.sum().clamp(min=1)
