import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from composer.corpus.melody import HOLD, REST, line
from composer.corpus.midi import read_song
from composer.corpus.parts import find_roles, harmony_weights, is_block, simultaneity
from tests.composer.midi_files import FRERE, FRERE_CHORDS, C, F, G, Note, Track, blocks, midi, tune


def events(notes: list[Note], steps: int = 16) -> list[int]:
    start, length, pitch = np.array(sorted(notes), dtype=float).T
    return line(start, start + length, pitch.astype(np.int64), steps).events.tolist()


def test_notes_are_struck_held_and_released() -> None:
    assert events([(0, 2, 60), (4, 1, 62), (8, 4, 64)]) == [60, 1, 0, 0, 62, 0, 0, 0, 64, 1, 1, 1, 0, 0, 0, 0]


def test_a_gap_of_one_sixteenth_before_a_note_is_articulation() -> None:
    assert events([(0, 2.6, 60), (4, 3, 62)], 8) == [60, 1, 1, 1, 62, 1, 1, 0]
    assert events([(0, 2, 60), (4, 4, 62)], 8) == [60, 1, 0, 0, 62, 1, 1, 1]


def test_chords_sound_as_their_highest_note() -> None:
    assert events([(0, 4, 60), (0, 4, 64), (0, 4, 67), (4, 4, 65), (4, 4, 62)], 8) == [67, 1, 1, 1, 65, 1, 1, 1]


def test_an_inner_voice_under_a_held_note_is_left_out() -> None:
    start, end = np.array([0.0, 2, 4]), np.array([8.0, 4, 6])
    found = line(start, end, np.array([72, 64, 65]), 8)
    assert found.events.tolist() == [72] + [1] * 7
    assert found.inner == 2


def test_a_legato_line_loses_no_note() -> None:
    assert events([(0, 4.4, 67), (4, 4.4, 64), (8, 4, 60)], 12) == [67, 1, 1, 1, 64, 1, 1, 1, 60, 1, 1, 1]


def test_triplets_move_to_the_nearest_sixteenth_and_are_counted() -> None:
    start = np.array([0, 4 / 3, 8 / 3, 4])
    found = line(start, start + 4 / 3, np.array([60, 62, 64, 65]), 8)
    assert found.events.tolist() == [60, 62, 1, 64, 65, 0, 0, 0]
    assert found.displaced == 2


def test_a_grace_note_gives_way_to_the_note_it_leads_to() -> None:
    found = line(np.array([3.8, 4.0]), np.array([4.0, 8.0]), np.array([66, 67]), 8)
    assert found.events.tolist() == [0, 0, 0, 0, 67, 1, 1, 1]
    assert found.ornaments == 1


@given(
    st.lists(st.tuples(st.floats(0, 31), st.floats(0.05, 9), st.integers(40, 90)), min_size=1, max_size=30),
)
def test_a_line_is_always_well_formed(notes: list[tuple[float, float, int]]) -> None:
    found = events(notes, 32)
    assert len(found) == 32
    for before, here in zip([REST, *found], found, strict=False):
        assert here in (REST, HOLD) or 40 <= here <= 90
        assert not (before == REST and here == HOLD)


def roles_of(*tracks: Track):
    return find_roles(read_song(midi(*tracks)).parts)


def test_names_decide_the_roles() -> None:
    roles = roles_of(
        Track(blocks([C, F, G, C] * 3), "Piano"),
        Track(tune("84 83 " * 16), "Flute", 1),
        Track(tune("67 69 " * 16), "Lead Vocal", 2),
        Track(tune("36 43 " * 16), "Bass", 3),
    )
    assert roles.melody.name == "Lead Vocal"
    assert [part.name for part in roles.harmony] == ["Piano", "Flute", "Bass"]


def test_without_names_the_high_single_line_is_the_melody() -> None:
    roles = roles_of(
        Track(tune("36 43 " * 16), channel=1, program=33),
        Track(blocks([C, F, G, C] * 2), channel=2),
        Track(tune("72 74 76 74 " * 8), channel=0),
        Track(tune("38 42 " * 16), channel=9),
    )
    assert roles.melody.channel == 0
    assert {part.channel for part in roles.harmony} == {1, 2}


def test_a_chord_track_alone_gives_the_harmony() -> None:
    roles = roles_of(Track(FRERE, "melody"), Track(tune("84 " * 24), "Strings", 1), Track(FRERE_CHORDS, "chords", 2))
    assert roles.block
    assert [part.name for part in roles.harmony] == ["chords"]


def test_a_piano_part_is_melody_and_harmony_in_one() -> None:
    both = [*blocks([C, F, G, C] * 2), *tune("72 76 79 76 " * 8)]
    roles = roles_of(Track(both))
    assert roles.polyphonic
    assert roles.harmony == ()


def test_shapes_are_told_apart() -> None:
    line_part, chord_part = read_song(midi(Track(tune("72 74 76")), Track(blocks([C, F]), channel=1))).parts
    assert simultaneity(line_part) == 0
    assert simultaneity(chord_part) == 1
    assert is_block(chord_part)
    assert not is_block(line_part)
    assert harmony_weights((line_part, chord_part)) == [0.5, 1.0]
    assert harmony_weights((line_part, line_part)) == [1.0, 1.0]
