"""Novelty: neither too predictable nor copied."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from composer.figures import note_tokens
from composer.rewards.harmony import PHRASE_BARS
from composer.rewards.measure import Measure, Places
from composer.rewards.melody import interval
from composer.rewards.rhythm import duration
from composer.score import CELL_CODES
from composer.theory import CHORD_CODES
from composer.view import View

if TYPE_CHECKING:
    from composer.rewards.reference import Reference

RUN_NOTES = 6  # notes in one remembered run; shorter ones are common property
MEMORY_SIZE = 2**19
_LONG = 16
_SURPRISES = 12
_COUNTS = 9
_MULTIPLIER = 1_000_003


def run_slots(view: View) -> tuple[Tensor, Tensor]:
    """(B, N) int64 in 0..:data:`MEMORY_SIZE` - 1: the memory slot of the run of six notes that ends at each note.

    A polynomial hash; two runs share a slot by accident about as often as the memory is full. The second tensor is
    False where fewer than six notes have been heard.
    """
    token, here = note_tokens(view)
    slot = torch.zeros_like(token)
    whole = here
    for back in range(RUN_NOTES - 1, -1, -1):
        slot = slot * _MULTIPLIER + torch.nn.functional.pad(token, (back, 0))[:, : token.shape[1]]
        whole = whole & torch.nn.functional.pad(here, (back, 0))[:, : token.shape[1]]
    slot = (slot ^ (slot >> 29)) * 0x2545F4914F6CDD1D
    return (slot >> 40) & (MEMORY_SIZE - 1), whole


def copied_runs(view: View, reference: Reference) -> tuple[Tensor, Tensor]:
    """(B, N) int64: notes in a row, ending at each note, that the corpus has somewhere; and where it is defined."""
    slot, whole = run_slots(view)
    known = reference.memory[slot] & whole
    index = torch.arange(slot.shape[1])
    missed = torch.where(known, -1, index).cummax(1).values
    run = index - missed
    return torch.where(known, run + RUN_NOTES - 1, 0), whole


def copying(view: View, reference: Reference) -> Places:
    """Is the melody lifted from the corpus?

    The grade is 1 up to the longest run that is common between different songs of the corpus
    (:attr:`Reference.common_run`) and falls to 0 at 16 notes more.
    """
    run, here = copied_runs(view, reference)
    excess = (run - reference.common_run).clamp(0, _LONG) / _LONG
    return Places(view.notes.step, 1 - excess, here)


def surprise(view: View, reference: Reference) -> Places:
    """How surprising are the notes of each bar, for the corpus?

    The bin is the mean of ``-log p(interval | motion before) - log p(gap | place in the bar)`` over the bar's notes,
    in half nats (0..11): music that is much more predictable than the corpus is as far from it as noise.
    """
    total = reference.surprise("interval", view, interval(view))
    total = total + reference.surprise("duration", view, duration(view))
    notes = view.notes
    shape = (view.count, view.bar_count)
    mean = torch.zeros(shape).scatter_add_(1, notes.bar, total * notes.here)
    mean = mean / view.bar_onsets.clamp(min=1)
    bins = (mean * 2).floor().long().clamp(0, _SURPRISES - 1)
    return Places(view.bar_end, bins, view.bar_here & (view.bar_onsets > 0))


def _distinct(values: Tensor, codes: int) -> Tensor:
    """(B, M): how many different codes 1..codes - 1 stand in the last axis of (B, M, K); code 0 is not counted."""
    ordered = values.clamp(0, codes - 1).sort(2).values
    fresh = torch.nn.functional.pad(ordered[:, :, 1:] != ordered[:, :, :-1], (1, 0), value=True)
    return (fresh & (ordered > 0)).sum(2)


def pitch_variety(view: View) -> Places:
    """How many different pitches have the last two bars, for the number of their notes?

    The bin is the number of pitches (1..10; 0 for none), the context the number of notes halved (0..10), so that
    the term does not count notes.
    """
    before = torch.nn.functional.pad(view.struck[:, :-1], (0, 0, 1, 0))
    pair = torch.cat([before, view.struck], 2)
    kinds = _distinct(pair, 128).clamp(max=10)
    count = ((pair > 0).sum(2) // 2).clamp(max=10)
    return Places(view.bar_end, kinds, view.bar_here & (torch.arange(view.bar_count) > 0), count)


def _last_phrase(view: View, per_bar: Tensor) -> Tensor:
    """(B, M, 4 * K): what stood in this bar and the three before (B, M, K), 0 before the piece."""
    back = [torch.nn.functional.pad(per_bar, (0, 0, lag, 0))[:, : view.bar_count] for lag in range(PHRASE_BARS)]
    return torch.cat(back, 2)


def chord_variety(view: View) -> Places:
    """How many different chords has each phrase of four bars? The bin is their number (8 and more are one)."""
    kinds = _distinct(_last_phrase(view, view.bar_chords.clamp(min=0)), CHORD_CODES)
    return _at_phrase_ends(view, kinds.clamp(max=_COUNTS - 1))


def rhythm_variety(view: View) -> Places:
    """How many different beats (rhythm cells) has each phrase of four bars? The bin is their number, to 12."""
    kinds = _distinct(_last_phrase(view, view.by_beat(view.score.cell) + 1), CELL_CODES + 1)
    return _at_phrase_ends(view, kinds.clamp(max=12))


def _at_phrase_ends(view: View, bins: Tensor) -> Places:
    ends = torch.arange(view.bar_count) % PHRASE_BARS == PHRASE_BARS - 1
    return Places(view.bar_end, bins, view.bar_here & ends)


MEASURES = (
    Measure("surprise", "novelty", surprise, "neither predictable nor erratic", "mode", _SURPRISES, learned=True),
    Measure("copying", "novelty", copying, "no long runs of notes from the corpus", "mode", contexts=1, learned=True),
    Measure("pitch_variety", "novelty", pitch_variety, "as many different pitches as the corpus", "mode", 11, 11),
    Measure(
        "chord_variety",
        "novelty",
        chord_variety,
        "as many different chords in a phrase as the corpus",
        "mode",
        _COUNTS,
    ),
    Measure(
        "rhythm_variety",
        "novelty",
        rhythm_variety,
        "as many different beats in a phrase as the corpus",
        "meter",
        13,
    ),
)
