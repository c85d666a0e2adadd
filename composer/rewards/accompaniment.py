"""Accompaniment: does it strike as the corpus does, and does it carry the harmony?

Pieces whose accompaniment is not known have nothing to measure.
"""

from __future__ import annotations

import torch
from torch import Tensor

from composer.rewards.measure import Measure, Places
from composer.view import MAX_BAR_STEPS, View

_STROKES = 4
_BASS = 1


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
    context = (view.place * (_STROKES + 1) + _bar_ago(view, strokes)) * _STROKES + before
    return Places(view.steps.expand(view.count, -1), strokes, here, context * 2 + view.onset)


def foundation(view: View) -> Places:
    """Does the bass strike where the harmony changes? The grade is 1 if it does, else 0."""
    strokes, here = _strokes(view)
    struck = (strokes & _BASS).gather(1, view.beat_step)
    return Places(view.beat_step, struck.float(), view.change & here.gather(1, view.beat_step))


MEASURES = (
    Measure(
        "accompaniment",
        "accompaniment",
        accompaniment,
        "strokes as likely as the corpus finds them after those before",
        "meter",
        _STROKES,
        MAX_BAR_STEPS * (_STROKES + 1) * _STROKES * 2,
    ),
    Measure("foundation", "accompaniment", foundation, "bass notes where the harmony changes", "meter"),
)
