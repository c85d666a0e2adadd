"""Where a piece under way keeps what: one row of bytes that everything the agents see is gathered from.

A row of memory holds constants, a copy of the piece's state, what is settled beforehand for every beat, and what has
been written so far. An observation is then one gather, at addresses each of which is a constant plus one number of
the state times a factor.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from composer.environment.observation import PLANNED, RECALLED_BARS, RECENT_CELLS, SLOTS
from composer.environment.tables import (
    AGENT_OF_KIND,
    AT,
    FIGURES,
    KINDS,
    OCTAVE,
    STATE,
    TO_GROOVE,
    Tables,
)
from composer.score import METER_BAR_STEPS, METER_BEAT_STEPS, METER_BEATS
from composer.theory import MAX_BEAT_STEPS, METERS
from composer.vocabulary import CHORD, MELODY, RHYTHM, Vocabulary

# Music before the first bar, so that looking back never leaves the memory: all zeros, which reads as "none".
BEATS_BEFORE = max(RECALLED_BARS) * max(meter.beats for meter in METERS)
STEPS_BEFORE = max(RECALLED_BARS) * max(meter.bar_steps for meter in METERS)

# What is settled beforehand for every beat, as far as agents see it.
CALENDAR = (
    *("mode", "meter", "beat of the bar", "bar of eight", "bars left", "cadence of the bar"),
    *(f"planned {name}" for name in PLANNED),
)
_ON = {name: index for index, name in enumerate(CALENDAR)}
_REGISTER_OF_SLOT = {
    "step of the beat": "offset",
    "steps to the next onset in the beat": "until next onset",
    "a note sounds on": "sounding",
    "steps since the last onset": "since onset",
    "groove": "groove",
    "chord": "chord",
    "chord before": "chord before",
    "chord before that": "chord before that",
    "beats since the chord changed": "chord age",
    "cell": "cell",
    "pitch 1 notes ago": "pitch",
    "pitch 2 notes ago": "pitch before",
    "pitch 3 notes ago": "pitch 3 back",
    "pitch 4 notes ago": "pitch 4 back",
}
_WHAT_FOLLOWED = (("chord", CHORD), ("cell", RHYTHM), ("pitch", MELODY))
# Pitches that are led somewhere by others: slot -> (added, subtracted, known where this one is).
_LED = {
    "pitch by sequence": ("then", "before", "before"),
    "pitch by inversion": ("before", "then", "before"),
    "pitch by figure": ("led", "octave", "led"),
}
LED = torch.tensor([index for index, slot in enumerate(SLOTS) if slot.name in _LED])


@dataclass(frozen=True, slots=True)
class Address:
    """One column: ``base + factor * state[source]``, and multiples of what depends on the piece's metre.

    Attributes:
        base: of the address.
        source: entry of the state.
        factor: of that entry.
        bar_beats: how many times the beats of a bar.
        bar_steps: how many times the sixteenths of a bar.
        beat_steps: how many times the sixteenths of a beat.
        meter: how many times the metre's number.
    """

    base: int
    source: str = "nothing"
    factor: int = 1
    bar_beats: int = 0
    bar_steps: int = 0
    beat_steps: int = 0
    meter: int = 0


class Layout:
    """The memory of pieces of up to ``beats`` beats and ``steps`` sixteenths.

    Attributes:
        width: bytes of a row.
        source: (L,) int64, entry of the state for each column.
        factor: (L,) int32.
        base: (L,) int64; what depends on a piece's metre is added by :meth:`bases`.
        seen: columns that are observed, the first ones.
        led: columns that say where pitches are led (see ``LED``): added, subtracted, known.
        targets: columns that actions are written to.
        masks: the first of the columns that name the mask's row, for each kind of turn from the first.
    """

    def __init__(self, vocabulary: Vocabulary, tables: Tables, beats: int, steps: int, device: torch.device) -> None:
        chords, _, pitches = vocabulary.sizes
        self._size = 0
        self.agents, self.grooves, self.octave, self.nowhere = (self._take(size) for size in (KINDS, KINDS, 1, 1))
        self.state = self._take(len(STATE))
        self.calendar = self._take((beats + 1) * len(CALENDAR))
        # One spare beat at the end takes the writes of finished pieces.
        self.chord, self.cell, self.groove = (self._take(BEATS_BEFORE + beats + 1) for _ in range(3))
        self.pitch = self._take(STEPS_BEFORE + steps + MAX_BEAT_STEPS)
        self.after = tuple(self._take(size**2) for size in (chords, len(vocabulary.cells) + 1, pitches + 1))
        self.figures = self._take(FIGURES)
        self.width, self.beats, self.steps = self._size, beats, steps

        slots = self._slots()
        seen = [slots[slot.name] for slot in SLOTS]
        at = {"octave": Address(self.octave), "led": slots["pitch by figure"]}
        at |= {"then": slots["pitch in the recalled bar"]}
        at |= {"before": Address(at["then"].base - 1, at["then"].source)}
        led = [at[names[which]] for which in range(3) for names in _LED.values()]
        followed = [slots[f"{what} after the last {many}"] for what, _ in _WHAT_FOLLOWED for many in ("one", "two")]
        cursor = [Address(grid + BEATS_BEFORE, "beat") for grid in (self.chord, self.cell, self.groove)]
        cursor += [Address(self.pitch + STEPS_BEFORE + step, "time") for step in range(MAX_BEAT_STEPS)]
        targets = [Address(self.nowhere), *followed, slots["pitch by figure"], *cursor]
        masks = [
            Address(0, "chord"),
            Address(tables.first_cell_row, "sounding", meter=2),
            *(Address(tables.melody_row), Address(tables.end_row), Address(0, "groove mask")),
        ]
        columns = [*seen, *led, *targets, *masks]
        self.seen = len(seen)
        self.led = slice(self.seen, self.seen + len(led))
        self.targets = slice(self.led.stop, self.led.stop + len(targets))
        self.masks = self.targets.stop
        self.source = torch.tensor([AT[column.source] for column in columns], device=device)
        self.factor = torch.tensor([column.factor for column in columns], dtype=torch.int32, device=device)
        self.base = torch.tensor([column.base for column in columns], device=device)
        self._by_meter = torch.tensor(
            [[column.bar_beats, column.bar_steps, column.beat_steps, column.meter] for column in columns],
            device=device,
        )

    def _take(self, size: int) -> int:
        first, self._size = self._size, self._size + size
        return first

    def _slots(self) -> dict[str, Address]:
        """The address of every observed slot."""
        beat, step = BEATS_BEFORE, STEPS_BEFORE
        found = {name: Address(self.calendar + on, "beat", len(CALENDAR)) for name, on in _ON.items()}
        found |= {slot: Address(self.state + AT[name]) for slot, name in _REGISTER_OF_SLOT.items()}
        found["turn"] = Address(self.agents, "kind")
        found["a groove is asked for"] = Address(self.grooves, "kind")
        for name, grid in (("chord", self.chord), ("cell", self.cell), ("groove", self.groove)):
            for back in range(1, RECENT_CELLS + 1):
                found[f"{name} {back} beats ago"] = Address(grid + beat - back, "beat")
            for bars in RECALLED_BARS:
                found[f"{name} {bars} bars ago"] = Address(grid + beat, "beat", bar_beats=-bars)
            found[f"{name} in the recalled bar"] = Address(grid + beat, "recalled beat")
        for bars in RECALLED_BARS:
            found[f"pitch {bars} bars ago"] = Address(self.pitch + step, "time", bar_steps=-bars)
        found["pitch in the recalled bar"] = Address(self.pitch + step, "recalled time")
        found["pitch a beat on in the recalled bar"] = Address(self.pitch + step, "recalled time", beat_steps=1)
        for name, agent in _WHAT_FOLLOWED:
            last = "last cell" if agent == RHYTHM else name
            found[f"{name} after the last one"] = Address(self.after[agent], last)
            found[f"{name} after the last two"] = Address(self.after[agent], f"{name} pair")
        found["pitch by figure"] = Address(self.figures, "figure")
        # Where these are led is worked out from what is gathered.
        found["pitch by sequence"] = found["pitch by inversion"] = Address(self.octave)
        return found

    def bases(self, meter: Tensor) -> Tensor:
        """(B, L) int32: the constants of the addresses of pieces in metres (B,)."""
        measures = torch.stack([METER_BEATS, METER_BAR_STEPS, METER_BEAT_STEPS, torch.arange(len(METERS))], 1)
        return (self.base + (measures.to(meter.device)[meter][:, None] * self._by_meter).sum(2)).int()

    def blank(self, device: torch.device) -> Tensor:
        """(width,) uint8: the memory of a piece without anything in it."""
        row = torch.zeros(self.width, dtype=torch.uint8, device=device)
        row[self.agents : self.agents + KINDS] = torch.tensor(AGENT_OF_KIND, dtype=torch.uint8, device=device)
        row[self.grooves + TO_GROOVE] = 1
        row[self.octave] = OCTAVE + 1
        return row
