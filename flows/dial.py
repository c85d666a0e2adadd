"""The dial from style to theory over its range: what it costs and what it gives, and a picture of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from composer.evaluation import TradeOff, trade_off
from composer.export.files import written_whole
from composer.rewards import RewardWeights
from flows.composing import Model
from flows.errors import FlowError
from flows.judging import Music as Excerpts
from flows.judging import draw_conditions
from flows.music import Music


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
        count: pieces at each setting; the conditions are drawn once, from the pieces learned from.
        seed: of all draws.
        progress: called with the number of settings done and their total.

    Raises:
        TriadError: if there is no model, or too little real music.
    """
    if model.trio is None:
        raise FlowError("there is no model whose dial could be turned: run 'triad train'")
    trio = model.trio
    real, learned = (
        Excerpts.of(part, trio.vocabulary, trio.config.bars).score for part in (music.held_out, music.training)
    )
    conditions = draw_conditions(learned, count, torch.Generator().manual_seed(seed))
    sets = {}
    for done, dial in enumerate(dict.fromkeys(dials)):
        progress(done, len(dials))
        sets[dial] = trio.compose(conditions, seed=seed, dial=dial)
    return trade_off(
        sets,
        held_out=real,
        training=learned,
        reference=trio.reference,
        seed=seed,
        weights=RewardWeights(terms=trio.config.rewards),
    )


def draw_curve(curve: TradeOff, title: str, path: Path) -> None:
    """Draw the curve as a PNG: reward upwards, overlap to the right, a dot for every setting, a star for real music.

    Raises:
        ExportError: if the path cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.2, 4.4), dpi=110, facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    overlaps, rewards = [point.overlap or 0.0 for point in curve.points], [point.reward for point in curve.points]
    axes.plot(overlaps, rewards, color="#0072b2", marker="o")
    for dial, overlap, reward in zip(curve.dials, overlaps, rewards, strict=True):
        axes.annotate(f"{dial:g}", (overlap, reward), xytext=(6, 5), textcoords="offset points", fontsize=9.5)
    axes.plot([curve.real.overlap or 0.0], [curve.real.reward], color="#c8430a", marker="*", markersize=14, ls="")
    axes.annotate(
        "real music",
        (curve.real.overlap or 0.0, curve.real.reward),
        xytext=(0, 11),
        textcoords="offset points",
        ha="center",
        fontsize=9.5,
    )
    axes.axhline(curve.real.reward, color="#c8430a", lw=0.8, ls=":")
    axes.set_xlabel("overlap of features with music kept out of training (style)")
    axes.set_ylabel("theory reward a bar")
    axes.set_title(title, loc="left", fontsize=11)
    axes.margins(0.12)
    axes.spines[["top", "right"]].set_visible(False)
    with written_whole(path) as draft:
        figure.savefig(draft, format="png")
