"""The gate: whether a challenger takes the champion's place. Pure functions of figures; knows no model and no store.

Both composed under the same conditions in every round and were judged by the same held-out music, so rounds are
paired. What is compared is :func:`quality`, which is two-sided: theory earns nothing above real music, so a model
cannot buy its way in with a reward that leaves the music behind.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy import stats

from flows.errors import FlowError

LEVEL = 0.95
# About a fifth of the standard deviation of overlap between five seeds of the pop training (.0056).
DEFAULT_MARGIN = 0.001
# What a bar's theory reward below real music's costs, in overlap. The pop prior lies 1.1 below real music in theory
# and .012 below the agents in overlap: so both count about alike.
SHORTFALL = 0.02


def quality(overlap: float, reward: float, real_reward: float) -> float:
    """The figure that models are compared by: ``overlap - .02 * max(0, real_reward - reward)``.

    Args:
        overlap: of feature distributions with held-out music, 0..1.
        reward: theory reward a bar.
        real_reward: the same of the held-out music.
    """
    return overlap - SHORTFALL * max(0.0, real_reward - reward)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The gate's decision.

    Attributes:
        promoted: whether the challenger takes the place.
        reason: one sentence that says why.
        margin: what the gain had to exceed.
        challenger: mean quality over the rounds.
        champion: the same of the champion; None where there was none.
        gain: mean of the paired differences; None where there was no champion.
        low: lower end of the gain's 95 % confidence interval.
        high: its upper end.
        rounds: number of rounds.
    """

    promoted: bool
    reason: str
    margin: float
    challenger: float
    champion: float | None = None
    gain: float | None = None
    low: float | None = None
    high: float | None = None
    rounds: int = 0

    def to_json(self) -> dict[str, Any]:
        """A JSON object with the attributes as fields."""
        return asdict(self)


def decide(challenger: Sequence[float], champion: Sequence[float] | None, margin: float = DEFAULT_MARGIN) -> Verdict:
    """Promote only where the whole 95 % interval of the paired gain (Student's) lies above ``margin``.

    Args:
        challenger: quality in each round.
        champion: quality in the same rounds; None where there is no champion yet.
        margin: what the gain must exceed, 0 or more.

    Raises:
        FlowError: for fewer than two rounds, rounds that do not pair, or a negative margin.
    """
    if margin < 0:
        raise FlowError(f"margin {margin}: a challenger must gain something, give 0 or more")
    mean = float(np.mean(challenger))
    if champion is None:
        return Verdict(
            True, f"Promoted: there was no champion yet (quality {mean:.4f}).", margin, mean, rounds=len(challenger)
        )
    if len(challenger) != len(champion) or len(challenger) < 2:
        raise FlowError(
            f"{len(challenger)} rounds of the challenger and {len(champion)} of the champion: "
            "judge both in the same two rounds or more"
        )
    gains = np.subtract(challenger, champion)
    gain = float(gains.mean())
    if np.ptp(gains) == 0:  # nothing varies: the interval is a point
        low = high = gain
    else:
        low, high = (float(end) for end in stats.ttest_rel(challenger, champion).confidence_interval(LEVEL))
    promoted = low > margin
    said = f"gain {gain:+.4f} [{low:+.4f}, {high:+.4f}] over {len(gains)} paired rounds"
    reason = (
        f"Promoted: {said}, all above the margin of {margin:g}."
        if promoted
        else f"Not promoted: {said}, not all above the margin of {margin:g}; the champion stays."
    )
    return Verdict(promoted, reason, margin, mean, float(np.mean(champion)), gain, low, high, len(gains))
