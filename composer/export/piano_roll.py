"""A piano roll as a picture that a musician can read: systems of bars under each other, like a page of music."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from composer.arrangement.kit import DRUMS
from composer.arrangement.model import Arrangement, Note
from composer.export.files import written_whole
from composer.export.palette import colours

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BARS_PER_SYSTEM = 8
MOST_SYSTEMS = 12  # a longer piece gets longer systems: the picture stays a page
WIDTH, HEADER = 14.0, 1.15  # inches
PER_SEMITONE, PER_DRUM, MARGIN = 0.058, 0.13, 0.62  # inches
DPI = 120
_BLACK_KEYS = frozenset({1, 3, 6, 8, 10})
DRUM_NAMES = {pitch: name.replace("_", " ") for name, pitch in DRUMS.items()}


def write_piano_roll(arrangement: Arrangement, path: str | os.PathLike[str]) -> None:
    """Draw an arrangement as a PNG: bars numbered, chords and sections above, tracks in colour, drums in their lane.

    Raises:
        ExportError: if the path cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

    pitched = [track for track in arrangement.tracks if not track.is_drum]
    pitches = [note.pitch for track in pitched for note in track.notes] or [60, 72]
    low, high = min(pitches) - 2, max(pitches) + 2
    drums = sorted({note.pitch for track in arrangement.tracks if track.is_drum for note in track.notes})
    per_system = max(BARS_PER_SYSTEM, math.ceil(arrangement.bars / MOST_SYSTEMS))
    systems = math.ceil(arrangement.bars / per_system)
    roll, lane = PER_SEMITONE * (high - low), PER_DRUM * len(drums)
    system = roll + lane + MARGIN
    height = HEADER + systems * system - MARGIN / 2
    figure = Figure(figsize=(WIDTH, height), dpi=DPI, facecolor="white")
    FigureCanvasAgg(figure)
    palette = colours(arrangement.tracks)
    left, width = 0.055, 0.93
    figure.text(left, 1 - 0.34 / height, arrangement.title, fontsize=17, fontweight="bold", va="center")
    figure.text(left, 1 - 0.64 / height, subtitle(arrangement), fontsize=10.5, color="#444444", va="center")
    figure.legend(
        handles=[Patch(color=c, label=t.name) for t, c in zip(arrangement.tracks, palette, strict=True)],
        loc="upper right",
        bbox_to_anchor=(left + width, 1 - 0.16 / height),
        ncols=min(8, len(palette)),
        frameon=False,
        fontsize=9.5,
        handlelength=1.0,
        columnspacing=1.4,
    )
    for index in range(systems):
        first = index * per_system
        bars = range(first, min(first + per_system, arrangement.bars))
        share = len(bars) / per_system
        top = height - HEADER - index * system
        axes = figure.add_axes((left, (top - roll) / height, width * share, roll / height))
        _draw_grid(axes, arrangement, bars, (low, high))
        # The melody comes first among the tracks and is drawn last, on top.
        for track, colour in reversed(list(zip(arrangement.tracks, palette, strict=True))):
            if not track.is_drum:
                _draw_notes(axes, track.notes, colour, bars, arrangement.bar_ticks)
        if drums:
            lane_axes = figure.add_axes((left, (top - roll - lane) / height, width * share, lane / height))
            _draw_drums(lane_axes, arrangement, bars, drums)
    with written_whole(path) as draft:
        figure.savefig(draft, format="png", metadata={"Software": None})


def subtitle(arrangement: Arrangement) -> str:
    """Key, metre, tempo, length and style in one line."""
    seconds = round(arrangement.seconds(arrangement.ticks))
    return (
        f"{arrangement.key_name}   ·   {arrangement.meter.name}   ·   quarter = {arrangement.tempo:g}"
        f"   ·   {arrangement.bars} bars   ·   {seconds // 60}:{seconds % 60:02d}   ·   {arrangement.style}"
    )


def _draw_grid(axes: Axes, arrangement: Arrangement, bars: range, pitches: tuple[int, int]) -> None:
    low, high = pitches
    bar, beat = arrangement.bar_ticks, arrangement.beat_ticks
    start, end = bars[0] * bar, (bars[-1] + 1) * bar
    axes.set_xlim(start, end)
    axes.set_ylim(low - 0.5, high + 0.5)
    for pitch in range(low, high + 1):
        if pitch % 12 in _BLACK_KEYS:
            axes.axhspan(pitch - 0.5, pitch + 0.5, color="#f2f3f5", lw=0, zorder=0)
        if pitch % 12 == 0:
            axes.axhline(pitch - 0.5, color="#c9ccd2", lw=0.6, zorder=1)
    octaves = [pitch for pitch in range(low, high + 1) if pitch % 12 == 0]
    axes.set_yticks(octaves, [f"C{pitch // 12 - 1}" for pitch in octaves], fontsize=8.5)
    _draw_barlines(axes, start, end, beat, bar)
    axes.set_xticks([])
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_color("#8a8f98")
    above = axes.get_xaxis_transform()
    step = max(1, len(bars) // 16)
    for number in bars:
        if (number - bars[0]) % step == 0:
            axes.text(
                number * bar + bar * 0.012, 1.0, str(number + 1), transform=above, fontsize=7.5, color="#777777",
                va="bottom", clip_on=False,
            )  # fmt: skip
    room = (end - start) / 70  # a symbol needs about this many ticks: of those closer the later is left out
    last = -room
    lift = 1.0 + 0.16 / (PER_SEMITONE * (high - low))
    for chord in arrangement.chords:
        shown = max(chord.start, start)
        if chord.start < end and chord.end > start and shown - last >= room:
            axes.text(
                shown + bar * 0.012, lift, chord.symbol, transform=above, fontsize=10.5, fontweight="bold",
                color="#1b1f27", va="bottom", clip_on=False,
            )  # fmt: skip
            last = shown + room * (len(chord.symbol) - 1) / 2
    for section in arrangement.sections:
        if start <= section.start < end:
            axes.axvline(section.start, color="#1b1f27", lw=2.0, zorder=2)
            axes.text(
                section.start - bar * 0.02, lift, section.name, transform=above, fontsize=11, fontweight="bold",
                color="white", ha="right", va="bottom", clip_on=False,
                bbox={"boxstyle": "round,pad=0.22", "facecolor": "#1b1f27", "edgecolor": "none"},
            )  # fmt: skip


def _draw_barlines(axes: Axes, start: int, end: int, beat: int, bar: int) -> None:
    across = axes.get_xaxis_transform()
    axes.vlines(range(start, end + 1, beat), 0, 1, colors="#dcdfe4", lw=0.5, transform=across, zorder=1)
    axes.vlines(range(start, end + 1, bar), 0, 1, colors="#8a8f98", lw=0.9, transform=across, zorder=1)


def _draw_notes(axes: Axes, notes: Sequence[Note], colour: str, bars: range, bar: int) -> None:
    from matplotlib.collections import PolyCollection
    from matplotlib.colors import to_rgba

    start, end = bars[0] * bar, (bars[-1] + 1) * bar
    shown = [note for note in notes if note.start < end and note.end > start]
    boxes = []
    for note in shown:
        right, low, high = note.end - bar * 0.004, note.pitch - 0.42, note.pitch + 0.42
        boxes.append([(note.start, low), (right, low), (right, high), (note.start, high)])
    faces = [to_rgba(colour, 0.45 + 0.5 * note.velocity / 127) for note in shown]
    axes.add_collection(PolyCollection(boxes, facecolors=faces, edgecolors="white", linewidths=0.4, zorder=3))


def _draw_drums(axes: Axes, arrangement: Arrangement, bars: range, drums: Sequence[int]) -> None:
    bar, beat = arrangement.bar_ticks, arrangement.beat_ticks
    start, end = bars[0] * bar, (bars[-1] + 1) * bar
    axes.set_xlim(start, end)
    axes.set_ylim(-0.6, len(drums) - 0.4)
    _draw_barlines(axes, start, end, beat, bar)
    axes.set_facecolor("#fafbfc")
    axes.set_xticks([])
    axes.set_yticks(
        range(len(drums)), [DRUM_NAMES.get(pitch, str(pitch)) for pitch in drums], fontsize=6.5, color="#555555"
    )
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_color("#8a8f98")
    rows = {pitch: row for row, pitch in enumerate(drums)}
    palette = colours(arrangement.tracks)
    for track, colour in zip(arrangement.tracks, palette, strict=True):
        strokes = [note for note in track.notes if track.is_drum and start <= note.start < end]
        # A stroke stands on its moment; at the left edge half of it would lie outside.
        axes.scatter(
            [note.start + bar * 0.012 for note in strokes],
            [rows[note.pitch] for note in strokes],
            s=[4 + 16 * note.velocity / 127 for note in strokes],
            color=colour,
            marker="D",
            linewidths=0,
            zorder=3,
        )
