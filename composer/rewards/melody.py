"""Melodic line: its scale, its steps and leaps, its range and its shape."""

from __future__ import annotations

import torch
from torch import Tensor

from composer.rewards.harmony import PHRASE_BARS
from composer.rewards.measure import RECENT_CONTEXTS, SHARE_BINS, Measure, Places, recent
from composer.theory import MODE_INDEX, MODES
from composer.view import TONICS, View

OCTAVE = 12
LEAP = 5  # a fourth and more: the smallest leap that asks for a resolution
_MOTIONS = torch.tensor([-4.5, -2.5, -0.5, 0.5, 2.5, 4.5])
_SPAN = 12

# (modes, 12) bool: the scale as written (C major, A minor), with the raised sixth and seventh in minor.
IN_KEY = torch.tensor([[pitch in mode.pitch_classes for pitch in range(12)] for mode in MODES])
for _degree in (9, 11):
    IN_KEY[MODE_INDEX["minor"], (TONICS[MODE_INDEX["minor"]] + _degree) % 12] = True


def key(view: View) -> Places:
    """Is a note in the key? The grade is 1 in the scale (in minor also the raised sixth and seventh), else 0."""
    notes = view.notes
    return Places(notes.step, IN_KEY[view.score.mode[:, None], notes.pitch % OCTAVE].float(), notes.here)


def interval(view: View) -> Places:
    """Which interval leads to each note, after which motion?

    The bin is the interval, -12..12 semitones (larger ones count as octaves); the context is the interval before it:
    leap, third, step down, the same, step, third, leap up (none before the second note: the same).
    """
    notes = view.notes
    size = notes.interval
    before = torch.nn.functional.pad(size[:, :-1], (1, 0))
    context = torch.bucketize(before.float(), _MOTIONS)
    return Places(notes.step, size.clamp(-OCTAVE, OCTAVE) + OCTAVE, notes.follows, context)


def tendency(view: View) -> Places:
    """Where does each scale degree go? The bin is the note's pitch class, the context that of the note before."""
    notes = view.notes
    before = torch.nn.functional.pad(notes.pitch[:, :-1], (1, 0)) % OCTAVE
    here = notes.follows
    return Places(notes.step, notes.pitch % OCTAVE, here, before)


def leap_resolution(view: View) -> Places:
    """Does a leap of a fourth or more turn back?

    The grade is 1 for going on in the other direction by less than the leap, a half for a step onward or the same
    note, 0 otherwise. Credit lies at the note after the leap, which resolves it. After RL Tuner's leap rule (Jaques
    et al., Sequence Tutor, 2017).
    """
    notes = view.notes
    size = notes.interval
    leap = torch.nn.functional.pad(size[:, :-1], (1, 0))
    here = notes.here & (leap.abs() >= LEAP)
    turned = (size * leap < 0) & (size.abs() < leap.abs())
    grade = torch.where(turned, 1.0, 0.5 * (size.abs() <= 2))
    return Places(notes.step, grade, here)


def repeats(view: View) -> Places:
    """How many of the notes of the last four bars repeat the pitch of the note before?"""
    notes = view.notes
    again = notes.follows & (notes.interval == 0)
    count = torch.zeros(view.count, view.bar_count).scatter_add_(1, notes.bar, again.float())
    return recent(view, count, view.bar_onsets)


def span(view: View) -> Places:
    """How wide is the line over four bars? The bin is highest less lowest note, in whole tones (0..11)."""
    struck = view.struck
    highest = struck.amax(2)
    lowest = torch.where(struck > 0, struck, 128).amin(2)
    if view.bar_count < PHRASE_BARS:
        empty = torch.zeros_like(view.bar_here)
        return Places(view.bar_end, highest * 0, empty)
    high, low = highest.unfold(1, PHRASE_BARS, 1).amax(2), lowest.unfold(1, PHRASE_BARS, 1).amin(2)
    here = view.bar_here[:, PHRASE_BARS - 1 :] & (high > 0)
    wide = ((high - low).clamp(min=0) // 2).clamp(max=_SPAN - 1)
    return Places(view.bar_end[:, PHRASE_BARS - 1 :], wide, here)


def bar_means(view: View) -> Tensor:
    """(B, M) float32: mean pitch of the notes struck in each bar, 0 where none is."""
    return view.struck.sum(2) / view.bar_onsets.clamp(min=1)


def contour(view: View) -> Places:
    """How does the line move from bar to bar?

    The bin is the difference of the bars' mean pitches in whole tones, -5..5; the context the bar's place in its
    phrase of four. Credit lies at the bar's end; bars without notes are left out.
    """
    mean = bar_means(view)
    if view.bar_count < 2:
        return Places(view.bar_end, view.bar_onsets, torch.zeros_like(view.bar_here))
    moved = ((mean[:, 1:] - mean[:, :-1]) / 2).round().long().clamp(-5, 5) + 5
    here = (view.bar_onsets[:, 1:] > 0) & (view.bar_onsets[:, :-1] > 0) & view.bar_here[:, 1:]
    context = (torch.arange(1, view.bar_count) % PHRASE_BARS).expand_as(moved)
    return Places(view.bar_end[:, 1:], moved, here, context)


MEASURES = (
    Measure("key", "melody", key, "notes of the key", "mode"),
    Measure("interval", "melody", interval, "steps and leaps as in the corpus", "mode", 2 * OCTAVE + 1, 7),
    Measure("tendency", "melody", tendency, "scale degrees that go where they tend", "mode", OCTAVE, OCTAVE),
    Measure("leap_resolution", "melody", leap_resolution, "leaps that turn back", "mode"),
    Measure(
        "repeats",
        "melody",
        repeats,
        "as many repeated notes as the corpus has",
        "mode",
        SHARE_BINS,
        RECENT_CONTEXTS,
    ),
    Measure("span", "melody", span, "as wide a range over four bars as in the corpus", "mode", _SPAN),
    Measure("contour", "melody", contour, "a line that rises and falls from bar to bar", "mode", 11, 4),
)
