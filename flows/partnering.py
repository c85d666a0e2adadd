"""What a partner can be asked: each question as what of a score is given and the plan for the rest.

Knows no file, no Prefect and no MLflow; :mod:`flows.partner` reads the question and writes the answers down.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from agents.seeding import generator
from agents.trio import Trio
from composer.environment import PARTS, Conditions, Given
from composer.form import analyse
from composer.plan import INDEX
from composer.score import METER_BAR_STEPS, METER_BEATS, Score, from_melody, unplanned
from composer.theory import METERS, Key
from flows.errors import FlowError

# What "melody", "chords" and "rhythm" mean to a musician, in parts of the score.
WRITTEN_ANEW = {
    "melody": ("cell", "pitch"),
    "chords": ("chord",),
    "rhythm": ("cell", "groove"),
    "all": PARTS,
}
# What a plan asks of the harmony. A melody alone says nothing of it.
_OF_HARMONY = tuple(
    INDEX[name]
    for name in ("cadence", "harmony", "harmonic rhythm", "coloured chords", "borrowed chords", "chord tones")
)


def for_melody(trio: Trio, score: Score, seed: int) -> Given:
    """A melody (one piece without chords): chords and accompaniment are to be written for it."""
    planned = analyse(score)
    drawn = trio.plan(Conditions.of(planned), seed=seed).plan
    plan = planned.plan.clone()
    for column in _OF_HARMONY:
        plan[:, :, column] = drawn[:, :, column]
    return Given.nothing(replace(planned, plan=plan)).where(_every(planned), "cell", "pitch")


def for_chords(trio: Trio, codes: list[int], key: Key, meter: int, tempo: float, seed: int) -> Given:
    """A progression, one sounding chord code a beat: melody, rhythm and accompaniment are to be written to it."""
    metre = METERS[meter]
    bars = len(codes) // metre.beats
    relative = torch.tensor(codes)
    # A chord code is 1 + 12 * quality + root.
    root = (relative - 1 - key.transposition) % 12
    chord = torch.where(relative > 0, relative - (relative - 1) % 12 + root, 0)
    score = from_melody(
        torch.zeros(1, bars * metre.bar_steps, dtype=torch.int64),
        chord[None],
        meter=torch.tensor([meter]),
        mode=torch.tensor([key.mode]),
        bars=torch.tensor([bars]),
        tonic=torch.tensor([key.tonic]),
        tempo=torch.tensor([tempo]),
    )
    planned = replace(score, plan=trio.plan(Conditions.of(score), seed=seed).plan)
    return Given.nothing(planned).where(_every(planned), "chord")


def for_more(trio: Trio, score: Score, bars: int, seed: int) -> Given:
    """A piece (one) that is to go on for ``bars`` bars."""
    own, known = _planned(score), int(score.bars[0])
    longer = _padded(own, known + bars)
    plan = trio.plan(Conditions.of(longer), seed=seed).plan.clone()
    plan[:, :known] = own.plan[:, :known]
    return Given.nothing(replace(longer, plan=plan)).where(bar_beats(longer, 1, known), *PARTS)


def for_bars(score: Score, first: int, last: int, part: str) -> Given:
    """A piece (one) whose bars ``first`` to ``last`` (from 1) are to be written anew: ``part`` of them.

    Where the rhythm is, the notes keep to the line that was there.

    Raises:
        FlowError: if there are no such bars, or no such part.
    """
    bars = int(score.bars[0])
    if not 1 <= first <= last <= bars:
        raise FlowError(f"bars {first}-{last}: the piece has bars 1 to {bars}")
    if part not in WRITTEN_ANEW:
        raise FlowError(f"unknown part {part!r}: choose from {', '.join(WRITTEN_ANEW)}")
    planned, here = _planned(score), bar_beats(score, first, last)
    return _given_but(planned, here, WRITTEN_ANEW[part])


def for_variation(score: Score, amount: float, seed: int) -> Given:
    """A piece (one) of which a share of the bars, drawn by lot, is to be written anew.

    Raises:
        FlowError: if the share does not lie in 0..1.
    """
    if not 0 <= amount <= 1:
        raise FlowError(f"amount {amount:g}: give 0 (the piece itself) to 1 (every bar written anew)")
    bars = int(score.bars[0])
    order = torch.randperm(bars, generator=generator(seed, "variation"))[: round(amount * bars)]
    chosen = torch.zeros(1, bars, dtype=torch.bool)
    chosen[0, order] = True
    beats = chosen.repeat_interleave(int(METER_BEATS[score.meter[0]]), 1)
    here = torch.nn.functional.pad(beats, (0, score.chord.shape[1] - beats.shape[1]))
    return _given_but(_planned(score), here, PARTS)


def for_new_chords(score: Score) -> Given:
    """A piece (one) that keeps its melody and gets other chords and another accompaniment."""
    planned = _planned(score)
    return Given.nothing(planned).where(_every(planned), "cell", "pitch")


def bar_beats(score: Score, first: int, last: int) -> Tensor:
    """(1, N) bool: the beats of bars ``first`` to ``last`` (from 1, included) of the only piece."""
    bar = torch.arange(score.chord.shape[1]) // METER_BEATS[score.meter[0]]
    return ((bar >= first - 1) & (bar < last))[None]


def chord_changes(one: Score, other: Score) -> float:
    """Share of the beats at which two versions of a piece have different chords, 0..1."""
    beats = int(min(one.beats[0], other.beats[0]))
    return float((one.chord[0, :beats] != other.chord[0, :beats]).float().mean())


def _given_but(score: Score, free: Tensor, parts: tuple[str, ...]) -> Given:
    kept = tuple(part for part in PARTS if part not in parts)
    return Given.nothing(score).where(~free, *PARTS).where(free, *kept)


def _planned(score: Score) -> Score:
    """The piece with its plan: the one it was written to, else the one it follows."""
    return score if bool(score.plan.any()) else analyse(score)


def _every(score: Score) -> Tensor:
    return torch.ones_like(score.chord, dtype=torch.bool)


def _padded(score: Score, bars: int) -> Score:
    beats = bars * int(METER_BEATS[score.meter[0]])
    steps = bars * int(METER_BAR_STEPS[score.meter[0]])

    def wide(tensor: Tensor, width: int) -> Tensor:
        return torch.nn.functional.pad(tensor[:, :width], (0, max(width - tensor.shape[1], 0)))

    return replace(
        score,
        chord=wide(score.chord, beats),
        cell=wide(score.cell, beats),
        groove=wide(score.groove, beats),
        pitch=wide(score.pitch, steps),
        bars=torch.tensor([bars]),
        plan=unplanned(1, bars),
    )
