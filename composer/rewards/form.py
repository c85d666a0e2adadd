"""Form: what returns, when, and how it is changed."""

from __future__ import annotations

from collections.abc import Callable

import torch

from composer.figures import heard_before
from composer.rewards.measure import RECENT_CONTEXTS, SHARE_BINS, Measure, Places, recent
from composer.rewards.rhythm import closest
from composer.view import View

LAGS = (1, 2, 4, 8)
FAR_LAGS = (4, 8)


def recall(view: View) -> Places:
    """How much of the melody of the last four bars stood four or eight bars before?

    The share is the mean likeness (onsets with their pitches) of each bar to the closer of the two. One and two bars
    before are left out: music with its bars shuffled repeats itself there as often as real music does.
    """
    return recent(view, *closest(view, "melody", FAR_LAGS))


def harmony_recall(view: View) -> Places:
    """How much of the harmony of the last four bars stood four or eight bars before?"""
    return recent(view, *closest(view, "harmony", FAR_LAGS))


def relation_to_earlier(view: View) -> tuple[torch.Tensor, torch.Tensor]:
    """(B, M) int64: the closest relation of each bar to the one 1, 2, 4 or 8 before; and where one stands.

    0 nothing in common, 1 half its rhythm, 2 its rhythm, 3 its rhythm and the shape of its line on other degrees, 4 a
    copy.
    """
    best = torch.zeros(view.count, view.bar_count, dtype=torch.int64)
    known = torch.zeros_like(view.bar_here)
    struck = view.struck
    onset = struck > 0
    # The direction in which each note leaves for the next one of its bar: -1, 0, 1; constant when transposed.
    place = torch.arange(struck.shape[2])
    upto = torch.where(onset, place, -1).cummax(2).values
    before = torch.nn.functional.pad(upto[:, :, :-1], (1, 0), value=-1)
    move = torch.where(onset & (before >= 0), (struck - struck.gather(2, before.clamp(min=0))).sign(), 0)
    for lag in LAGS:
        if lag >= view.bar_count:
            break
        rhythm, here = view.likeness("rhythm", lag)
        melody, _ = view.likeness("melody", lag)
        same_shape = torch.zeros_like(view.bar_here)
        same_shape[:, lag:] = (move[:, lag:] == move[:, :-lag]).all(2)
        same_shape &= view.bar_onsets > 2
        relation = torch.where(rhythm >= 1, 2 + same_shape.long(), (rhythm >= 0.5).long())
        relation = torch.where(melody >= 1, 4, relation)
        best = torch.maximum(best, relation * here)
        known |= here
    return best, known


def development(view: View) -> Places:
    """What do the last four bars make of what stood before?

    The grade of a bar is a quarter of its :func:`relation_to_earlier`: 1 for a copy, a half for the same rhythm. The
    share is the mean grade.
    """
    best, known = relation_to_earlier(view)
    return recent(view, best / 4, known)


def motif(view: View) -> Places:
    """How many figures of the last four bars has the piece heard before?

    A figure is two notes: their intervals and the gaps after them (:func:`composer.rewards.novelty.note_tokens`).
    """
    heard, here = heard_before(view)
    bar, shape = view.notes.bar, (view.count, view.bar_count)
    found = torch.zeros(shape).scatter_add_(1, bar, (heard & here).float())
    return recent(view, found, torch.zeros(shape).scatter_add_(1, bar, here.float()))


def _row(name: str, function: Callable[[View], Places], description: str) -> Measure:
    return Measure(name, "form", function, description, "meter", SHARE_BINS, RECENT_CONTEXTS, peak=0.8)


MEASURES = (
    _row("recall", recall, "bars that return after four and eight"),
    _row("harmony_recall", harmony_recall, "harmony that returns after four and eight bars"),
    _row("development", development, "bars that copy, move or vary earlier ones"),
    _row("motif", motif, "figures of notes that return"),
)
