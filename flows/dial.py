"""The dial from style to theory over its range: what it costs and what it gives, and a picture of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from agents.seeding import generator
from composer.evaluation import TradeOff, draw_trade_off, trade_off
from composer.rewards import RewardWeights
from flows.composing import Model
from flows.errors import FlowError
from flows.files import write_bytes
from flows.music import Excerpts, Music, draw_conditions


def dial_curve(
    model: Model,
    music: Music,
    dials: Sequence[float],
    *,
    count: int = 200,
    seed: int = 0,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> TradeOff:
    """Compose at several settings of the dial and judge each set by music the model never saw.

    Args:
        model: who writes.
        music: what it is judged by.
        dials: settings for all agents together.
        count: pieces at each setting; the conditions are drawn once, from the pieces it learned from.
        seed: of all draws.
        progress: called with the number of settings done and their total.

    Raises:
        TriadError: if there is no model, or too little real music.
    """
    if model.trio is None:
        raise FlowError("there is no model whose dial could be turned: run 'triad train'")
    trio = model.trio
    real, learned = (
        Excerpts.of(part, trio.vocabulary, trio.config.bars) for part in (music.held_out, music.training)
    )
    conditions = draw_conditions(learned.score, count, generator(seed, "conditions"))
    sets = {}
    for done, dial in enumerate(dict.fromkeys(dials)):
        progress(done, len(dials))
        sets[dial] = trio.compose(conditions, seed=seed, dial=dial)
    return trade_off(
        sets,
        held_out=real.score,
        training=learned.score,
        songs=real.songs,
        reference=trio.reference,
        seed=seed,
        weights=RewardWeights(terms=trio.config.rewards),
    )


def draw_curve(curve: TradeOff, title: str, path: Path) -> None:
    """Draw the curve as a PNG file, see :func:`composer.evaluation.draw_trade_off`.

    Raises:
        FlowError: if the path cannot be written.
    """
    write_bytes(path, draw_trade_off(curve, title))
