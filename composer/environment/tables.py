"""What the environment looks up instead of computing: cells by onset, turns by beat, masks by who decides on what."""

from __future__ import annotations

import torch

from composer.score import CELL_STEPS, HOLD, ONSET, REST
from composer.segments import SEGMENT_STEPS
from composer.theory import MAX_BEAT_STEPS, METERS
from composer.vocabulary import CHORD, RHYTHM, Vocabulary

NO_ONSET = MAX_BEAT_STEPS + 1
_MAX_BEATS = max(meter.beats for meter in METERS)


class Tables:
    """Look-up tables of one vocabulary. Cells and grooves are counted from 1; row 0 stands for "none yet"."""

    def __init__(self, vocabulary: Vocabulary, device: torch.device) -> None:
        cells = [CELL_STEPS[cell.code, : cell.steps].tolist() for cell in vocabulary.cells]
        self.cell_codes = torch.cat([torch.zeros(1, dtype=torch.int64), vocabulary.cell_codes]).to(device)
        # next_onset[cell, offset]: the first onset at or after the offset.
        self.next_onset = torch.tensor(
            [[NO_ONSET] * (MAX_BEAT_STEPS + 2)]
            + [
                [
                    next((step for step in range(offset, len(cell)) if cell[step] == ONSET), NO_ONSET)
                    for offset in range(MAX_BEAT_STEPS + 2)
                ]
                for cell in cells
            ],
            device=device,
        )
        self.rings_on = torch.tensor([0] + [int(cell[-1] != REST) for cell in cells], device=device)
        self.no_onset = torch.tensor([1] + [int(ONSET not in cell) for cell in cells], device=device)
        self.since_onset = torch.tensor(
            [0] + [1 + cell[::-1].index(ONSET) if ONSET in cell else len(cell) for cell in cells],
            device=device,
        )
        self.beat_turn = torch.tensor(
            [[CHORD if beat in meter.chord_beats else RHYTHM for beat in range(_MAX_BEATS + 1)] for meter in METERS],
            device=device,
        )
        codes = [0, *(groove.code for groove in vocabulary.grooves)]
        self.groove_codes = torch.tensor(codes, device=device)
        self.first_groove = len(vocabulary.cells)
        self.has_grooves = torch.tensor([index in vocabulary.groove_meters() for index in range(len(METERS))])
        self.has_grooves = self.has_grooves.to(device)
        # place_in_segment[meter, beat]: which beat of its groove's segment a beat of the bar is.
        places = [
            [beat - max(at for at in meter.chord_beats if at <= beat) for beat in range(meter.beats)]
            for meter in METERS
        ]
        self.place_in_segment = torch.tensor([row + [0] * (_MAX_BEATS - len(row)) for row in places], device=device)
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
        self.mask_base = torch.tensor([0, chord_actions, melody_row, melody_row + 1], device=device)
