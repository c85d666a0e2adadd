"""Harmony: what the chords do, and how the melody sits on them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from composer.rewards.measure import RECENT_CONTEXTS, SHARE_BINS, Measure, Places, recent
from composer.theory import NO_CHORD
from composer.view import (
    BEAT_LEVEL,
    CHORD_CLASS,
    CHORD_CLASSES,
    CHORD_TONES,
    MINOR_KIND,
    TONICS,
    View,
)

PHRASE_BARS = 4

# How final a motion of roots, in semitones above the tonic, sounds at a phrase's end: the four cadences of the
# textbooks (authentic, plagal, half, deceptive) and the subtonic cadence of minor keys, most final first.
_CADENCES = {(7, 0): 1.0, (11, 0): 0.9, (10, 0): 0.8, (5, 0): 0.8, (2, 7): 0.6, (0, 7): 0.5, (5, 7): 0.6}
_CADENCES |= {(9, 7): 0.5, (8, 7): 0.5, (7, 9): 0.4, (7, 8): 0.4}
CADENCE_GRADES = torch.zeros(12, 12)
for _motion, _grade in _CADENCES.items():
    CADENCE_GRADES[_motion] = _grade
# Resting on a chord without having moved to it is a weaker close.
_UNMOVED_TONIC = 0.5
_WITHOUT_LEADING_TONE = 0.6


def root_above_tonic(view: View, chord: Tensor) -> Tensor:
    """(B, K) int64: semitones from the tonic up to the root of each chord code (B, K)."""
    return (chord - 1 - TONICS[view.score.mode][:, None]) % 12


def strong_beats(view: View) -> Places:
    """On beats, does the sounding note belong to the chord?

    The grade is 1 for a chord tone and 0 for another note; a half-bar weighs twice and a barline three times as much
    as a beat (the stronger the beat, the more a dissonance shows).
    """
    here = (view.level >= BEAT_LEVEL) & (view.sounding > 0) & (view.chord != NO_CHORD)
    step = view.steps.expand(view.count, -1)
    return Places(step, view.tone.float(), here, weight=(view.level - BEAT_LEVEL + 1).float())


def dissonance(view: View) -> Places:
    """Is a note outside the chord prepared and resolved?

    The grade of a chord tone is 1. Another note gets a half for being approached and a half for being left by step or
    on the same pitch; passing notes, neighbours and suspensions so have 1. A note that belongs to the chord under
    its last sixteenth (an anticipation) counts as left well.
    """
    notes = view.notes
    size = notes.interval.abs()
    prepared = (size <= 2) & notes.follows
    last = (notes.step + notes.length - 1).clamp(min=0)
    anticipates = CHORD_TONES[view.chord.gather(1, last), notes.pitch % 12]
    left = torch.nn.functional.pad(size[:, 1:] <= 2, (0, 1)) & notes.followed
    grade = torch.where(notes.tone, 1.0, 0.5 * prepared + 0.5 * (left | anticipates))
    return Places(notes.step, grade, notes.here & (notes.chord != NO_CHORD))


def support(view: View) -> Places:
    """Which degree of its chord is each note, for its place in the bar?

    The bin is the note's interval above the chord's root (0..11); the context is the kind of triad and whether the
    note is struck on a beat.
    """
    notes = view.notes
    above = (notes.pitch - (notes.chord - 1)) % 12
    kind = (CHORD_CLASS[notes.chord] - 1).clamp(min=0) // 12
    context = kind * 2 + (notes.level >= BEAT_LEVEL)
    return Places(notes.step, above, notes.here & (notes.chord != NO_CHORD), context)


def progression(view: View) -> Places:
    """Which chord follows which? The bin is the new chord's root and kind, the context those of the one before."""
    chord, before = view.score.chord.long(), view.chord_before
    return Places(view.beat_step, CHORD_CLASS[chord], view.change & (before > 0), CHORD_CLASS[before])


def harmonic_rhythm(view: View) -> Places:
    """How often does the harmony change?

    The share is that of the last four bars' places for a change (two a bar in every metre,
    :attr:`composer.theory.Meter.chord_beats`) at which another chord begins.
    """
    changes = (view.by_beat(view.change) > 0).sum(2)
    places = 2 * view.bar_here
    return recent(view, torch.minimum(changes, places), places)


@dataclass(frozen=True, slots=True)
class Close:
    """How bars end, P of each piece: all (B, P).

    Attributes:
        step: sixteenth of the bar's last note.
        pitch: of that note.
        chord: at the bar's end.
        before: the chord before that one, 0 for none.
        rest: how long it is to the next note, in half-bars, at most 1; halved off the beat.
        known: whether the bar has a note.
    """

    step: Tensor
    pitch: Tensor
    chord: Tensor
    before: Tensor
    rest: Tensor
    known: Tensor


def close_of(view: View, bars: Tensor) -> Close:
    """How the bars (B, P) int64 end."""
    score = view.score
    row, known = (part.gather(1, bars) for part in view.closing_note)
    step, pitch, gap, level = (
        part.gather(1, row) for part in (view.notes.step, view.notes.pitch, view.notes.gap, view.notes.level)
    )
    beat = (view.bar_end.gather(1, bars) // score.beat_steps[:, None]).clamp(max=score.chord.shape[1] - 1)
    rest = (gap / (score.bar_steps[:, None] / 2)).clamp(max=1.0) * torch.where(level >= BEAT_LEVEL, 1.0, 0.5)
    chord = score.chord.long().gather(1, beat)
    return Close(step, pitch, chord, view.chord_before.gather(1, beat), rest, known)


def cadence(view: View) -> Places:
    """Does every fourth bar close, in harmony, rhythm and melody together?

    The grade is the product of three: how final the motion to the bar's last chord is (:data:`CADENCE_GRADES`, less
    where a dominant in minor lacks the raised leading tone); how long it is from the bar's last note to the next one
    (a half-bar and more is 1), halved off the beat; and 1 for a chord tone, 0.3 for another note. A tonic tacked onto
    the last eighth so earns next to nothing. Credit lies at that last note; the context is whether the bar is an
    eighth one.
    """
    bars = torch.arange(view.bar_count)[PHRASE_BARS - 1 :: PHRASE_BARS].expand(view.count, -1)
    close = close_of(view, bars)
    root, origin = root_above_tonic(view, close.chord), root_above_tonic(view, close.before)
    modal = (CHORD_CLASS[close.before] - 1) // 12 == MINOR_KIND
    moved = CADENCE_GRADES[origin, root] * (close.before != NO_CHORD)
    moved = moved * torch.where(modal & (origin == 7), _WITHOUT_LEADING_TONE, 1.0)
    harmony = torch.where((moved == 0) & (root == 0), _UNMOVED_TONIC, moved) * (close.chord != NO_CHORD)
    melody = torch.where(CHORD_TONES[close.chord, close.pitch % 12], 1.0, 0.3)
    context = torch.arange(bars.shape[1]).expand_as(bars) % 2
    return Places(close.step, harmony * close.rest * melody, close.known, context)


def ending(view: View) -> Places:
    """Does the piece come to rest in its last bar?

    The grade is the product of three: the last chord is the tonic's (1, else 0.2); the last note is long
    (:attr:`Close.rest`); it is the tonic (1), another note of the tonic chord (0.6) or none of it (0.2).
    """
    close = close_of(view, (view.score.bars - 1)[:, None])
    home = (root_above_tonic(view, close.chord) == 0) & (close.chord != NO_CHORD)
    tonic = (close.pitch - TONICS[view.score.mode][:, None]) % 12 == 0
    inside = torch.where(home & CHORD_TONES[close.chord, close.pitch % 12], 0.6, 0.2)
    melody = torch.where(tonic, 1.0, inside)
    return Places(close.step, torch.where(home, 1.0, 0.2) * close.rest * melody, close.known)


MEASURES = (
    Measure("strong_beats", "harmony", strong_beats, "chord tones on the beats, the strongest most", "mode"),
    Measure("dissonance", "harmony", dissonance, "notes outside the chord approached and left by step", "mode"),
    Measure("support", "harmony", support, "each note a usual degree of its chord", "mode", 12, 6),
    Measure(
        "progression",
        "harmony",
        progression,
        "chords that follow each other as in the corpus",
        "mode",
        CHORD_CLASSES,
        CHORD_CLASSES,
    ),
    Measure(
        "harmonic_rhythm",
        "harmony",
        harmonic_rhythm,
        "harmony that moves as often as in the corpus",
        "meter",
        SHARE_BINS,
        RECENT_CONTEXTS,
        peak=0.5,
    ),
    Measure("cadence", "harmony", cadence, "every fourth bar closes in chord, rhythm and pitch", "mode", 0, 2),
    Measure("ending", "harmony", ending, "the last bar comes to rest on the tonic", "mode"),
)
