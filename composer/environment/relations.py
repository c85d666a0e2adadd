"""How an action relates to what a slot says: the intervals of music, as tables of small integers.

A network that scores every pitch by itself has to learn "a third above the last note" anew for each of them. With a
relation it scores the interval once. A relation is a table over a slot's values and an agent's actions; its entries
name kinds of relation, 0 standing for "none yet".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from composer.environment.observation import RECALLED_BARS, SLOTS, columns
from composer.plan import LOWEST_REGISTER, REGISTER_STEP, REGISTERS
from composer.score import CELL_STEPS, ONSET, REST
from composer.theory import MODES, chord_pitch_classes, chord_root
from composer.vocabulary import CHORD, MELODY, RHYTHM, Vocabulary

# Intervals up to a minor ninth are told apart from the last note, up to a major third from other ones: beyond, only
# whether the note is higher or lower.
NEAR, FAR = 13, 4
# The first two chord qualities are the major and the minor triad.
_FIRST_COLOUR = 1 + 2 * 12


@dataclass(frozen=True, slots=True)
class Relation:
    """One table.

    Attributes:
        column: of the slot among those its agent reads.
        table: (values of the slot, actions) int64, kinds from 0.
    """

    column: int
    table: Tensor

    @property
    def kinds(self) -> int:
        """Number of kinds of relation."""
        return int(self.table.max()) + 1


def relations(agent: int, vocabulary: Vocabulary) -> tuple[Relation, ...]:
    """The relations between what ``agent`` sees and what it may do."""
    names = [SLOTS[column].name for column in columns(agent)]
    return tuple(Relation(names.index(slot), build(vocabulary)) for slot, build in _TABLES[agent].items())


def _interval(reach: int) -> Callable[[Vocabulary], Tensor]:
    """Semitones from the slot's pitch to the action's."""

    def build(vocabulary: Vocabulary) -> Tensor:
        pitches = torch.arange(vocabulary.sizes[MELODY])
        kinds = (pitches - pitches[:, None]).clamp(-reach - 1, reach + 1) + reach + 2
        return torch.cat([torch.zeros_like(kinds[:1]), kinds])

    return build


def _degree(vocabulary: Vocabulary) -> Tensor:
    """Semitones (0..11) of the action's pitch above the slot's chord's root, chord tones told from others."""
    pitches = range(vocabulary.low, vocabulary.high + 1)
    rows = [[0] * len(pitches)]
    for code in vocabulary.chords:
        tones, root = chord_pitch_classes(code), chord_root(code)
        rows.append([1 + 2 * ((pitch - root) % 12) + (pitch % 12 in tones) for pitch in pitches])
    return torch.tensor(rows)


def _scale_degree(vocabulary: Vocabulary) -> Tensor:
    """Pitch class of the action's pitch, in each mode."""
    pitches = range(vocabulary.low, vocabulary.high + 1)
    return torch.tensor([[12 * mode + pitch % 12 for pitch in pitches] for mode in range(len(MODES))])


def _harmonised(vocabulary: Vocabulary) -> Tensor:
    """What the slot's pitch would be in the action's chord: as :func:`_degree`, turned round; hold is kind 1."""
    held = torch.ones(vocabulary.sizes[MELODY], 1, dtype=torch.int64)
    below = torch.cat([held, _degree(vocabulary)[1:].T + 1], dim=1)
    return torch.cat([torch.zeros_like(below[:1]), below])


def _root_motion(vocabulary: Vocabulary) -> Tensor:
    """Semitones (0..11) from the slot's root to the action's, by the third of the action's chord; hold is kind 1."""
    rows = [[0] + [2 + 3 * 12 + _third(code) for code in vocabulary.chords]]
    for here in vocabulary.chords:
        moves = [2 + 3 * ((chord_root(code) - chord_root(here)) % 12) + _third(code) for code in vocabulary.chords]
        rows.append([1, *moves])
    return torch.tensor(rows)


def _third(code: int) -> int:
    """0 for a major third, 1 for a minor one, 2 for none."""
    above = {(tone - chord_root(code)) % 12 for tone in chord_pitch_classes(code)}
    return 0 if 4 in above else 1 if 3 in above else 2


def _same_chord(vocabulary: Vocabulary) -> Tensor:
    """Whether the action is the slot's chord (2) or another (3); hold is kind 1."""
    count = len(vocabulary.chords)
    same = 3 - torch.eye(count, dtype=torch.int64)
    rows = torch.cat([torch.ones(count, 1, dtype=torch.int64), same], dim=1)
    return torch.cat([torch.zeros_like(rows[:1]), rows])


def _same_cell(vocabulary: Vocabulary) -> Tensor:
    """Whether the action is the slot's cell (1) or another (2); 0 for grooves."""
    same = 2 - torch.eye(len(vocabulary.cells), dtype=torch.int64)
    return torch.nn.functional.pad(same, (0, len(vocabulary.grooves), 1, 0))


def _same_groove(vocabulary: Vocabulary) -> Tensor:
    """Whether the action is the slot's groove (1) or another (2); 0 for cells."""
    same = 2 - torch.eye(len(vocabulary.grooves), dtype=torch.int64)
    return torch.nn.functional.pad(same, (len(vocabulary.cells), 0, 1, 0))


def _asked(slot: str, attribute: Callable[[Vocabulary], list[int]]) -> Callable[[Vocabulary], Tensor]:
    """What an action is by an attribute (0 for none), for every value the slot asks for it with."""
    size = next(row for row in SLOTS if row.name == slot).size

    def build(vocabulary: Vocabulary) -> Tensor:
        found = torch.tensor(attribute(vocabulary))
        values = torch.arange(size(vocabulary))[:, None]
        return (1 + values * int(found.max() + 1) + found) * (values > 0)

    return build


def _roots(vocabulary: Vocabulary) -> list[int]:
    return [0, *(1 + chord_root(code) for code in vocabulary.chords)]


def _changes(vocabulary: Vocabulary) -> list[int]:
    return [0, *(1 for _ in vocabulary.chords)]


def _colours(vocabulary: Vocabulary) -> list[int]:
    return [0, *(1 + int(code >= _FIRST_COLOUR) for code in vocabulary.chords)]


def _of_cells(count: Callable[[Sequence[int]], int]) -> Callable[[Vocabulary], list[int]]:
    """1 and a number counted in each cell's digits; 0 for a groove."""

    def build(vocabulary: Vocabulary) -> list[int]:
        cells = [CELL_STEPS[cell.code, : cell.steps].tolist() for cell in vocabulary.cells]
        return [*(1 + count(digits) for digits in cells), *(0 for _ in vocabulary.grooves)]

    return build


def _registers(vocabulary: Vocabulary) -> Tensor:
    """How many classes of register the action's pitch lies above the slot's."""
    pitches = torch.arange(vocabulary.low, vocabulary.high + 1)
    own = 1 + ((pitches - LOWEST_REGISTER) / REGISTER_STEP + 1).floor().long().clamp(0, REGISTERS - 1)
    values = torch.arange(REGISTERS + 1)[:, None]
    return (own - values + REGISTERS) * (values > 0)


_TABLES: dict[int, dict[str, Callable[[Vocabulary], Tensor]]] = {
    CHORD: {
        "chord": _root_motion,
        "pitch 1 notes ago": _harmonised,
        **{f"chord {bars} bars ago": _same_chord for bars in RECALLED_BARS},
        "chord in the recalled bar": _same_chord,
        "pitch in the recalled bar": _harmonised,
        "pitch a beat on in the recalled bar": _harmonised,
        **{f"chord after the last {many}": _same_chord for many in ("one", "two")},
        "cadence of the bar": _asked("cadence of the bar", _roots),
        "planned harmonic rhythm": _asked("planned harmonic rhythm", _changes),
        "planned coloured chords": _asked("planned coloured chords", _colours),
    },
    RHYTHM: {
        "cell 1 beats ago": _same_cell,
        **{f"cell {bars} bars ago": _same_cell for bars in RECALLED_BARS},
        "groove 1 beats ago": _same_groove,
        **{f"groove {bars} bars ago": _same_groove for bars in RECALLED_BARS},
        "cell in the recalled bar": _same_cell,
        **{f"cell after the last {many}": _same_cell for many in ("one", "two")},
        "planned density": _asked("planned density", _of_cells(lambda cell: cell.count(ONSET))),
        "planned off beat": _asked("planned off beat", _of_cells(lambda cell: cell[1:].count(ONSET))),
        "planned off eighth": _asked("planned off eighth", _of_cells(lambda cell: cell[1::2].count(ONSET))),
        "planned rests": _asked("planned rests", _of_cells(lambda cell: cell.count(REST))),
        "groove in the recalled bar": _same_groove,
    },
    MELODY: {
        "mode": _scale_degree,
        "chord": _degree,
        "pitch 1 notes ago": _interval(NEAR),
        "pitch 2 notes ago": _interval(FAR),
        **{f"pitch {bars} bars ago": _interval(FAR) for bars in RECALLED_BARS},
        **{f"pitch {how}": _interval(FAR) for how in ("in the recalled bar", "by sequence", "by inversion")},
        **{f"pitch after the last {many}": _interval(FAR) for many in ("one", "two")},
        "pitch by figure": _interval(FAR),
        "planned register": _registers,
    },
}
