"""Real music to the plan it follows."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from composer.form.phrases import cadences, phrase_ends, places, sections
from composer.form.recalls import likenesses, recalled_bars, relations
from composer.form.targets import classes, climaxes, measured, registers
from composer.plan import COLUMNS, LONGEST_PHRASE
from composer.score import Score
from composer.view import View

_AT_ONCE = 256


def analyse(score: Score) -> Score:
    """The same pieces with the plans they follow; what was planned before is forgotten.

    The plan says of every bar what :data:`composer.plan.COLUMNS` lists. It holds no note: which bars return, how
    phrases close, how high and how busy they are.
    """
    parts = [_plan(score.select(slice(at, at + _AT_ONCE))) for at in range(0, len(score), _AT_ONCE)]
    longest = max(part.shape[1] for part in parts)
    padded = [torch.nn.functional.pad(part, (0, 0, 0, longest - part.shape[1])) for part in parts]
    return replace(score, plan=torch.cat(padded))


def _plan(score: Score) -> Tensor:
    """(B, M, WIDTH) uint8."""
    view = View(score)
    alike = likenesses(view)
    lag = recalled_bars(view, alike)
    melody, harmony = relations(view, lag)
    ends = phrase_ends(view, lag)
    phrase, place, left = places(ends)
    closes = cadences(view).gather(1, (torch.arange(view.bar_count) + left).clamp(max=view.bar_count - 1))
    found = {
        "section": sections(view, ends, alike) + 1,
        "bar of the phrase": 1 + place.clamp(max=LONGEST_PHRASE - 1),
        "bars to the phrase's end": 1 + left.clamp(max=LONGEST_PHRASE - 1),
        "cadence": 1 + closes,
        "recalled": lag,
        "relation": 1 + melody,
        "harmony": 1 + harmony,
        "register": registers(view),
        "climax": 1 + climaxes(view).long(),
    }
    plain = torch.stack([found[column.name] for column in COLUMNS if column.name in found], 2)
    whole = torch.cat([plain, classes(measured(view, phrase))], 2)
    return (whole * view.bar_here[:, :, None]).to(torch.uint8)
