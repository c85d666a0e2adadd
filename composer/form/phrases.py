"""Where do phrases end, which of them belong to one section, and how do they close?"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import pad

from composer.plan import CADENCES, LETTERS, LONGEST_PHRASE, SECTIONS
from composer.theory import NO_CHORD
from composer.view import TONICS, View

# What a phrase of 1..12 bars costs: eight bars and four are the rule in song and dance.
_COSTS = (1.6, 1.0, 1.2, 0.25, 1.1, 0.8, 1.1, 0.0, 1.3, 1.0, 1.5, 0.8)
_NEW_RECALL = 0.3
_ENTRY = 0.6
_ALIKE = 0.4
_SILENT = 0.5

# Motions of roots in semitones above the tonic that close a phrase; those not named close nothing. A phrase that ends
# on the dominant closes half, whatever went before.
_MOTIONS = {
    "authentic": ((7, 0), (11, 0), (10, 0), (2, 0)),
    "plagal": ((5, 0), (8, 0), (9, 0)),
    "deceptive": ((7, 9), (7, 8), (7, 5), (4, 9)),
    "half": tuple((root, 7) for root in range(12)),
}
_CLOSES = torch.zeros(13, 12, dtype=torch.int64)
for _name, _pairs in _MOTIONS.items():
    for _pair in _pairs:
        _CLOSES[_pair] = CADENCES.index(_name)
_CLOSES[12, 7] = CADENCES.index("half")


def phrase_ends(view: View, lag: Tensor) -> Tensor:
    """(B, M) bool: the bars that phrases end with, the piece's last among them.

    The phrases are those of the least cost (dynamic programming over their ends): a phrase is cheap that has eight or
    four bars, ends with a long note or a rest, and after which other bars begin to be recalled or the melody enters.

    Args:
        view: B pieces of M bars.
        lag: (B, M) the bars recalled (:func:`composer.form.recalls.recalled_bars`).
    """
    notes, bars = view.notes, view.bar_count
    gap = torch.zeros(view.count, bars)
    gap = gap.scatter_reduce_(1, notes.bar, notes.gap * notes.here / view.score.bar_steps[:, None], "amax")
    strength = torch.where(view.bar_onsets > 0, gap.clamp(max=1.25), _SILENT)
    strength = strength - (strength * view.bar_here).sum(1, keepdim=True) / view.score.bars[:, None]
    strength = strength + _NEW_RECALL * (lag != pad(lag[:, 1:], (0, 1)))
    played = view.bar_onsets > 0
    strength = strength + _ENTRY * (played != pad(played[:, 1:], (0, 1)))
    costs = torch.tensor(_COSTS)
    best = torch.full((view.count, bars + 1), -torch.inf)
    best[:, 0] = 0.0
    chosen = torch.zeros(view.count, bars + 1, dtype=torch.int64)
    for end in range(1, bars + 1):
        most = min(end, LONGEST_PHRASE)
        options = best[:, end - most : end].flip(1) - costs[:most]
        value, index = options.max(1)
        best[:, end] = value + strength[:, end - 1]
        chosen[:, end] = index + 1
    ends = torch.zeros(view.count, bars + 1, dtype=torch.bool)
    at = view.score.bars.clone()
    rows = torch.arange(view.count)
    while bool((at > 0).any()):
        ends[rows, at] = True
        at = (at - chosen[rows, at]).clamp(min=0)
    return ends[:, 1:]


def places(ends: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """From the phrases' last bars (B, M) bool: each bar's phrase, its place in it, and how many bars it has left.

    All three are (B, M) int64 and count from 0.
    """
    bar = torch.arange(ends.shape[1]).expand(ends.shape)
    begins = pad(ends[:, :-1], (1, 0), value=True)
    phrase = begins.cumsum(1) - 1
    start = torch.where(begins, bar, 0).cummax(1).values
    last = torch.where(ends, bar, ends.shape[1]).flip(1).cummin(1).values.flip(1).clamp(max=ends.shape[1] - 1)
    return phrase, bar - start, last - bar


def sections(view: View, ends: Tensor, alike: Tensor) -> Tensor:
    """(B, M) int64: index into :data:`composer.plan.SECTIONS` of each bar's section.

    Phrases that are alike from their first bars on share a letter. Phrases at the beginning and the end of which most
    bars have no melody are intro and outro.

    Args:
        view: B pieces of M bars.
        ends: (B, M) bool, the bars phrases end with.
        alike: (L, B, M) as from :func:`composer.form.recalls.likenesses`.
    """
    found = torch.zeros(view.count, view.bar_count, dtype=torch.int64)
    played = view.bar_onsets > 0
    for row, length in enumerate(view.score.bars.tolist()):
        stops = (ends[row, :length].nonzero().flatten() + 1).tolist()
        spans = list(zip([0, *stops[:-1]], stops, strict=True))
        silent = [2 * int(played[row, start:stop].sum()) < stop - start for start, stop in spans]
        first = silent.index(False) if False in silent else 0
        last = len(silent) - silent[::-1].index(False) if False in silent else len(silent)
        named: list[tuple[int, int, int]] = []
        for index, (start, stop) in enumerate(spans):
            if index < first or index >= last:
                found[row, start:stop] = SECTIONS.index("intro" if index < first else "outro")
                continue
            letter = next((name for *span, name in named if _same(alike, row, span, (start, stop))), None)
            if letter is None:
                letter = min(len({name for *_, name in named}), len(LETTERS) - 1)
            named.append((start, stop, letter))
            found[row, start:stop] = SECTIONS.index(LETTERS[letter])
    return found


def _same(alike: Tensor, row: int, earlier: list[int], later: tuple[int, int]) -> bool:
    lag = later[0] - earlier[0]
    if lag > len(alike):
        return False
    common = min(earlier[1] - earlier[0], later[1] - later[0])
    return float(alike[lag - 1, row, later[0] : later[0] + common].mean()) >= _ALIKE


def cadences(view: View) -> Tensor:
    """(B, M) int64: index into :data:`composer.plan.CADENCES` of how the harmony of each bar closes."""
    beat = (view.bar_end // view.score.beat_steps[:, None]).clamp(max=view.score.chord.shape[1] - 1)
    chord, before = view.score.chord.long().gather(1, beat), view.chord_before.gather(1, beat)
    tonic = TONICS[view.score.mode][:, None]
    root = (chord - 1 - tonic) % 12
    origin = torch.where(before == NO_CHORD, 12, (before - 1 - tonic) % 12)
    return _CLOSES[origin, root] * (chord != NO_CHORD)
