"""Accompaniment: does it strike as the corpus does, does it return, and does it carry the harmony?

Pieces whose accompaniment is not known have nothing to measure.
"""

from __future__ import annotations

import torch
from torch import Tensor

from composer.groove import BASE, BASS
from composer.rewards.measure import Measure, Places
from composer.view import MAX_BAR_STEPS, View

_RETURN_BARS = (4, 8)


def _strokes(view: View) -> tuple[Tensor, Tensor]:
    """(B, T) int64: the strokes; (B, T) bool: there is an accompaniment."""
    return view.score.strokes(), view.valid & view.score.accompanied[:, None]


def _bar_ago(view: View, strokes: Tensor) -> Tensor:
    """(B, T) int64: 1 and the stroke at this place of the bar before, 0 in the first bar."""
    ago = view.steps - view.score.bar_steps[:, None]
    return (strokes.gather(1, ago.clamp(min=0)) + 1) * (ago >= 0)


def accompaniment(view: View) -> Places:
    """How likely is each stroke, and each sixteenth without one, after what was struck before?

    The bin is the stroke (none, bass, upper voices, both), the context the sixteenth of the bar, the stroke at the
    same place of the bar before, the stroke a sixteenth before and whether the melody strikes a note here. Taken
    together the sixteenths of a groove give its likelihood by the chain rule.
    """
    strokes, here = _strokes(view)
    before = torch.nn.functional.pad(strokes[:, :-1], (1, 0))
    context = (view.place * (BASE + 1) + _bar_ago(view, strokes)) * BASE + before
    return Places(view.steps.expand(view.count, -1), strokes, here, context * 2 + view.onset)


def accompaniment_recall(view: View) -> Places:
    """How much of each bar's accompaniment stood four or eight bars before?

    The grade is the likeness to the more similar of the two: the share of strokes that are the same, of all
    sixteenths at which either bar strikes. Bars that are silent as those before are left out.
    """
    strokes, here = _strokes(view)
    bars, known = view.in_bars(strokes), view.in_bars(here.long()).any(2)
    best, found = torch.zeros(known.shape), torch.zeros_like(known)
    for lag in (lag for lag in _RETURN_BARS if lag < view.bar_count):
        now, then = bars[:, lag:], bars[:, :-lag]
        either = (now > 0) | (then > 0)
        same = ((now == then) & either).sum(2) / either.sum(2).clamp(min=1)
        best[:, lag:] = torch.maximum(best[:, lag:], same)
        found[:, lag:] |= known[:, lag:] & either.any(2)
    return Places(view.bar_end, best, found)


def foundation(view: View) -> Places:
    """Does the bass strike where the harmony changes? The grade is 1 if it does, else 0."""
    strokes, here = _strokes(view)
    struck = (strokes & BASS).gather(1, view.beat_step)
    return Places(view.beat_step, struck.float(), view.change & here.gather(1, view.beat_step))


MEASURES = (
    Measure(
        "accompaniment",
        "accompaniment",
        accompaniment,
        "strokes as likely as the corpus finds them after those before",
        "meter",
        BASE,
        MAX_BAR_STEPS * (BASE + 1) * BASE * 2,
    ),
    Measure(
        "accompaniment_recall",
        "accompaniment",
        accompaniment_recall,
        "an accompaniment that returns",
        "meter",
    ),
    Measure("foundation", "accompaniment", foundation, "bass notes where the harmony changes", "meter"),
)
