"""What a reward term measures: a row of data about it, and the places in the music where it was measured.

There are three kinds of term. A *level* term gives every place a grade in 0..1 where more is better. A *typical* term
sorts every place into one of a few bins and asks how likely the corpus is to show that bin there. A *peak* term sorts
into bins that are ordered, and asks for as much as the corpus' richer pieces have, no less and no more. All three are
centred on the corpus' mean, and what a bar gets is a mean over the bar's places: writing more notes earns nothing in
itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from composer.errors import TriadError
from composer.view import WINDOW_BARS, View

if TYPE_CHECKING:
    from composer.rewards.reference import Reference


class RewardError(TriadError):
    """A reward term that does not exist, or a reference that cannot be built or read."""


GROUPS = ("harmony", "rhythm", "melody", "form", "plan", "accompaniment", "novelty")
SHARE_BINS = 21
RECENT_CONTEXTS = 4 * 9


@dataclass(frozen=True, slots=True)
class Places:
    """K places of each of B pieces at which something was measured.

    Attributes:
        step: (B, K) int64, the sixteenth the credit lies at.
        value: (B, K) grade in 0..1 (float) of a level term, bin (int64) of the others.
        here: (B, K) bool, False where there is nothing to measure.
        context: (B, K) int64, which of the corpus' distributions the place is compared with; None for the only one.
        weight: (B, K) float, the place's share in the mean of its bar; None for equal shares.
    """

    step: Tensor
    value: Tensor
    here: Tensor
    context: Tensor | None = None
    weight: Tensor | None = None


@dataclass(frozen=True, slots=True)
class Measure:
    """A row of the table of measures.

    Attributes:
        name: the term's name.
        group: one of :data:`GROUPS`.
        function: from a view (and, where ``learned``, a reference) to places.
        description: what it asks of the music, in a sentence.
        by: ``"mode"`` or ``"meter"``: what the corpus' statistics are kept apart by.
        bins: number of bins of a typical or peak term, 0 for a level term.
        contexts: number of contexts.
        peak: the quantile of the corpus that a peak term asks for, 0 for other terms.
        learned: the measure itself reads the corpus' statistics.
    """

    name: str
    group: str
    function: Callable[..., Places]
    description: str
    by: str
    bins: int = 0
    contexts: int = 1
    peak: float = 0.0
    learned: bool = False

    def places(self, view: View, reference: Reference) -> Places:
        """Where and what this measures in ``view``."""
        return self.function(view, reference) if self.learned else self.function(view)


def share_of_bar(view: View, places: Places, credit: Tensor) -> Tensor:
    """Lay credits at their sixteenths so that every bar gets the mean of its places.

    ``credit[t] = sum of weight * credit over the places at t / sum of weight over the places of t's bar``.

    Args:
        view: B pieces of T sixteenths.
        places: K places of each.
        credit: (B, K) credit of each place.

    Returns:
        (B, T) float32, 0 wherever there is no place.
    """
    weight = places.here.float() if places.weight is None else places.weight * places.here
    # Places in the padding weigh nothing, but may lie beyond the last bar.
    bar = (places.step // view.score.bar_steps[:, None]).clamp(max=view.bar_count - 1)
    in_bar = torch.zeros(view.count, view.bar_count).scatter_add_(1, bar, weight)
    share = weight / in_bar.gather(1, bar).clamp(min=1e-9)
    return torch.zeros(view.count, view.width).scatter_add_(1, places.step, credit * share)


def share_bin(share: Tensor) -> Tensor:
    """Sort shares in 0..1 into 21 bins of a twentieth."""
    return (share * (SHARE_BINS - 1)).round().long().clamp(0, SHARE_BINS - 1)


def recent(view: View, value: Tensor, count: Tensor) -> Places:
    """A share over the last four bars, measured at the end of every bar from the fourth on.

    Args:
        view: B pieces of M bars.
        value: (B, M) sum of what was found in each bar.
        count: (B, M) how many things it was looked for in.

    Returns:
        places with the :func:`share_bin` of sum over count. The context joins the phrase of four bars, 0..3 (3 and
        later are one), for early phrases have less to recall, with how many notes the four bars hold and how many of
        those stand off the beat: busy and plain rhythms repeat themselves by chance, and a term that did not allow
        for it would pay for them. Windows in which there is nothing to count are left out.
    """
    counted = view.window(count)
    here = (counted > 0) & view.bar_here & (torch.arange(view.bar_count) >= WINDOW_BARS - 1)
    share = view.window(value) / counted.clamp(min=1)
    context = (torch.arange(view.bar_count) // WINDOW_BARS).clamp(max=3) * 9 + view.style
    return Places(view.bar_end, share_bin(share), here, context)
