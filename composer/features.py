"""Features of finished scores: one number a piece each, over melody, rhythm, harmony and structure.

They describe and do not judge; two sets of pieces are compared by the distributions of these numbers. A feature that
does not exist for a piece (how leaps are resolved in a piece without leaps) is NaN there.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from composer.figures import heard_before
from composer.rewards.form import relation_to_earlier
from composer.rewards.harmony import PHRASE_BARS, cadence, dissonance, root_above_tonic
from composer.rewards.measure import Places
from composer.rewards.melody import IN_KEY, bar_means, leap_resolution
from composer.rewards.rhythm import syncopated
from composer.score import REST, Score
from composer.theory import CHORD_QUALITIES, NO_CHORD
from composer.view import (
    BAR_LEVEL,
    BEAT_LEVEL,
    CHORD_CLASS,
    CHORD_TONES,
    HALF_BAR_LEVEL,
    TONICS,
    View,
)

LAGS = (1, 2, 4, 8)
_INTERVALS = {
    "repeat": (0, 0),
    "step_up": (1, 2),
    "step_down": (-2, -1),
    "third_up": (3, 4),
    "third_down": (-4, -3),
    "leap_up": (5, 7),
    "leap_down": (-7, -5),
    "wide_leap_up": (8, 127),
    "wide_leap_down": (-127, -8),
}
_GAPS = {"1": (1, 1), "2": (2, 2), "3": (3, 3), "4": (4, 4), "5_to_8": (5, 8), "longer": (9, 1 << 30)}
_ROOT_MOTIONS = {
    "same_root": (0,),
    "second_up": (1, 2),
    "second_down": (10, 11),
    "third_up": (3, 4),
    "third_down": (8, 9),
    "fourth_up": (5,),
    "fifth_up": (7,),
    "tritone": (6,),
}
_QUALITY_KINDS = {
    "major": ("major", "major-sixth"),
    "minor": ("minor", "minor-sixth"),
    "dominant": ("dominant-seventh", "dominant-seventh-suspended"),
    "seventh": ("major-seventh", "minor-seventh"),
    "suspended": ("suspended-fourth", "suspended-second"),
    "diminished": ("diminished", "half-diminished", "diminished-seventh", "augmented"),
}


def features(score: Score) -> dict[str, Tensor]:
    """About a hundred features of each piece.

    Returns:
        (B,) float32 tensors by name; names begin with ``melody/``, ``rhythm/``, ``harmony/`` or ``structure/``.
        Shares lie in 0..1; pitches and intervals are in semitones, gaps in sixteenths, entropies in bits.
    """
    view = View(score)
    found: dict[str, Tensor] = {}
    for group, function in _GROUPS.items():
        for name, value in function(view):
            found[f"{group}/{name}"] = value.float()
    return found


def share(part: Tensor, whole: Tensor) -> Tensor:
    """(B,): how much of ``whole`` (B, K) bool is ``part`` (B, K) bool too; NaN where it is empty."""
    return (part & whole).sum(1) / whole.sum(1)


def entropy(counts: Tensor) -> Tensor:
    """(B,) bits: Shannon entropy of counts (B, K); NaN where there are none."""
    chance = counts / counts.sum(1, keepdim=True)
    return -torch.xlogy(chance, chance).sum(1) / math.log(2)


def mean(value: Tensor, here: Tensor) -> Tensor:
    """(B,): mean of ``value`` (B, K) where ``here``; NaN where that is nowhere."""
    return (value * here).sum(1) / here.sum(1)


def deviation(value: Tensor, here: Tensor) -> Tensor:
    """(B,): standard deviation of ``value`` (B, K) where ``here``."""
    centred = value - mean(value, here)[:, None]
    return mean(centred**2, here).clamp(min=0).sqrt()


def graded(places: Places) -> Tensor:
    """(B,): mean grade of the places of a level term."""
    return mean(places.value, places.here)


def _histogram(values: Tensor, here: Tensor, size: int) -> Tensor:
    counts = torch.zeros(values.shape[0], size)
    return counts.scatter_add_(1, torch.where(here, values, 0), here.float())


def _distinct(codes: Tensor, here: Tensor) -> Tensor:
    """(B,): number of different codes (B, K) >= 0 where ``here``."""
    ordered = torch.where(here, codes, -1).sort(1).values
    fresh = torch.nn.functional.pad(ordered[:, 1:] != ordered[:, :-1], (1, 0), value=True)
    return (fresh & (ordered >= 0)).sum(1)


def _melody(view: View) -> Iterator[tuple[str, Tensor]]:
    notes = view.notes
    tonic = TONICS[view.score.mode][:, None]
    degree = (notes.pitch - tonic) % 12
    for step in range(12):
        yield f"degree_{step}", share(degree == step, notes.here)
    size, follows = notes.interval, notes.follows
    for name, (low, high) in _INTERVALS.items():
        yield name, share((size >= low) & (size <= high), follows)
    yield "mean_interval", mean(size.abs().float(), follows)
    pitch = notes.pitch.float()
    highest = notes.pitch.amax(1)
    lowest = torch.where(notes.here, notes.pitch, 128).amin(1)
    yield "range", torch.where(highest > 0, highest - lowest, 0)
    yield "mean_pitch", mean(pitch, notes.here)
    yield "pitch_deviation", deviation(pitch, notes.here)
    peak = notes.here & (notes.pitch == highest[:, None])
    yield "times_at_maximum", share(peak, notes.here)
    yield "unique_maximum", (peak.sum(1) == 1).float()
    yield "unique_minimum", ((notes.here & (notes.pitch == lowest[:, None])).sum(1) == 1).float()
    first = torch.where(peak, notes.step, view.width).amin(1).float()
    yield "maximum_at", torch.where(highest > 0, first / view.score.steps, torch.nan)
    yield "pitches", _distinct(notes.pitch, notes.here)
    yield "pitch_entropy", entropy(_histogram(notes.pitch, notes.here, 128))
    yield "interval_entropy", entropy(_histogram(size.clamp(-24, 24) + 24, follows, 49))
    yield "in_key", share(IN_KEY[view.score.mode[:, None], notes.pitch % 12], notes.here)
    yield "leaps_resolved", graded(leap_resolution(view))
    turns = follows & torch.nn.functional.pad(follows[:, :-1], (1, 0))
    before = torch.nn.functional.pad(size[:, :-1], (1, 0))
    yield "turns", share(size * before < 0, turns)
    index = torch.arange(size.shape[1])
    started = torch.where((size != 0) | (index == 0), index, 0).cummax(1).values
    yield "longest_repeat", ((index - started + 1) * notes.here).amax(1)
    bars, sung = bar_means(view), view.bar_onsets > 0
    both = sung[:, 1:] & sung[:, :-1]
    yield "bar_motion", mean((bars[:, 1:] - bars[:, :-1]).abs(), both)
    yield "register_deviation", deviation(bars, sung)


def _rhythm(view: View) -> Iterator[tuple[str, Tensor]]:
    notes, score = view.notes, view.score
    here = notes.here
    onsets = view.bar_onsets.float()
    yield "density", mean(onsets, view.bar_here)
    yield "density_deviation", deviation(onsets, view.bar_here)
    yield "empty_bars", share(view.bar_onsets == 0, view.bar_here)
    yield "rest_share", share(view.action == REST, view.valid)
    for name, (low, high) in _GAPS.items():
        yield f"gap_{name}", share((notes.gap >= low) & (notes.gap <= high), here)
    yield "gap_entropy", entropy(_histogram(notes.gap.clamp(max=32), here, 33))
    yield "longest_gap", notes.gap.amax(1) / score.bar_steps
    yield "sustain", notes.length.sum(1) / notes.gap.sum(1)
    yield "on_barline", share(notes.level == BAR_LEVEL, here)
    yield "on_half_bar", share(notes.level == HALF_BAR_LEVEL, here)
    yield "on_beat", share(notes.level == BEAT_LEVEL, here)
    yield "off_beat", share(notes.level < BEAT_LEVEL, here)
    yield "off_eighth", share(notes.level == 0, here)
    yield "syncopation", share(syncopated(view), here)
    pair = here & notes.followed
    after = torch.nn.functional.pad(notes.gap[:, 1:], (0, 1))
    contrast = (notes.gap - after).abs() / ((notes.gap + after) / 2).clamp(min=1)
    # The normalised pairwise variability index (Grabe and Low 2002), here of 0..2.
    yield "pairwise_variability", mean(contrast, pair)
    cell = score.cell.long()
    beats = torch.arange(cell.shape[1]) < score.beats[:, None]
    yield "beat_patterns", _distinct(cell, beats)
    yield "beat_pattern_entropy", entropy(_histogram(cell, beats, 3**6))
    rhythms = _bar_code(view.struck > 0)
    yield "bar_rhythms", _distinct(rhythms, view.bar_here) / score.bars
    row, known = view.closing_note
    closing = notes.gap.gather(1, row) / score.bar_steps[:, None]
    fourth = torch.arange(view.bar_count) % PHRASE_BARS == PHRASE_BARS - 1
    yield "phrase_end_gap", mean(closing, known & fourth)
    yield "inner_bar_gap", mean(closing, known & ~fourth)
    pickup = (notes.bar % PHRASE_BARS == PHRASE_BARS - 1) & (
        notes.place >= (score.bar_steps - score.beat_steps)[:, None]
    )
    yield "pickups", share(pickup, here & (notes.bar % PHRASE_BARS == PHRASE_BARS - 1))
    yield "phrase_on_barline", share(view.struck[:, :, 0] > 0, view.bar_here & fourth.roll(1))


def _harmony(view: View) -> Iterator[tuple[str, Tensor]]:
    score, notes = view.score, view.notes
    chord = score.chord.long()
    beats = torch.arange(chord.shape[1]) < score.beats[:, None]
    sounding = beats & (chord != NO_CHORD)
    moves = view.change & (view.chord_before > 0)
    yield "changes", view.change.sum(1) / score.bars
    level = view.level.gather(1, view.beat_step)
    yield "changes_on_barline", share(level == BAR_LEVEL, moves)
    root = root_above_tonic(view, chord)
    motion = (root - root_above_tonic(view, view.chord_before)) % 12
    for name, steps in _ROOT_MOTIONS.items():
        yield name, share(torch.isin(motion, torch.tensor(steps)), moves)
    for degree in (0, 2, 3, 4, 5, 7, 8, 9, 10, 11):
        yield f"root_{degree}", share(root == degree, sounding)
    quality = (chord - 1) // 12
    names = [quality.name for quality in CHORD_QUALITIES]
    for name, members in _QUALITY_KINDS.items():
        yield name, share(torch.isin(quality, torch.tensor([names.index(row) for row in members])), sounding)
    yield "no_chord", share(chord == NO_CHORD, beats)
    yield "chords", _distinct(chord, sounding)
    yield "chord_entropy", entropy(_histogram(CHORD_CLASS[chord], sounding, 37))
    heard = (view.sounding > 0) & (view.chord != NO_CHORD)
    yield "strong_beat_chord_tones", share(view.tone, heard & (view.level >= HALF_BAR_LEVEL))
    yield "beat_chord_tones", share(view.tone, heard & (view.level >= BEAT_LEVEL))
    yield "chord_tones", share(view.tone, heard)
    yield "alignment", alignment(view)
    above = (notes.pitch - (notes.chord - 1)) % 12
    known = notes.here & (notes.chord != NO_CHORD)
    for name, size in {"on_root": (0,), "on_third": (3, 4), "on_fifth": (7,), "on_seventh": (10, 11)}.items():
        yield name, share(torch.isin(above, torch.tensor(size)), known)
    yield "dissonance_treated", graded(dissonance(view))
    close = cadence(view)
    yield "cadence_grade", graded(close)
    yield "cadence_share", share(close.value >= 0.3, close.here)
    fourth = slice(PHRASE_BARS - 1, None, PHRASE_BARS)
    ends = view.bar_chords[:, fourth].amax(2) > 0
    last = chord.gather(1, (view.bar_end[:, fourth] // score.beat_steps[:, None]).clamp(max=chord.shape[1] - 1))
    yield "phrases_on_tonic", share(root_above_tonic(view, last) == 0, ends)
    yield "phrases_on_dominant", share(root_above_tonic(view, last) == 7, ends)


def alignment(view: View) -> Tensor:
    """(B,): chord-tone coverage of the melody less the same with the chords two bars later in its place.

    Both are shares of the sounding sixteenths under a chord; the chords are moved around the piece's end. Melody
    and harmony that were written for each other fit better than any other chords of the same piece; 0 means that the
    two were not.
    """
    score = view.score
    moved = (view.steps + 2 * score.bar_steps[:, None]) % score.steps[:, None].clamp(min=1)
    other = view.chord.gather(1, moved.clamp(max=view.width - 1))
    heard = view.sounding > 0
    fits = CHORD_TONES[other, view.sounding % 12]
    return share(view.tone, heard & (view.chord != NO_CHORD)) - share(fits, heard & (other != NO_CHORD))


def _structure(view: View) -> Iterator[tuple[str, Tensor]]:
    for part in ("melody", "rhythm", "harmony"):
        for lag in LAGS:
            yield f"{part}_like_{lag}_before", mean(*view.likeness(part, lag))
    best, known = relation_to_earlier(view)
    for name, relation in {"new_bars": 0, "varied_bars": 1, "same_rhythm_bars": 2, "moved_bars": 3}.items():
        yield name, share(best == relation, known)
    yield "copied_bars", share(best == 4, known)
    yield "figures_heard_before", share(*heard_before(view))
    pitches = _bar_code(view.struck)
    yield "different_bars", _distinct(pitches, view.bar_here) / view.score.bars
    chords = _bar_code(view.bar_chords.clamp(min=0))
    yield "different_harmonies", _distinct(chords, view.bar_here) / view.score.bars
    melody8, known8 = view.likeness("melody", 2 * PHRASE_BARS)
    yield "most_like_8_before", (melody8 * known8).amax(1)


def _bar_code(bars: Tensor) -> Tensor:
    """(B, M) int64 >= 0: a number for what stands in each bar (B, M, K), the same for the same content."""
    code = torch.zeros(bars.shape[:2], dtype=torch.int64)
    for index in range(bars.shape[2]):
        code = code * 1_000_003 + bars[:, :, index] + 1
    return code & 0x7FFF_FFFF_FFFF


_GROUPS = {"melody": _melody, "rhythm": _rhythm, "harmony": _harmony, "structure": _structure}
