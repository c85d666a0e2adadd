import torch

from composer.environment import SLOTS, columns, relations, slot_sizes
from composer.theory import chord_pitch_classes
from composer.vocabulary import AGENTS, CHORD, MELODY, RHYTHM
from tests.composer.examples import ACCOMPANIED as VOCABULARY

C4, E4, G4 = (pitch - VOCABULARY.low for pitch in (60, 64, 67))


def table(agent: int, slot: str) -> torch.Tensor:
    names = [SLOTS[column].name for column in columns(agent)]
    return next(relation.table for relation in relations(agent, VOCABULARY) if relation.column == names.index(slot))


def test_every_table_covers_its_slot_and_the_agents_actions() -> None:
    sizes = slot_sizes(VOCABULARY)
    for agent in range(len(AGENTS)):
        for relation in relations(agent, VOCABULARY):
            slot = columns(agent)[relation.column]
            assert relation.table.shape == (sizes[slot], VOCABULARY.sizes[agent])
            assert int(relation.table.min()) >= 0


def test_an_interval_is_the_same_kind_wherever_it_stands() -> None:
    intervals = table(MELODY, "pitch 1 notes ago")
    assert intervals[C4 + 1, E4] == intervals[E4 + 1, E4 + 4] == intervals[G4 + 1, G4 + 4]
    assert intervals[C4 + 1, E4] != intervals[E4 + 1, C4]
    assert (intervals[0] == 0).all()
    # From the last note a fifth is told from a sixth; from an earlier one both are merely "higher".
    assert intervals[C4 + 1, G4] != intervals[C4 + 1, G4 + 2]
    earlier = table(MELODY, "pitch 4 bars ago")
    assert earlier[C4 + 1, G4] == earlier[C4 + 1, G4 + 2]


def test_chord_tones_are_told_from_others() -> None:
    degrees = table(MELODY, "chord")
    for row, code in enumerate(VOCABULARY.chords, start=1):
        for action in range(VOCABULARY.sizes[MELODY]):
            tone = (VOCABULARY.low + action) % 12 in chord_pitch_classes(code)
            # Kind 1 + 2 * degree + (1 for a chord tone): even kinds are chord tones.
            assert (int(degrees[row, action]) % 2 == 0) == tone
    first, second = 1, 2  # C and G: the third above the root is one kind
    assert degrees[first, E4] == degrees[second, 71 - VOCABULARY.low]


def test_root_motions_and_copies() -> None:
    motion = table(CHORD, "chord")
    hold, c, g, f, a_minor, d_minor = range(6)
    assert motion[c, g] == motion[f, c], "up a fifth to a major chord"
    assert motion[c, g] != motion[c, d_minor]
    assert motion[g, a_minor] == motion[c, d_minor], "up a step to a minor chord"
    assert (motion[1:, hold] == 1).all()
    same = table(CHORD, "chord 4 bars ago")
    assert [int(same[c, action]) for action in (hold, c, g)] == [1, 2, 3]
    cells = table(RHYTHM, "cell 1 bars ago")
    assert [int(cells[2, action]) for action in (0, 1, 2)] == [2, 1, 2]
    none, first = len(VOCABULARY.cells), len(VOCABULARY.cells) + 1
    assert (cells[:, none:] == 0).all(), "a groove is no copy of a cell"
    grooves = table(RHYTHM, "groove 1 bars ago")
    assert [int(grooves[2, action]) for action in (0, none, first)] == [0, 2, 1]
    assert (grooves[0] == 0).all()


def test_what_is_asked_for_is_told_by_what_the_action_is() -> None:
    cadence = table(CHORD, "cadence of the bar")
    hold, c, g, f, a_minor, d_minor = range(6)
    assert (cadence[0] == 0).all(), "no cadence is asked for"
    assert len({int(cadence[2, action]) for action in (hold, c, g, f, a_minor, d_minor)}) == 6
    assert not set(cadence[2].tolist()) & set(cadence[3].tolist()), "each cadence has scores of its own"
    colours = table(CHORD, "planned coloured chords")
    assert colours[1, c] == colours[1, g] == colours[1, a_minor] != colours[1, hold]
    density = table(RHYTHM, "planned density")
    counts = [cell.pattern.count("x") for cell in VOCABULARY.cells]
    for one, first in enumerate(counts):
        for other, second in enumerate(counts):
            assert (density[3, one] == density[3, other]) == (first == second)
    register = table(MELODY, "planned register")
    # 60 lies in the second class: where the fourth is asked for it lies two below, as 65 does where the sixth is.
    c4, f4 = 60 - VOCABULARY.low, 65 - VOCABULARY.low
    assert register[4, c4] == register[6, f4] == register[2, c4] - 2
    assert (register[0] == 0).all()
