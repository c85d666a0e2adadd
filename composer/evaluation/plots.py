"""The pictures of a report: where sets of pieces lie beside real music. Gives PNG data; writes no file."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from composer.evaluation.comparison import REAL_AGAINST_REAL, Comparison
from composer.evaluation.evaluation import Estimate
from composer.evaluation.figures import FIGURE, FIGURES, Figure
from composer.evaluation.trade_off import TradeOff

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing

DPI = 110
FEATURES = 6
# Okabe and Ito 2008, told apart without red and green; real music is black everywhere.
_COLOURS = ("#c8430a", "#0072b2", "#00795a", "#b0578f", "#a07800", "#56a8d8", "#7d8fc9", "#555b66", "#8a8f2a")
_REAL = "#111111"
_DASHES = ("-", "--", ":", "-.")


def plots(comparison: Comparison) -> dict[str, bytes]:
    """PNG data by the name of the picture."""
    return {
        "overlap": _overlap(comparison),
        "classifier": _classifier(comparison),
        "similarity": _similarity(comparison),
        "features": _features(comparison),
    }


def draw_trade_off(curve: TradeOff, title: str) -> bytes:
    """PNG data of a dial's curve: reward upwards, overlap to the right; a dot is a setting, the star real music."""
    drawing = _drawing(7.2, 4.4)
    axes = drawing.add_subplot()
    overlaps, rewards = [point.overlap or 0.0 for point in curve.points], [point.reward for point in curve.points]
    axes.plot(overlaps, rewards, color=_COLOURS[1], marker="o")
    for dial, overlap, reward in zip(curve.dials, overlaps, rewards, strict=True):
        axes.annotate(f"{dial:g}", (overlap, reward), xytext=(6, 5), textcoords="offset points", fontsize=9.5)
    real = (curve.real.overlap or 0.0, curve.real.reward)
    axes.plot(*real, color=_REAL, marker="*", markersize=14, ls="")
    axes.annotate("real music", real, xytext=(0, 11), textcoords="offset points", ha="center", fontsize=9.5)
    axes.axhline(curve.real.reward, color=_REAL, lw=0.8, ls=":")
    axes.set_xlabel("overlap of features with music kept out of training (style)")
    axes.set_ylabel("theory reward a bar")
    axes.set_title(title, loc="left", fontsize=11)
    axes.margins(0.12)
    _plain(axes)
    return _png(drawing)


def _drawing(width: float, height: float) -> Drawing:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as Drawing

    drawing = Drawing(figsize=(width, height), dpi=DPI, facecolor="white", layout="constrained")
    FigureCanvasAgg(drawing)
    return drawing


def _png(drawing: Drawing) -> bytes:
    data = io.BytesIO()
    drawing.savefig(data, format="png", metadata={"Software": None})
    return data.getvalue()


def _colour(comparison: Comparison, name: str) -> str:
    if name == REAL_AGAINST_REAL:
        return _REAL
    return _COLOURS[list(comparison.runs).index(name) % len(_COLOURS)]


def _plain(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)


def _error(estimates: Sequence[Estimate]) -> np.ndarray:
    """(2, N) how far the interval's ends lie from the means; 0 where there is none."""
    return np.array(
        [
            [
                max(abs(end - found.mean), 0.0) if end is not None and found.mean is not None else 0.0
                for found, end in ((found, getattr(found, side)) for found in estimates)
            ]
            for side in ("low", "high")
        ]
    )


def _bars(axes: Axes, at: np.ndarray, estimates: Sequence[Estimate], height: float, colours: str | list[str]) -> None:
    axes.barh(at, [found.mean or 0.0 for found in estimates], height, color=colours)
    error = _error(estimates)
    seen = error.any(0)
    if seen.any():
        means = np.array([found.mean or 0.0 for found in estimates])
        axes.errorbar(
            means[seen], at[seen], xerr=error[:, seen], fmt="none", ecolor="#333333", elinewidth=1, capsize=2
        )


def _overlap(comparison: Comparison) -> bytes:
    """Bars of every set, a block for each group of features."""
    from matplotlib.patches import Patch

    groups: list[Figure] = [figure for figure in FIGURES if figure.key.startswith("overlap_")]
    names = list(comparison.runs)
    drawing = _drawing(8.5, 1.2 + 0.17 * len(groups) * (len(names) + 1))
    axes = drawing.subplots()
    height = 0.9 / len(names)
    for index, name in enumerate(names):
        at = np.arange(len(groups)) + height * (index - (len(names) - 1) / 2)
        _bars(axes, at, [comparison.estimate(name, group) for group in groups], height, _colour(comparison, name))
    axes.set_yticks(range(len(groups)), [group.key.removeprefix("overlap_") for group in groups])
    axes.invert_yaxis()
    axes.set_xlim(0, 1)
    axes.set_xlabel("overlap with real music (1: the same distributions)")
    handles = [Patch(color=_colour(comparison, name), label=name) for name in names]
    drawing.legend(handles=handles, loc="outside right upper", frameon=False, fontsize=9)
    _plain(axes)
    return _png(drawing)


def _classifier(comparison: Comparison) -> bytes:
    """One bar a set, from guessing to certainty, with the goals."""
    figure = FIGURE["classifier"]
    names = list(comparison.runs)
    drawing = _drawing(8.5, 1.0 + 0.32 * len(names))
    axes = drawing.subplots()
    estimates = [comparison.estimate(name, figure) for name in names]
    _bars(axes, np.arange(len(names)), estimates, 0.7, [_colour(comparison, name) for name in names])
    for place, found in enumerate(estimates):
        if found.mean is None:
            axes.text(0.41, place, "too few pieces to ask", va="center", fontsize=9)
    axes.axvline(0.5, color=_REAL, linewidth=1, linestyle=":")
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set_xlim(0.4, 1)
    axes.set_xlabel("balanced accuracy of a classifier against real music (.5: it guesses)")
    _plain(axes)
    return _png(drawing)


def _similarity(comparison: Comparison) -> bytes:
    """How like a bar is to the one so many bars before."""
    drawing = _drawing(8.5, 4.2)
    axes = drawing.subplots()
    for index, (name, curve) in enumerate(comparison.similarity.items()):
        real = name == REAL_AGAINST_REAL
        axes.plot(
            range(1, len(curve) + 1),
            [np.nan if value is None else value for value in curve],
            label="real music" if real else name,
            color=_colour(comparison, name),
            linewidth=2.5 if real else 1.4,
            linestyle="-" if real else _DASHES[index % len(_DASHES)],
            marker="o" if real else None,
            markersize=4,
        )
    axes.set_xlabel("bars before")
    axes.set_ylabel("notes in common")
    axes.set_ylim(bottom=0)
    axes.set_xticks(range(1, 1 + max(map(len, comparison.similarity.values()))))
    drawing.legend(loc="outside right upper", frameon=False, fontsize=9)
    _plain(axes)
    return _png(drawing)


def _features(comparison: Comparison) -> bytes:
    """Histograms of the features of the judged set that lie farthest from real music."""
    head = comparison.head
    mine, real = comparison.samples[head], comparison.samples[REAL_AGAINST_REAL]
    drawing = _drawing(10, 5.4)
    panels = drawing.subplots(2, FEATURES // 2).ravel()
    farthest = comparison.runs[head][0].farthest[:FEATURES]
    for axes, name in zip(panels, farthest, strict=False):
        sides = [values[np.isfinite(values)] for values in (mine[name], real[name])]
        low, high = np.percentile(np.concatenate(sides), (1, 99))
        edges = np.linspace(low, high if high > low else low + 1, 13)
        for values, colour, label in zip(
            sides, (_colour(comparison, head), _REAL), (head, "real music"), strict=True
        ):
            shares = np.histogram(np.clip(values, edges[0], edges[-1]), edges)[0] / len(values)
            axes.stairs(
                shares, edges, color=colour, label=label, fill=label == head, alpha=0.55 if label == head else 1
            )
        axes.set_title(f"{name}  ({comparison.runs[head][0].features[name].overlap:.2f})", fontsize=9)
        axes.set_yticks([])
        _plain(axes)
    for axes in panels[len(farthest) :]:
        axes.set_visible(False)
    handles, labels = panels[0].get_legend_handles_labels()
    drawing.legend(handles, labels, loc="outside upper right", ncols=2, frameon=False, fontsize=9)
    return _png(drawing)
