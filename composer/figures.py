"""Figures: notes as steps of a line, free of transposition, and which of them a piece has heard before."""

from __future__ import annotations

import torch
from torch import Tensor

from composer.view import View


def note_tokens(view: View) -> tuple[Tensor, Tensor]:
    """(B, N) int64: a number for each note's interval and gap, free of transposition; and where it is defined.

    The first note has no interval and the last no gap to a next note.
    """
    notes = view.notes
    size = notes.interval.clamp(-24, 24) + 24
    here = notes.follows & notes.followed
    return size * 64 + notes.gap.clamp(max=63) + 1, here


def heard_before(view: View) -> tuple[Tensor, Tensor]:
    """(B, N) bool: whether the figure that ends at each note stood earlier in the piece; and where there is one.

    The figure is the note's interval and gap with those of the note before it.
    """
    token, here = note_tokens(view)
    figure = token * 4096 + torch.nn.functional.pad(token[:, :-1], (1, 0))
    here = here & torch.nn.functional.pad(here[:, :-1], (1, 0))
    figure = torch.where(here, figure, -1 - torch.arange(figure.shape[1]))
    # A stable sort puts equal figures side by side, in their order in time.
    ordered, order = figure.sort(stable=True, dim=1)
    again = torch.nn.functional.pad(ordered[:, 1:] == ordered[:, :-1], (1, 0))
    return torch.zeros_like(again).scatter(1, order, again), here
