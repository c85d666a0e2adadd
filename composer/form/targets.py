"""How much of what: register, density and the other quantities of real phrases and pieces, sorted into classes."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from composer.figures import heard_before
from composer.plan import LOWEST_REGISTER, REGISTER_STEP, REGISTERS, TARGETS
from composer.score import REST
from composer.theory import CHORD_CODES, MODES, NO_CHORD, chord_pitch_classes, chord_quality
from composer.view import BEAT_LEVEL, View

_TRIADS = ("major", "minor", "diminished", "augmented")
_COLOURED = torch.tensor([code > 0 and chord_quality(code).name not in _TRIADS for code in range(CHORD_CODES)])
_RAISED_SEVENTH = 11
_LONGEST_GAP = 32
# (modes, CHORD_CODES): chords with a tone from outside the key; the raised leading tone of minor belongs to it.
_BORROWED = torch.tensor(
    [
        [
            not chord_pitch_classes(code)
            <= mode.pitch_classes | {(mode.reference_tonic + _RAISED_SEVENTH) % 12 if mode.name == "minor" else 0}
            for code in range(CHORD_CODES)
        ]
        for mode in MODES
    ]
)


def registers(view: View) -> Tensor:
    """(B, M) int64: class of the mean pitch of each bar's notes, from 1; 0 where none is struck."""
    count = view.bar_onsets
    mean = view.struck.sum(2) / count.clamp(min=1)
    return (1 + ((mean - LOWEST_REGISTER) / REGISTER_STEP + 1).floor().long().clamp(0, REGISTERS - 1)) * (count > 0)


def climaxes(view: View) -> Tensor:
    """(B, M) bool: the bars in which the piece's highest note is struck."""
    highest = view.struck.amax(2)
    return (highest == highest.amax(1, keepdim=True)) & (highest > 0)


def quantities(view: View) -> Mapping[str, tuple[Tensor, Tensor]]:
    """For every target the sums (B, M) float32 over each bar whose ratio is the quantity.

    Their names are those of :data:`composer.plan.TARGETS`; those that are no ratios are in :func:`of_pieces`.
    """
    score, notes = view.score, view.notes
    shape = (view.count, view.bar_count)

    def by_bar(values: Tensor) -> Tensor:
        return torch.zeros(shape).scatter_add_(1, notes.bar, (values & notes.here).float())

    struck = view.bar_onsets.float()
    steps = view.in_bars(view.valid.long()).sum(2).float()
    sounding = view.in_bars((view.sounding > 0).long()).sum(2).float()
    chords = view.bar_chords
    with_chord = (chords > NO_CHORD).sum(2).float()
    follows = by_bar(notes.follows)
    moved = torch.zeros(shape).scatter_add_(1, notes.bar, notes.interval.abs().float() * notes.follows)
    heard, known = heard_before(view)
    size = notes.interval.abs()
    borrowed = _BORROWED[score.mode[:, None, None], chords.clamp(min=0)]
    return {
        "density": (struck, (chords >= 0).sum(2).float()),
        "off beat": (by_bar(notes.level < BEAT_LEVEL), struck),
        "off eighth": (by_bar(notes.level == 0), struck),
        "rests": (view.in_bars(((view.action == REST) & view.valid).long()).sum(2).float(), steps),
        "harmonic rhythm": ((view.by_beat(view.change) > 0).sum(2).float(), view.bar_here.float()),
        "eighths": (by_bar(notes.gap == 2), struck),
        "figures": (by_bar(heard), by_bar(known)),
        "movement": (moved, follows),
        "steps": (by_bar((size > 0) & (size <= 2) & notes.follows), follows),
        "repeated notes": (by_bar((notes.interval == 0) & notes.follows), follows),
        "coloured chords": (_COLOURED[chords.clamp(min=0)].sum(2).float(), with_chord),
        "borrowed chords": ((borrowed & (chords > NO_CHORD)).sum(2).float(), with_chord),
        "chord tones": (view.in_bars(view.tone.long()).sum(2).float(), sounding),
    }


def of_pieces(view: View) -> Mapping[str, Tensor]:
    """The quantities (B,) float32 of whole pieces that are no ratios of sums, NaN where there are none."""
    notes = view.notes
    highest = view.struck.amax((1, 2))
    lowest = torch.where(view.struck > 0, view.struck, 127).amin((1, 2))
    gaps = torch.zeros(view.count, _LONGEST_GAP + 1)
    gaps.scatter_add_(1, notes.gap.clamp(max=_LONGEST_GAP), notes.here.float())
    share = gaps / notes.here.sum(1, keepdim=True)
    return {
        "span": torch.where(highest > 0, (highest - lowest).float(), torch.nan),
        "rhythmic variety": -torch.xlogy(share, share).sum(1) / math.log(2),
    }


def measured(view: View, phrase: Tensor) -> Tensor:
    """(B, M, targets) float32: the quantity of every target over each bar's phrase or piece, NaN where there is none.

    Args:
        view: B pieces of M bars.
        phrase: (B, M) int64, the phrase of each bar.
    """
    sums, wholes = quantities(view), of_pieces(view)
    found = []
    for target in TARGETS:
        if target.name in wholes:
            found.append(wholes[target.name][:, None].expand(phrase.shape))
            continue
        part, whole = (values * view.bar_here for values in sums[target.name])
        if target.over == "phrase":
            part, whole = (torch.zeros_like(v).scatter_add_(1, phrase, v).gather(1, phrase) for v in (part, whole))
        else:
            part, whole = (v.sum(1, keepdim=True).expand(phrase.shape) for v in (part, whole))
        found.append(part / whole)
    return torch.stack(found, 2)


def classes(measures: Tensor) -> Tensor:
    """(B, M, targets) int64: the class of every quantity of :func:`measured`, from 1; 0 where it is NaN."""
    columns = [
        torch.where(value.isnan(), 0, 1 + torch.bucketize(value.nan_to_num(), torch.tensor(target.edges)))
        for value, target in zip(measures.unbind(2), TARGETS, strict=True)
    ]
    return torch.stack(columns, 2)
