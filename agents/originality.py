"""How much of a melody stands in the music that was learned from, by the memory every model carries."""

from __future__ import annotations

import torch
from torch import Tensor

from agents.trio import Trio
from composer.rewards.novelty import copied_runs
from composer.score import Score
from composer.view import View

# Notes in a row; two phrases of real songs seldom share more, and nobody takes less for a quotation.
MOST_COPIED = 16


def limit(trio: Trio) -> int:
    """The longest run of notes a new piece may share with the music its model learned from.

    Music that repeats one formula, such as fiddle tunes, shares longer runs by itself: then as many as are common
    there.
    """
    return max(MOST_COPIED, trio.reference.common_run)


def longest_copies(trio: Trio, score: Score) -> Tensor:
    """(B,) int64: the longest run of notes of each piece that the model remembers, in any key.

    A note is known by its interval from the note before and the time to the next. The memory holds hashes of six
    notes in a row: a run may be strung together from several songs, or by accident, but none is missed. 0 where
    fewer than six notes in a row are known.
    """
    run, here = copied_runs(View(score), trio.reference)
    return torch.where(here, run, 0).amax(1)
