"""What the environment looks up instead of computing: masks by turn, and what a decision does to the registers.

Everything that depends on the vocabulary alone is worked out once, as rows of small integers: :class:`Tables` says
for every action which register takes over which value, what is written down, and how the cursor moves on.
"""

from __future__ import annotations

from functools import lru_cache

import torch

from composer.environment.observation import MAX_CHORD_AGE, MAX_SINCE_ONSET
from composer.score import CELL_STEPS, HOLD, ONSET, REST
from composer.segments import SEGMENT_STEPS
from composer.theory import MAX_BEAT_STEPS, METERS
from composer.vocabulary import CHORD, DONE, MELODY, RHYTHM, Vocabulary

# Whose turn it is, more finely than by agent: the rhythm agent chooses cells and grooves. 0 is nobody's.
TO_CHORD, TO_CELL, TO_MELODY, TO_END, TO_GROOVE = range(1, 6)
KINDS = 6
AGENT_OF_KIND = (DONE, CHORD, RHYTHM, MELODY, DONE, RHYTHM)
# Who comes before whom within a beat; the end comes after every beat.
_ORDER_OF_KIND = (0, 0, 2, 3, torch.iinfo(torch.int32).max // 2, 1)

OCTAVE, LONGEST_GAP = 12, 16
FIGURES = (2 * OCTAVE + 2) * (LONGEST_GAP + 1)

# What a piece under way remembers besides what is written down. "row" stands for a value times the width of the table
# it is looked up in, so that an address is a plain sum; "before" counts back from the last choice of its kind.
REGISTERS = (
    *("chord", "last cell", "pitch", "gap"),
    *("time", "chord before row", "cell before row", "pitch before row", "interval row"),
    *("chord row", "cell row", "pitch row"),
    *("chord before", "chord before that", "pitch before", "pitch 3 back", "pitch 4 back"),
    *("beat", "offset", "cell", "groove", "sounding", "since onset", "chord age", "until next onset"),
    *("goes on", "case row", "said", "interval", "nothing"),
)
REGISTER = {name: index for index, name in enumerate(REGISTERS)}
# What is fixed for each beat of a piece: who may be next, by how the piece goes on, and where recalled music lies.
PLACE = ("after chord", "to cell", "to melody", "at a beat", "groove mask", "recalled beat", "less the lag")
AFTER_CHORD, AFTER_GROOVE, ON_IN_THE_BEAT, AT_A_BEAT = range(4)
# Sums of two registers that are addresses.
SUMS = ("recalled time", "chord pair", "cell pair", "pitch pair", "figure")
# A piece's state: whose turn, its place, its registers, its sums.
STATE = ("kind", *PLACE, *REGISTERS, *SUMS)
AT = {name: index for index, name in enumerate(STATE)}
FIRST_REGISTER = AT[REGISTERS[0]]
# The sums: slices of the state, the first of them added to the second.
SUMMED = (
    slice(AT["less the lag"], AT["less the lag"] + len(SUMS)),
    slice(AT["time"], AT["time"] + len(SUMS)),
)
# What an action brings, appended to the state: see Tables.said and Tables.interval.
_SAID = {
    name: len(STATE) + index
    for index, name in enumerate(("said", "said row", "case row", "interval", "interval row"))
}
_SOURCES = AT | _SAID

# What is written down at every decision, and where: what followed the last choice and the last two, how the figure
# went on (or nowhere, where the action is another agent's), and what stands at the cursor.
WRITTEN = ("said", "said", "interval", "chord", "cell", "groove", *("pitch",) * MAX_BEAT_STEPS)
NOWHERE, AFTER_CHORDS, AFTER_CELLS, AFTER_PITCHES, AFTER_FIGURE, AT_CURSOR = 0, 1, 3, 5, 7, 8

OFFSETS = MAX_BEAT_STEPS + 1


class Tables:
    """Look-up tables of one vocabulary. Cells and grooves are counted from 1; row 0 stands for "none yet".

    Attributes:
        wait: the action that lets a piece stand still while others go on.
        said: (KINDS * (A + 1), 3) what an action is called in memory, that times a table's width, and the
            first row of its case in ``keep`` and ``add``.
        interval: ((P + 1) * (A + 1), 2) by last pitch and action: semitones, from 1 for an octave down, and that as
            a row of figures; 0 where there is no last pitch.
        moves: (KINDS * (A + 1), R) which entry of (state, said, interval) each register takes over.
        writes: (KINDS * (A + 1), len(WRITTEN)) which of the addresses from ``NOWHERE`` on each value is written to.
        keep, add: (cases, R) how registers change as the piece goes on: times ``keep`` plus ``add``.
        limits: (R,) the largest values.
        written: (len(WRITTEN),) the registers that are written down.
    """

    def __init__(self, vocabulary: Vocabulary, device: torch.device) -> None:
        self.wait = vocabulary.actions
        self.width = vocabulary.actions + 1
        cells = [CELL_STEPS[cell.code, : cell.steps].tolist() for cell in vocabulary.cells]
        self.cell_codes = torch.cat([torch.zeros(1, dtype=torch.int64), vocabulary.cell_codes]).to(device)
        self.groove_codes = torch.tensor([0, *(groove.code for groove in vocabulary.grooves)], device=device)
        self.first_groove = len(cells)
        self.beat_kind = torch.tensor(
            [[TO_CHORD if beat in meter.chord_beats else TO_CELL for beat in range(_MAX_BEATS)] for meter in METERS],
            device=device,
        )
        self.has_grooves = torch.tensor([index in vocabulary.groove_meters() for index in range(len(METERS))])
        self.has_grooves = self.has_grooves.to(device)
        # place_in_segment[meter, beat]: which beat of its groove's segment a beat of the bar is.
        places = [
            [beat - max(at for at in meter.chord_beats if at <= beat) for beat in range(meter.beats)]
            for meter in METERS
        ]
        self.place_in_segment = torch.tensor([row + [0] * (_MAX_BEATS - len(row)) for row in places], device=device)
        self.agent_of_kind = torch.tensor(AGENT_OF_KIND, device=device)
        self.order_of_kind = torch.tensor(_ORDER_OF_KIND, dtype=torch.int32, device=device)
        self._fill_masks(vocabulary, cells, device)
        self._fill_actions(vocabulary, device)
        self._fill_cases(cells, device)

    def _fill_masks(self, vocabulary: Vocabulary, cells: list[list[int]], device: torch.device) -> None:
        chord_actions, _, pitches = vocabulary.sizes
        melody_row = chord_actions + 2 * len(METERS)
        lengths = sorted({groove.steps for groove in vocabulary.grooves})
        masks = torch.zeros(melody_row + 2 + len(lengths), vocabulary.actions, dtype=torch.bool)
        masks[:chord_actions, :chord_actions] = True
        # Choosing the sounding chord again is what "hold" means; before the first chord there is none to hold.
        masks[range(chord_actions), range(chord_actions)] = False
        for index, meter in enumerate(METERS):
            for sounding in range(2):
                for action, cell in enumerate(vocabulary.cells):
                    fits = cell.steps == meter.beat_steps and (sounding or cells[action][0] != HOLD)
                    masks[chord_actions + 2 * index + sounding, action] = bool(fits)
        masks[melody_row, :pitches] = True
        masks[melody_row + 1, 0] = True
        row_of_length = {0: melody_row + 1}
        for row, length in enumerate(lengths, start=melody_row + 2):
            row_of_length[length] = row
            for action, groove in enumerate(vocabulary.grooves, start=self.first_groove):
                masks[row, action] = groove.steps == length
        # groove_row[meter, beat]: the row of grooves that may begin there; a metre without grooves is never asked.
        self.groove_row = torch.tensor(
            [[row_of_length.get(steps, melody_row + 1) for steps in row] for row in SEGMENT_STEPS.tolist()],
            device=device,
        )
        self.masks = masks.to(device)
        self.first_cell_row, self.melody_row, self.end_row = chord_actions, melody_row, melody_row + 1

    def _fill_actions(self, vocabulary: Vocabulary, device: torch.device) -> None:
        """What each action of each kind brings and moves. An action means itself but for the wait at the end."""
        chords, _, pitches = vocabulary.sizes
        action = torch.arange(self.width)
        said = torch.zeros(KINDS, self.width, 3, dtype=torch.int64)
        moves = torch.arange(FIRST_REGISTER, FIRST_REGISTER + len(REGISTERS)).repeat(KINDS, self.width, 1)
        cursor = range(AT_CURSOR, AT_CURSOR + len(WRITTEN) - 3)
        writes = torch.tensor([*(NOWHERE,) * 3, *cursor]).repeat(KINDS, self.width, 1)

        def take(kind: int, which: slice, **sources: str) -> None:
            for register, source in sources.items():
                column = REGISTER[register.replace("_", " ")]
                moves[kind, which, column] = _SOURCES[source]

        everything, decided, changed = slice(None), slice(0, self.wait), slice(1, self.wait)
        case_rows = (self.first_groove + 1) * OFFSETS
        said[:, :, 2] = torch.arange(KINDS)[:, None] * case_rows
        said[:, self.wait, 2] += KINDS * case_rows
        for kind, choices, first in (
            (TO_CHORD, chords, 0),
            (TO_CELL, self.first_groove + 1, -1),
            (TO_MELODY, pitches + 1, -1),
            (TO_GROOVE, 0, self.first_groove - 1),
        ):
            said[kind, :, 0] = (action - first).clamp(min=0)
            said[kind, :, 1] = said[kind, :, 0] * choices
        for kind in range(KINDS):
            take(kind, everything, case_row="case row", said="said", interval="interval")
        take(TO_CHORD, decided, groove="nothing")
        take(TO_CHORD, changed, chord="said", chord_row="said row", chord_before="chord")
        take(TO_CHORD, changed, chord_before_that="chord before", chord_before_row="chord row", chord_age="nothing")
        take(TO_CELL, decided, cell="said", last_cell="said", cell_row="said row", cell_before_row="cell row")
        take(
            TO_MELODY, decided, pitch="said", pitch_row="said row", pitch_before="pitch", pitch_before_row="pitch row"
        )
        take(TO_MELODY, decided, pitch_3_back="pitch before", pitch_4_back="pitch 3 back")
        take(TO_MELODY, decided, interval_row="interval row", gap="nothing")
        take(TO_GROOVE, decided, groove="said")
        writes[TO_CHORD, changed, :2] = torch.tensor([AFTER_CHORDS, AFTER_CHORDS + 1])
        writes[TO_CELL, decided, :2] = torch.tensor([AFTER_CELLS, AFTER_CELLS + 1])
        writes[TO_MELODY, decided, :3] = torch.tensor([AFTER_PITCHES, AFTER_PITCHES + 1, AFTER_FIGURE])
        last = torch.arange(pitches + 1)[:, None]
        interval = ((action + 1 - last).clamp(-OCTAVE, OCTAVE) + OCTAVE + 1) * (last > 0)
        self.said = said.flatten(0, 1).int().to(device)
        self.moves = moves.flatten(0, 1).to(device)
        self.writes = writes.flatten(0, 1).to(device)
        self.interval = torch.stack([interval, interval * (LONGEST_GAP + 1)], 2).flatten(0, 1).int().to(device)

    def _fill_cases(self, cells: list[list[int]], device: torch.device) -> None:
        """How registers change: by case (a kind, or a kind that waits), cell and offset."""
        keep = torch.ones(2 * KINDS, len(cells) + 1, OFFSETS, len(REGISTERS), dtype=torch.int64)
        add = torch.zeros_like(keep)
        goes_on = REGISTER["goes on"]
        keep[..., goes_on] = 0
        for kind, way in ((TO_CHORD, AFTER_CHORD), (TO_GROOVE, AFTER_GROOVE), (TO_END, AT_A_BEAT)):
            add[kind, ..., goes_on] = way
        # A piece that waits goes on where it stands.
        for kind, way in (
            *((TO_CHORD, AT_A_BEAT), (TO_CELL, AFTER_GROOVE), (TO_MELODY, ON_IN_THE_BEAT)),
            *((TO_END, AT_A_BEAT), (TO_GROOVE, AFTER_CHORD)),
        ):
            add[KINDS + kind, ..., goes_on] = way
        for number, cell in enumerate(cells, start=1):
            for kind in (TO_CELL, TO_MELODY):
                for offset in range(len(cell)):
                    change = _onward(cell, offset, after=kind == TO_MELODY)
                    for name, (kept, added) in change.items():
                        keep[kind, number, offset, REGISTER[name]] = kept
                        add[kind, number, offset, REGISTER[name]] = added
        self.keep = keep.flatten(0, 2).int().to(device)
        self.add = add.flatten(0, 2).int().to(device)
        limits = torch.full((len(REGISTERS),), torch.iinfo(torch.int32).max, dtype=torch.int32)
        limits[REGISTER["chord age"]] = MAX_CHORD_AGE
        limits[REGISTER["since onset"]] = MAX_SINCE_ONSET
        limits[REGISTER["gap"]] = LONGEST_GAP
        self.limits = limits.to(device)
        self.written = torch.tensor([REGISTER[name] for name in WRITTEN], device=device)


def _onward(cell: list[int], offset: int, *, after: bool) -> dict[str, tuple[int, int]]:
    """The factor and the addend of every register that changes as the cursor goes on in ``cell``.

    It goes to the first onset ``after`` the offset, or from it on, or else to the next beat.
    """
    steps = len(cell)
    onsets = [step for step in range(offset + after, steps) if cell[step] == ONSET]
    if onsets:
        until = (onsets[1] if len(onsets) > 1 else steps) - onsets[0]
        passed = onsets[0] - offset
        return {
            "offset": (0, onsets[0]),
            "time": (1, passed),
            "gap": (1, passed),
            "until next onset": (0, until),
            "goes on": (0, ON_IN_THE_BEAT),
        }
    silent = ONSET not in cell
    return {
        "beat": (1, 1),
        "offset": (0, 0),
        "time": (1, steps - offset),
        "gap": (1, steps - offset),
        "chord age": (1, 1),
        "sounding": (0, int(cell[-1] != REST)),
        "since onset": (int(silent), steps if silent else 1 + cell[::-1].index(ONSET)),
        "cell": (0, 0),
        "until next onset": (0, 0),
        "goes on": (0, AT_A_BEAT),
    }


_MAX_BEATS = max(meter.beats for meter in METERS)


@lru_cache(maxsize=16)
def tables_of(vocabulary: Vocabulary, device: torch.device) -> Tables:
    """The tables of a vocabulary, worked out once."""
    with torch.inference_mode(False):  # they outlive whoever asks first
        return Tables(vocabulary, device)
