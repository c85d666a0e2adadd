"""RL Tuner's rules on rows of events, one a sixteenth: what its Table 1 counts, and rewards that ask for it.

The rules are those of Jaques, Gu, Turner and Eck, "Tuning Recurrent Neural Networks with Reinforcement Learning"
(2017, https://arxiv.org/abs/1611.02796), as its published code counts them. An event is 0 where a note is ended, 1
where nothing happens, and 2..37 where MIDI 48..83 is struck; melodies are read as written, in C. The rules are kept
apart from the table of terms (:mod:`composer.rewards.terms`): they ask for what real music does not do, so they would
fail its audit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from composer.rewards.measure import RewardError
from composer.rewards.melody import IN_KEY
from composer.score import Score
from composer.theory import MODE_INDEX
from composer.vocabulary import AGENTS

NOTE_OFF, NO_EVENT, FIRST_NOTE = 0, 1, 2
LOWEST, HIGHEST = 48, 83
MIDDLE_C = 60 - LOWEST + FIRST_NOTE
FIFTH = 7
MOTIF_STEPS = 8
BAR = 16
MOTIF_PITCHES = 3
LAGS = (1, 2, 3)
# How often an event may have come before, with nothing else between and with holds or rests between.
_REPEATS, _REPEATS_APART, _NOTE_OFFS = 4, 6, 1
# Events an unresolved leap must stand before a leap back counts as its resolution.
_EVENTS_BEFORE_LEAP_BACK = 6


def events(score: Score) -> Tensor:
    """(B, T) int64: melodies as events; a note beyond their range is moved there by octaves.

    Raises:
        RewardError: if the pieces are not all of one length: the events of a batch stand side by side.
    """
    if bool((score.steps != score.pitch.shape[1]).any()):
        raise RewardError("RL Tuner's rules are for pieces of one length: take excerpts of two bars in one metre")
    pitch = score.pitch.long()
    below = ((LOWEST - pitch).clamp(min=0) + 11) // 12
    above = ((pitch - HIGHEST).clamp(min=0) + 11) // 12
    note = pitch + 12 * (below - above) - LOWEST + FIRST_NOTE
    sounds = score.sounding() > 0
    ends = ~sounds & torch.nn.functional.pad(sounds[:, :-1], (1, 0))
    return torch.where(score.onset(), note, torch.where(ends, NOTE_OFF, NO_EVENT))


def excessively_repeated(event: Tensor) -> Tensor:
    """(B, T) bool: the event came too often since another pitch was struck.

    Too often is more than four times before, more than six where holds or rests lie between, and more than once for
    the end of a note. A note held for more than six sixteenths is excessively repeated, too: holding is an event.
    """
    place = torch.arange(event.shape[1])
    earlier = place[None, :] < place[:, None]  # (T, T): [now, then]
    now, then = event[:, :, None], event[:, None, :]
    other_pitch = earlier & (then >= FIRST_NOTE) & (then != now)
    since = torch.where(other_pitch, place, -1).amax(2, keepdim=True)
    within = earlier & (place > since)
    same = (within & (then == now)).sum(2)
    apart = (within & (then != now)).any(2)
    often = same > torch.where(apart, _REPEATS_APART, _REPEATS)
    return often | ((event == NOTE_OFF) & (same > _NOTE_OFFS))


def not_in_key(event: Tensor) -> Tensor:
    """(B, T) bool: a note outside of C major is struck."""
    return (event >= FIRST_NOTE) & ~IN_KEY[MODE_INDEX["major"]][(event - FIRST_NOTE) % 12]


def leap_outcomes(event: Tensor) -> tuple[Tensor, Tensor]:
    """(B, T) bool each: a leap of a fifth or more is resolved by this event, or doubled by another in its direction.

    A leap stands open until it is resolved: by a return, without a leap, to the note it left or beyond it, or by a
    leap back after more than six events. An earlier leap back closes it and counts for nothing.
    """
    size, length = event.shape
    resolved, doubled = (torch.zeros(size, length, dtype=torch.bool) for _ in range(2))
    direction, left, since, last = (torch.zeros(size, dtype=torch.int64) for _ in range(4))
    for step in range(length):
        now = event[:, step]
        note = now >= FIRST_NOTE
        moved = (now - last) * (note & (last >= FIRST_NOTE))
        leap = moved.abs() >= FIFTH
        way = moved.sign()
        back, first = leap & (direction * way < 0), leap & (direction == 0)
        doubled[:, step] = leap & (direction * way > 0)
        returned = note & ~leap & (direction * (now - left) <= 0) & (direction != 0)
        resolved[:, step] = returned | (back & (since > _EVENTS_BEFORE_LEAP_BACK))
        left = torch.where(first, last, left)
        direction = torch.where(first, way, direction * ~(back | returned))
        since = (since + (step > 0)) * ~leap
        last = torch.where(note, now, last)
    return resolved, doubled


def motif(event: Tensor) -> Tensor:
    """(B, T) bool: at least three pitches are struck in the eight events that end here; never in the first seven."""
    ordered = _windows(event).sort(2).values
    new = torch.nn.functional.pad(ordered[:, :, 1:] != ordered[:, :, :-1], (1, 0), value=True)
    return _from_eighth((new & (ordered >= FIRST_NOTE)).sum(2) >= MOTIF_PITCHES)


def repeated_motif(event: Tensor) -> Tensor:
    """(B, T) bool: a motif ends here whose eight events stand earlier in the piece, too, without overlap."""
    windows = _windows(event)
    place = torch.arange(windows.shape[1])
    apart = place[None, :] <= place[:, None] - MOTIF_STEPS
    again = ((windows[:, :, None] == windows[:, None, :]).all(3) & apart).any(2)
    return motif(event) & _from_eighth(again)


def highest_is_unique(event: Tensor) -> Tensor:
    """(B, T) bool: the largest event so far was heard once; at the last place, for the whole piece."""
    return _largest_so_far_is_unique(event)


def lowest_is_unique(event: Tensor) -> Tensor:
    """(B, T) bool: the lowest note so far was struck once; at the last place, for the whole piece."""
    return _largest_so_far_is_unique(torch.where(event >= FIRST_NOTE, -event, -1000)) & _struck_yet(event)


def autocorrelation(values: Tensor, count: Tensor, lag: int) -> tuple[Tensor, Tensor]:
    """The correlation of rows of numbers with themselves ``lag`` places later.

    ``sum over t of (x[t] - mean) (x[t - lag] - mean) / (n variance)``, which a finite row of chance values does not
    make 0 but about ``-1 / n``.

    Args:
        values: (B, N).
        count: (B,) how many values of each row count, from the first.
        lag: at least 1.

    Returns:
        (B,) float64 and (B,) bool: False, and a correlation of 0, where all values are alike or there are too few.
    """
    here = torch.arange(values.shape[1]) < count[:, None]
    exact = values.double() * here
    centred = (exact - exact.sum(1, keepdim=True) / count.clamp(min=1)[:, None]) * here
    energy = centred.square().sum(1)
    defined = (energy > 1e-9) & (count > lag)
    product = (centred[:, lag:] * centred[:, :-lag]).sum(1)
    return torch.where(defined, product / energy.clamp(min=1e-9), 0.0), defined


def autocorrelations(event: Tensor) -> Tensor:
    """(3, B) float64: :func:`autocorrelation` of rows of events for every one of :data:`LAGS`."""
    count = torch.full((len(event),), event.shape[1])
    return torch.stack([autocorrelation(event, count, lag)[0] for lag in LAGS])


def at_end(event: Tensor, value: Tensor) -> Tensor:
    """(B, T) float32: ``value`` (B,) at the last of each row's T events."""
    return torch.nn.functional.pad(value.float()[:, None], (event.shape[1] - 1, 0))


def rule_credits(event: Tensor) -> dict[str, Tensor]:
    """What each rule of :data:`RULES` gives: (B, T) float32 at each event."""
    return {name: rule.credit(event).float() for name, rule in RULES.items()}


def rule_rewards(credits_: Mapping[str, Tensor], weights: Mapping[str, float]) -> Tensor:
    """(3, B, T) float32: each agent's reward: the weighted rules for rhythm and melody, nothing for the chords."""
    total = torch.stack([weights[name] * credit for name, credit in credits_.items()]).sum(0)
    return torch.stack([total * (name != "chord") for name in AGENTS])


def _leaps(event: Tensor) -> Tensor:
    resolved, doubled = leap_outcomes(event)
    return resolved.float() - 4.0 * doubled


def _leaps_onward(event: Tensor) -> Tensor:
    """(B, T) bool: this note goes on in the direction of the leap of a fifth or more that led to the note before."""
    found = torch.zeros_like(event, dtype=torch.bool)
    last, leapt = (torch.zeros(len(event), dtype=torch.int64) for _ in range(2))
    for step in range(event.shape[1]):
        now = event[:, step]
        # A repeated note neither answers a leap nor goes on.
        moves = (now >= FIRST_NOTE) & (now != last)
        moved = (now - last) * (moves & (last >= FIRST_NOTE))
        found[:, step] = leapt * moved > 0
        leapt = torch.where(moves, moved * (moved.abs() >= FIFTH), leapt)
        last = torch.where(moves, now, last)
    return found


def _tonic_first(event: Tensor) -> Tensor:
    return torch.nn.functional.pad((event[:, :1] == MIDDLE_C).float(), (0, event.shape[1] - 1))


def _correlated(event: Tensor) -> Tensor:
    """(B, T): the sum over the lags of the squared autocorrelation, at the last event."""
    return at_end(event, autocorrelations(event).square().sum(0))


def _mean_correlated(event: Tensor) -> Tensor:
    """(B, T): the sum over the lags of the autocorrelation times its mean over the B rows, at the last event.

    Half the gradient of the squared mean, which is what the table shows: rows may differ, on the whole they are 0.
    """
    found = autocorrelations(event)
    return at_end(event, (found * found.mean(1, keepdim=True)).sum(0))


def _recalled(event: Tensor) -> Tensor:
    """(B, T): a repeated motif, and on the way to it an eighth for every event more that is as a bar before.

    The eighths are taken back where the likeness breaks off, so that only motifs pay in the end.
    """
    place = torch.arange(event.shape[1])
    like = torch.nn.functional.pad(event[:, BAR:] == event[:, :-BAR], (BAR, 0))
    run = place - torch.where(like, -1, place).cummax(1).values
    likeness = torch.nn.functional.pad(run.clamp(max=MOTIF_STEPS) / MOTIF_STEPS, (1, 0))
    return repeated_motif(event) + torch.diff(likeness, dim=1)


def _gained(state: Tensor) -> Tensor:
    """(B, T) int64: 1 where a state (B, T) is gained, -1 where it is lost, so that it pays what it is at the end."""
    return torch.diff(state.long(), dim=1, prepend=torch.zeros_like(state[:, :1], dtype=torch.int64))


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule as a reward.

    Attributes:
        credit: what it finds in B rows of T events, (B, T).
        weight: what it pays at first.
        goal: where the statistic of its name shall come to in the end, a little beyond the table's best; None for a
            rule whose weight stays.
    """

    credit: Callable[[Tensor], Tensor]
    weight: float
    goal: float | None = None


RULES: Mapping[str, Rule] = {
    "excessively repeated": Rule(excessively_repeated, -1.0, 0.0002),
    "autocorrelation": Rule(_correlated, -25.0),
    "mean autocorrelation": Rule(_mean_correlated, -120.0),
    "not in key": Rule(not_in_key, -2.0, 0.004),
    "starts on the tonic": Rule(_tonic_first, 2.0, 0.4),
    "leaps resolved": Rule(_leaps, 2.5, 0.94),
    "leaps onward": Rule(_leaps_onward, -1.5),
    "unique maximum": Rule(lambda event: _gained(highest_is_unique(event)), 3.0, 0.71),
    "unique minimum": Rule(lambda event: _gained(lowest_is_unique(event)), 3.0, 0.67),
    "in a motif": Rule(motif, 0.9, 0.765),
    "in a repeated motif": Rule(_recalled, 0.8, 0.004),
}


def _windows(event: Tensor) -> Tensor:
    """(B, T - 7, 8): the eight events that end at each."""
    return event.unfold(1, MOTIF_STEPS, 1)


def _from_eighth(found: Tensor) -> Tensor:
    """(B, T) bool of what was found from the eighth event on."""
    return torch.nn.functional.pad(found, (MOTIF_STEPS - 1, 0))


def _struck_yet(event: Tensor) -> Tensor:
    return (event >= FIRST_NOTE).cummax(1).values


def _largest_so_far_is_unique(values: Tensor) -> Tensor:
    largest = values.cummax(1).values
    new = torch.diff(largest, dim=1, prepend=largest[:, :1] - 1) > 0
    place = torch.arange(values.shape[1])
    since = torch.where(new, place, 0).cummax(1).values
    equal = torch.where((values == largest) & ~new, place, -1).cummax(1).values
    return equal < since
