"""Which earlier bar does each bar recall, and what does it make of it?"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import pad

from composer.plan import HARMONY_RELATIONS, MOST_RECALLED, RELATIONS
from composer.view import View

# A bar belongs to its neighbours: the bar recalled is the one whose surroundings are alike too. Phrases return after
# eight, four or two bars rather than after other numbers.
_NEIGHBOURS = 0.5
_PREFERENCE = {8: 0.06, 4: 0.04, 2: 0.02}
_FORGETTING = 0.002
_HEARD = 0.25
_LOOSE, _VARIED = 0.5, 0.4
_FEW_NOTES = 3


def likenesses(view: View, most: int = MOST_RECALLED) -> Tensor:
    """(L, B, M) float32 in 0..1: how like each bar is to the one 1..L bars before, L at least 1.

    Half is the share of onsets in common, half that of notes in common (Jaccard indices); 0 where either bar is
    silent.
    """
    rows = [
        sum(view.likeness(part, lag)[0] for part in ("melody", "rhythm")) / 2
        for lag in range(1, max(min(view.bar_count - 1, most), 1) + 1)
    ]
    return torch.stack([torch.as_tensor(row) for row in rows])


def recalled_bars(view: View, alike: Tensor) -> Tensor:
    """(B, M) int64: how many bars back the bar lies that each bar recalls; 0 where it recalls none.

    Args:
        view: B pieces of M bars.
        alike: (L, B, M) as from :func:`likenesses`.
    """
    around = pad(alike, (1, 1))
    total = alike + _NEIGHBOURS * (around[:, :, :-2] + around[:, :, 2:])
    lag = torch.arange(1, len(alike) + 1)
    preference = -_FORGETTING * lag.float()
    for multiple, bonus in _PREFERENCE.items():
        preference = preference + bonus * (lag % multiple == 0)
    # Where the piece has not yet so many bars behind it, there is nothing to recall.
    reachable = torch.arange(view.bar_count) >= lag[:, None]
    total = torch.where(reachable[:, None, :], total + preference[:, None, None], -torch.inf)
    best = total.argmax(0)
    heard = alike.gather(0, best[None])[0] >= _HEARD
    return (best + 1) * heard


def _earlier(values: Tensor, lag: Tensor) -> Tensor:
    """(B, M, K): what ``values`` (B, M, K) held ``lag`` (B, M) bars before."""
    bar = (torch.arange(values.shape[1]) - lag).clamp(min=0)
    return values.gather(1, bar[:, :, None].expand_as(values))


def relations(view: View, lag: Tensor) -> tuple[Tensor, Tensor]:
    """What each bar makes of the one it recalls.

    Args:
        view: B pieces of M bars.
        lag: (B, M) bars back, 0 for none.

    Returns:
        (B, M) int64: index into :data:`composer.plan.RELATIONS` of the melody's relation, the closest that holds:
        the same notes (copy); the same rhythm with the line moved by one interval, give or take a semitone
        (sequence), turned upside down (inversion), going up and down at the same places (shape) or anyhow (rhythm);
        two fifths of the notes in common (variation); half the onsets in common (loose); else new.
        And (B, M) int64: index into :data:`composer.plan.HARMONY_RELATIONS`: all beats under the same chord, half of
        them, or fewer.
    """
    now, chords = view.struck, view.bar_chords
    then, chords_then = _earlier(now, lag), _earlier(chords, lag)
    here, there = now > 0, then > 0
    either = (here | there).sum(2).clamp(min=1)
    rhythm = (here & there).sum(2) / either
    notes = (here & (now == then)).sum(2) / either
    same_rhythm = (rhythm >= 1) & here.any(2)
    enough = same_rhythm & (here.sum(2) >= _FEW_NOTES)
    moved = torch.where(here, now - then, 0)
    farthest, nearest = moved.amax(2), torch.where(here, now - then, 127).amin(2)
    sequence = enough & (farthest - nearest <= 1) & ((farthest != 0) | (nearest != 0))
    step_now, step_then = _moves(now), _moves(then)
    shape = enough & (step_now.sign() == step_then.sign()).all(2)
    inversion = enough & (step_now.sign() == -step_then.sign()).all(2) & (step_then != 0).any(2)
    found = torch.zeros_like(lag)
    for name, holds in (
        ("loose", rhythm >= _LOOSE),
        ("variation", notes >= _VARIED),
        ("rhythm", same_rhythm),
        ("shape", shape),
        ("inversion", inversion),
        ("sequence", sequence),
        ("copy", (notes >= 1) & here.any(2)),
    ):
        found = torch.where(holds, RELATIONS.index(name), found)
    beats = chords >= 0
    same = ((chords == chords_then) & beats).sum(2) / beats.sum(2).clamp(min=1)
    harmony = torch.where(same >= 1, HARMONY_RELATIONS.index("same"), (same >= _LOOSE).long())
    known = lag > 0
    return found * known, harmony * known


def _moves(struck: Tensor) -> Tensor:
    """(B, M, S) int64: semitones from the note before in the bar to each note; 0 at its first and between notes."""
    place = torch.arange(struck.shape[2])
    latest = torch.where(struck > 0, place, -1).cummax(2).values
    before = pad(latest[:, :, :-1], (1, 0), value=-1)
    known = (struck > 0) & (before >= 0)
    return torch.where(known, struck - struck.gather(2, before.clamp(min=0)), 0)
