"""Spoilt real music: what a judge must be able to tell from real music."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from composer.score import HOLD, METER_BEAT_STEPS, METER_BEATS, ONSET, Score


def shuffle_bars(score: Score, generator: torch.Generator) -> Score:
    """The same bars of every piece in a random order, chords and melody together.

    A note held over a barline is struck anew where its bar now begins, on the pitch it had.
    """
    bars = torch.arange(int(score.bars.max()))
    keys = torch.rand(len(score), len(bars), generator=generator)
    order = torch.where(bars < score.bars[:, None], keys, 2.0 + bars).argsort(1)
    return _reorder(score, order)


def _reorder(score: Score, order: Tensor) -> Score:
    """Bar ``m`` of each piece becomes what bar ``order[:, m]`` was."""
    beats = METER_BEATS[score.meter][:, None]
    beat = torch.arange(score.chord.shape[1])
    source_bar = order.gather(1, (beat // beats).clamp(max=order.shape[1] - 1))
    source_beat = (source_bar * beats + beat % beats).clamp(max=score.chord.shape[1] - 1)
    step = torch.arange(score.pitch.shape[1])
    bar_steps = score.bar_steps[:, None]
    source_bar = order.gather(1, (step // bar_steps).clamp(max=order.shape[1] - 1))
    source_step = (source_bar * bar_steps + step % bar_steps).clamp(max=score.pitch.shape[1] - 1)
    inside = beat < score.beats[:, None]
    cell = score.cell.gather(1, source_beat) * inside
    held = (beat % beats == 0) & (cell % 3 == HOLD)
    struck_before = score.pitch.gather(
        1, (source_beat * METER_BEAT_STEPS[score.meter][:, None]).clamp(max=score.pitch.shape[1] - 1)
    )
    cell = cell + (held & (struck_before > 0) & inside).to(cell.dtype) * (ONSET - HOLD)
    moved = replace(
        score,
        chord=score.chord.gather(1, source_beat) * inside,
        cell=cell,
        pitch=score.pitch.gather(1, source_step) * score.valid(),
    )
    # Within a rest the tensor repeats the pitch struck last: take it from the new order.
    latest = torch.where(moved.onset(), step, 0).cummax(1).values
    begun = moved.onset().cumsum(1) > 0
    return replace(moved, pitch=moved.pitch.gather(1, latest) * begun * moved.valid())


def scramble_pitches(score: Score, generator: torch.Generator) -> Score:
    """The same rhythm and chords under the melody's own pitches, every note drawn from the piece's notes anew."""
    onset = score.onset()
    count = onset.sum(1, keepdim=True).clamp(min=1)
    drawn = (torch.rand(onset.shape, generator=generator) * count).long().clamp(max=onset.shape[1] - 1)
    struck = torch.sort(onset.long(), dim=1, descending=True, stable=True).indices
    fresh = score.pitch.gather(1, struck.gather(1, drawn))
    latest = torch.where(onset, torch.arange(onset.shape[1]), 0).cummax(1).values
    begun = onset.cumsum(1) > 0
    return replace(score, pitch=fresh.gather(1, latest) * begun * score.valid())
