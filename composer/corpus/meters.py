"""Time signatures as files declare them, and the bars Triad reads from them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from composer.corpus.barlines import Bars
from composer.corpus.midi import Floats
from composer.theory import METER_INDEX, METERS

# Declared signature -> the metre it is read as. 2/4 and 3/8 are read in pairs of bars, so that their phrases have
# the length of other music's; 2/2 and 4/2 count half notes where Triad counts quarters.
SIGNATURES: dict[tuple[int, int], str] = {
    (4, 4): "4/4",
    (2, 2): "4/4",
    (2, 4): "4/4",
    (4, 2): "4/4",
    (8, 8): "4/4",
    (8, 4): "4/4",
    (4, 8): "4/4",
    (3, 4): "3/4",
    (6, 4): "3/4",
    (3, 8): "6/8",
    (6, 8): "6/8",
    (9, 8): "9/8",
    (12, 8): "12/8",
}
# What beat trackers and audio programs write where they know the beat and not the bar.
UNTOLD = frozenset({"1/4", "1/8", "1/2"})
_DEFAULT = (4, 4)  # by the MIDI standard
Signatures = tuple[tuple[float, int, int], ...]


@dataclass(frozen=True, slots=True)
class Stretch:
    """A run of one metre: ``meter`` (name, empty if Triad does not know it) and its sixteenths ``start``..``end``.

    ``bars`` are the barlines in it, Triad's bars rather than the declared ones; the last is ``end``.
    """

    meter: str
    start: float
    end: float
    bars: tuple[float, ...]
    signature: str


def stretches(meters: Signatures, end: float, first: float) -> list[Stretch]:
    """The runs of one metre in a piece, neighbours of the same metre joined.

    Args:
        meters: (sixteenth, numerator, denominator) in time order.
        end: the end of the last note, in sixteenths.
        first: the first onset of the melody: bars are paired so that a pair begins with it, or after its pickup.
    """
    runs: list[Stretch] = []
    for start, stop, upper, lower in _spans(meters, end):
        name = SIGNATURES.get((upper, lower), "")
        length = 16.0 * upper / lower
        bar = METERS[METER_INDEX[name]].bar_steps if name else length
        anchor = start
        if length < bar and start <= first < stop:
            anchor += length * (np.floor((first - start) / length) + ((first - start) % length >= length / 2))
            anchor = start + (anchor - start) % bar
        lines = dict.fromkeys((start, *np.arange(anchor, stop, bar).tolist(), stop))
        run = Stretch(name, start, stop, tuple(lines), f"{upper}/{lower}")
        if runs and runs[-1].meter == name and runs[-1].end == start:
            before = runs.pop()
            run = Stretch(name, before.start, stop, (*before.bars[:-1], *run.bars), before.signature)
        runs.append(run)
    return runs


def declared_barlines(meters: Signatures, end: float) -> Floats:
    """The sixteenths of all barlines of a piece as its signatures say, of those that say something."""
    lines = [
        np.arange(start, stop, 16.0 * upper / lower)
        for start, stop, upper, lower in _spans(meters, end)
        if f"{upper}/{lower}" not in UNTOLD
    ]
    return np.concatenate([np.zeros(0), *lines])


def _spans(meters: Signatures, end: float) -> list[tuple[float, float, int, int]]:
    """(start, stop, numerator, denominator) of each signature's reign."""
    events = list(meters) or [(0.0, *_DEFAULT)]
    if events[0][0] > 0:
        events.insert(0, (0.0, *_DEFAULT))
    stops = [event[0] for event in events[1:]] + [end]
    # Of several signatures at one place the last one counts, as a player would find.
    return [
        (start, min(stop, end), upper, lower)
        for (start, upper, lower), stop in zip(events, stops, strict=True)
        if min(stop, end) > start
    ]


def longest(runs: list[Stretch]) -> tuple[Stretch, Bars] | None:
    """The longest run of a metre Triad knows, with its bars and the pickup before it; None if there is none."""
    known = [index for index, run in enumerate(runs) if run.meter]
    if not known:
        return None
    chosen = max(known, key=lambda index: runs[index].end - runs[index].start)
    run = runs[chosen]
    meter = METER_INDEX[run.meter]
    length = METERS[meter].bar_steps
    lines = list(run.bars)
    # A first bar cut short, by a signature of its own or by pairing, is a pickup: it ends at its barline.
    if lines[1] - lines[0] < length and len(lines) > 2:
        lines[0] = lines[1] - length
    elif chosen > 0 and runs[chosen - 1].end - runs[chosen - 1].start < length:
        lines.insert(0, run.start - length)
    if lines[-1] - lines[-2] < length:
        lines[-1] = lines[-2] + length
    short = int((np.diff(lines) < length - 1e-6).sum())
    return run, Bars(meter, np.array(lines), short)
