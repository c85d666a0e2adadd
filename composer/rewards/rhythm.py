"""Rhythm: how full the bars are, how they groove, where the line breathes."""

from __future__ import annotations

import torch

from composer.rewards.measure import RECENT_CONTEXTS, SHARE_BINS, Measure, Places, recent
from composer.score import REST
from composer.view import MAX_BAR_STEPS, STEPS_TO_STRONGER, View

_FULL = 16
_FULLNESS = torch.tensor([3, 6])
_LIKENESS_BINS = 6
PHRASE_BARS = 4


def likeness_bin(value: torch.Tensor) -> torch.Tensor:
    """Sort likenesses in 0..1 into six bins: none at all (0), four quarters (1..4), identical (5)."""
    quarter = (value * 4).ceil().long().clamp(max=4)
    return torch.where(value >= 1, _LIKENESS_BINS - 1, quarter)


def closest(view: View, part: str, lags: tuple[int, ...]) -> tuple[torch.Tensor, torch.Tensor]:
    """(B, M) float32 likeness of each bar to the most similar of those ``lags`` bars before, and where one stands."""
    found = [view.likeness(part, lag) for lag in lags]
    best = torch.stack([value for value, _ in found]).amax(0)
    return best, torch.stack([known for _, known in found]).any(0)


def density(view: View) -> Places:
    """How many notes does each bar have? The bin is their number (16 and more are one)."""
    return Places(view.bar_end, view.bar_onsets.clamp(max=_FULL), view.bar_here)


def groove(view: View) -> Places:
    """How much of the onset patterns of the last four bars stood one, two or four bars before?

    The share is the mean likeness of each bar to the most similar of those.
    """
    return recent(view, *closest(view, "rhythm", (1, 2, 4)))


def syncopated(view: View) -> torch.Tensor:
    """(B, N) bool: the note sounds on through a stronger beat than the one it was struck on.

    It is struck at metrical level l and sounds beyond the next beat of a level above l, after Longuet-Higgins and Lee
    (The rhythmic interpretation of monophonic music, 1984).
    """
    notes = view.notes
    stronger = STEPS_TO_STRONGER[view.score.meter[:, None], notes.place]
    return (notes.length > stronger) & notes.here


def syncopation(view: View) -> Places:
    """How many notes of each bar are :func:`syncopated`? The bin is their number (7 and more are one)."""
    count = torch.zeros(view.count, view.bar_count, dtype=torch.int64)
    count.scatter_add_(1, view.notes.bar, syncopated(view).long())
    return Places(view.bar_end, count.clamp(max=7), view.bar_here & (view.bar_onsets > 0))


def duration(view: View) -> Places:
    """How long is it from each note to the next, for its place in the bar?

    The bin is the gap in sixteenths (more than 16 are one), the context the sixteenth of the bar and how full the
    bar is (to three notes, to six, more). Credit lies at the onset.
    """
    notes = view.notes
    full = torch.bucketize(view.bar_onsets, _FULLNESS).gather(1, notes.bar)
    return Places(notes.step, (notes.gap - 1).clamp(0, _FULL), notes.here, notes.place * 3 + full)


def breath(view: View) -> Places:
    """Does the line come to rest where phrases end?

    The grade of a phrase of four bars is 1 where no gap between two notes is longer than the one after the last note
    of its last bar, else 0. Credit lies at that note; phrases whose last bar has no note are left out.
    """
    notes = view.notes
    row, known = view.closing_note
    phrases = view.bar_count // PHRASE_BARS
    if phrases == 0:
        return Places(view.bar_end, view.bar_here.float(), torch.zeros_like(known))
    fourth = slice(PHRASE_BARS - 1, None, PHRASE_BARS)
    phrase = (notes.bar // PHRASE_BARS).clamp(max=phrases)
    longest = torch.zeros(view.count, phrases + 1, dtype=torch.int64)
    longest = longest.scatter_reduce(1, phrase, notes.gap, "amax")[:, :phrases]
    gap = notes.gap.gather(1, row[:, fourth])
    return Places(notes.step.gather(1, row[:, fourth]), (gap >= longest).float(), known[:, fourth])


def silence(view: View) -> Places:
    """How much of each bar is silent?

    The bin is the silent share (none, up to a quarter, half, three quarters, all of it), the context the bar's place
    in its phrase of four and how full the bar is (to three notes, to six, more).
    """
    rests = view.in_bars((view.action == REST).long()).sum(2)
    share = rests / view.score.bar_steps[:, None]
    context = torch.arange(view.bar_count) % 4 * 3 + torch.bucketize(view.bar_onsets, _FULLNESS)
    return Places(view.bar_end, likeness_bin(share), view.bar_here, context)


MEASURES = (
    Measure("density", "rhythm", density, "as many notes in a bar as the corpus has", "meter", _FULL + 1),
    Measure(
        "groove",
        "rhythm",
        groove,
        "onset patterns that return",
        "meter",
        SHARE_BINS,
        RECENT_CONTEXTS,
        peak=0.8,
    ),
    Measure("syncopation", "rhythm", syncopation, "as much syncopation as the corpus has", "meter", 8),
    Measure(
        "duration",
        "rhythm",
        duration,
        "note lengths usual at their place in the bar",
        "meter",
        _FULL + 1,
        MAX_BAR_STEPS * 3,
    ),
    Measure("breath", "rhythm", breath, "the longest rest or note of a phrase at its end", "meter"),
    Measure("silence", "rhythm", silence, "as much silence as the corpus has", "meter", _LIKENESS_BINS, 12),
)
