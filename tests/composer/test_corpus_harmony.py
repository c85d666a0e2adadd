import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from composer.corpus.harmony import fill, imply, name_chord, read_blocks, recognise, sounds
from composer.corpus.keys import Clues, find_key
from composer.theory import CHORD_CODES, CHORD_QUALITIES, NO_CHORD, Key, chord_name, chord_pitch_classes, chord_root

PARSE = {chord_name(code): code for code in range(CHORD_CODES)}


def heard(*chords: tuple[int, ...], length: int = 8):
    """Slots of ``length`` sixteenths in which the given pitches sound all the time."""
    notes = [(index * length, (index + 1) * length, pitch) for index, chord in enumerate(chords) for pitch in chord]
    start, end, pitch = np.array(notes).T
    slots = np.arange(len(chords)) * length
    return sounds(start, end, pitch, np.ones(len(notes)), slots, len(chords) * length)


def names(codes: list[int]) -> list[str]:
    return [chord_name(code) for code in codes]


@given(st.integers(1, CHORD_CODES - 1))
def test_every_chord_written_in_root_position_is_read_back_exactly(code: int) -> None:
    root = 48 + chord_root(code)
    pitches = [root + (pitch_class - root) % 12 for pitch_class in chord_pitch_classes(code)]
    assert name_chord(pitches) == code


def test_an_inversion_keeps_its_root_and_an_unknown_chord_its_triad() -> None:
    assert chord_name(name_chord([52, 55, 60])) == "C"
    assert chord_name(name_chord([48, 52, 55, 58, 62])) == "C7"  # a ninth


def test_block_chords_count_by_their_length_in_the_slot() -> None:
    start = np.array([0, 0, 0, 6, 6, 6, 16, 16, 16])
    end = np.array([6, 6, 6, 16, 16, 16, 24, 24, 24])
    pitch = np.array([48, 52, 55, 53, 57, 60, 55, 59, 62])
    found = read_blocks(start, end, pitch, np.arange(0, 40, 8), 40)
    assert names(found) == ["C", "F", "G", "G", "G"]


@pytest.mark.parametrize(
    "quality", [row for row in CHORD_QUALITIES if len(row.intervals) == 3], ids=lambda row: row.name
)
def test_full_triads_are_recognised_on_every_root(quality) -> None:
    for root in range(12):
        chord = tuple(48 + root + interval for interval in quality.intervals)
        (code,) = recognise(heard(chord))
        assert chord_pitch_classes(code) == {pitch % 12 for pitch in chord}


def test_a_passing_note_makes_no_chord_of_its_own() -> None:
    start = np.array([0, 0, 0, 6, 8, 8, 8])
    end = np.array([8, 8, 6, 8, 16, 16, 16])
    pitch = np.array([48, 64, 67, 69, 48, 64, 67])
    found = recognise(sounds(start, end, pitch, np.ones(7), np.array([0, 8]), 16))
    assert names(found) == ["C", "C"]


def test_the_bass_tells_c_six_from_a_minor_seven() -> None:
    assert names(recognise(heard((45, 60, 64, 67)))) == ["Am7"]


def test_silence_takes_its_neighbours_chord() -> None:
    start, end, pitch = np.array([[8, 16, 53], [8, 16, 57], [8, 16, 60]]).T
    found = recognise(sounds(start, end, pitch, np.ones(3), np.arange(0, 32, 8), 32))
    assert names(found) == ["F"] * 4
    assert fill([NO_CHORD, NO_CHORD, 5, NO_CHORD]) == [5, 5, 5, 5]
    assert fill([NO_CHORD, NO_CHORD]) == [NO_CHORD, NO_CHORD]


def test_a_tune_implies_the_chords_of_its_key() -> None:
    lines = [(60, 64, 67), (65, 69, 72), (67, 71, 74), (60, 64, 67)]
    strong = [True, False, True, False]
    for tonic in (0, 2, 7):
        moved = [tuple(pitch + tonic for pitch in line) for line in lines]
        found = imply(heard(*moved), Key(tonic, 0), strong)
        assert names(found) == [chord_name(PARSE[name], tonic) for name in ("C", "F", "G", "C")]
    minor = imply(heard((57, 60, 64), (62, 65, 69), (64, 68, 71), (57, 60, 64)), Key(9, 1), strong)
    assert names(minor) == ["Am", "Dm", "E", "Am"]


def clues(pitches: list[int], signature: Key | None = None, last: int | None = None) -> Clues:
    tones = np.bincount(np.array(pitches) % 12, minlength=12).astype(float)
    last = pitches[-1] if last is None else last
    return Clues(tones, tones, last % 12, last % 12, pitches[0] % 12, signature)


@given(st.integers(0, 11))
def test_scales_are_named_by_their_tonic(tonic: int) -> None:
    major = [60, 62, 64, 65, 67, 69, 71, 67, 64, 60]
    minor = [57, 59, 60, 62, 64, 65, 68, 64, 60, 57]
    assert find_key(clues([pitch + tonic for pitch in major])) == Key(tonic, 0)
    assert find_key(clues([pitch + tonic for pitch in minor])) == Key((tonic + 9) % 12, 1)


def test_a_signature_tells_the_accidentals_and_the_notes_the_mode() -> None:
    a_minor = [69, 72, 71, 69, 76, 74, 72, 71, 69, 69]
    assert find_key(clues(a_minor, Key(0, 0))) == Key(9, 1)


def test_a_signature_the_notes_deny_is_not_believed() -> None:
    d_major = [62, 66, 69, 67, 66, 64, 61, 62, 66, 62]
    assert find_key(clues(d_major, Key(3, 0))) == Key(2, 0)
