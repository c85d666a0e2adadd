"""Balance: what holds the agents' music at the corpus' mixture while theory pulls at it.

Rewards for chord tones make arpeggios, rewards for smooth lines make scales: each is good music, and too much of it
is not. A balance watches how often the agents' pieces show every bin of the *typical* measures and keeps a multiplier
for each: it rises while the bin is rarer than in the corpus and falls while it is more frequent. The multipliers are
the Lagrange multipliers of the wish that the mixture be the corpus', found by dual ascent; a bin earns its own.

A measure with many contexts spreads its bins thin, and rare cells move their multipliers little. So each bin also has
a multiplier for all contexts together.
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


_WHOLE = " in all contexts"


class Balance:
    """The multipliers of all balanced measures.

    Attributes:
        rate: how far a multiplier moves an iteration, for each nat between the corpus' share and the agents'.
        shares: by table (cells,) float32, the running share of every cell in the agents' pieces. A table is a
            measure's, whose cells are its contexts and bins, or its bins in all contexts.
        multipliers: by table (cells,) float32, in -3..3.
    """

    def __init__(self, reference: Reference, rate: float) -> None:
        self.rate = rate
        self._wanted: dict[str, Tensor] = {}
        for name in BALANCED:
            counts = reference.counts[name].sum(0).float()
            self._wanted[name] = _shares(counts.flatten())
            if len(counts) > 1:
                self._wanted[name + _WHOLE] = _shares(counts.sum(0))
        self.shares = {name: wanted.clone() for name, wanted in self._wanted.items()}
        self.multipliers = {name: torch.zeros_like(wanted) for name, wanted in self._wanted.items()}

    def weigh(self, view: View, reference: Reference) -> Tensor:
        """(3, B, T) float32: what the pieces earn each agent, after their bins have moved the multipliers."""
        earned = torch.zeros(3, view.count, view.width)
        for name, agents in BALANCED.items():
            measure = MEASURES[name]
            places = measure.places(view, reference)
            value = places.value * places.here
            context = torch.zeros_like(places.step) if places.context is None else places.context
            cells = {name: (context * measure.bins + value) * places.here, name + _WHOLE: value}
            gain = torch.zeros(value.shape)
            for table, cell in cells.items():
                if table in self._wanted:
                    self._move(table, cell[places.here])
                    gain += self.multipliers[table][cell]
            earned[list(agents)] += share_of_bar(view, places, gain * places.here)
        return earned

    def _move(self, table: str, cells: Tensor) -> None:
        """Take over where the latest pieces were in a table's cells."""
        wanted = self._wanted[table]
        found = _shares(torch.bincount(cells, minlength=len(wanted)).float())
        self.shares[table] = _MEMORY * self.shares[table] + (1 - _MEMORY) * found
        missing = torch.log((wanted + _RARE) / (self.shares[table] + _RARE))
        self.multipliers[table] = (self.multipliers[table] + self.rate * missing).clamp(-_LIMIT, _LIMIT)

    def gaps(self) -> dict[str, float]:
        """By measure the share of places that would have to change for the mixture to be the corpus', 0..1."""
        return {name: float((self.shares[name] - self._wanted[name]).abs().sum() / 2) for name in BALANCED}

    def tensors(self) -> dict[str, Tensor]:
        """The state, by name."""
        found = {f"shares.{name}": value for name, value in self.shares.items()}
        return found | {f"multipliers.{name}": value for name, value in self.multipliers.items()}

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Take over a state of :meth:`tensors`."""
        self.shares = {name: tensors[f"shares.{name}"].clone() for name in self._wanted}
        self.multipliers = {name: tensors[f"multipliers.{name}"].clone() for name in self._wanted}


def _shares(counts: Tensor) -> Tensor:
    return counts / counts.sum().clamp(min=1)
