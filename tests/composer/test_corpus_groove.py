import numpy as np
import pytest

from composer.corpus.groove import accompanying, packed, strokes
from composer.corpus.midi import read_song
from composer.corpus.piece import read_piece
from composer.corpus.reader import Piece
from composer.corpus.store import score_of
from composer.groove import LETTERS
from tests.composer.midi_files import FRERE, FRERE_CHORDS, Note, Track, midi


def heard(notes: list[Note], bass: list[Note] = [], steps: int = 16) -> str:  # noqa: B006 - never changed
    """The strokes of a bar as text; ``bass`` is a part of its own."""
    table = sorted([(*note, 0) for note in notes] + [(*note, 1) for note in bass])
    start, length, pitch, own = (np.array(column) for column in zip(*table, strict=True))
    halves = np.arange(steps) // 8
    found = strokes(start.astype(float), (start + length).astype(float), pitch, own, halves)
    return "".join(LETTERS[stroke] for stroke in found)


def read(*accompaniment: Track) -> Piece:
    return read_piece(midi(Track(FRERE, "melody"), *accompaniment), "frere")


def patterns(piece: Piece) -> list[str]:
    """The strokes of every bar in 4/4."""
    found = score_of([piece]).strokes()[0].tolist()
    return ["".join(LETTERS[stroke] for stroke in found[bar : bar + 16]) for bar in range(0, len(found), 16)]


BROKEN = [(0, 8, 48), (2, 2, 55), (4, 2, 60), (6, 2, 64)]


def test_a_broken_chord_has_its_bass_where_nothing_lower_sounds() -> None:
    assert heard(BROKEN) == "b.u.u.u........."


def test_a_bass_that_moves_while_chords_are_struck() -> None:
    chord = [(4, 2, 60), (4, 2, 64), (12, 2, 60), (12, 2, 64)]
    assert heard([(0, 4, 48), (8, 4, 43), *chord]) == "b...u...b...u..."


def test_an_octave_is_bass_but_a_third_tone_makes_a_chord() -> None:
    assert heard([(0, 4, 36), (0, 4, 48)], steps=4) == "b..."
    assert heard([(0, 4, 36), (0, 4, 48), (0, 4, 55)], steps=4) == "x..."


def test_a_right_hand_alone_has_no_bass() -> None:
    assert heard([(0, 4, 48), (6, 2, 64), (6, 2, 67)], steps=8) == "b.....u."


def test_rolled_chords_and_grace_notes_are_one_stroke() -> None:
    rolled = [(4, 4, 48), (4.2, 4, 55), (4.5, 4, 60), (7.9, 0.1, 61), (8, 4, 60)]
    assert heard(rolled) == "....x...u......."


def test_a_part_of_its_own_is_the_bass_however_high_it_plays() -> None:
    assert heard([(0, 2, 60), (4, 2, 60)], [(0, 2, 48), (2, 2, 62)], 8) == "x.b.u..."


def test_strokes_are_packed_by_beat_and_few_are_none() -> None:
    bar = np.array([1, 0, 2, 0, 0, 0, 0, 3])
    assert packed(bar, 4).tolist() == [1 + 2 * 16, 3 * 64]
    assert packed(np.concatenate([bar, np.zeros(32, dtype=np.int64)]), 4).tolist() == [0] * 10


def test_a_line_above_the_chords_is_a_second_melody() -> None:
    counter = Track([(step, 2, 79) for step in range(0, 64, 2)], "flute", 2)
    hands = Track([(bar * 16, 16, pitch) for bar in range(4) for pitch in (48, 64, 67)], "piano", 1)
    low = Track([(bar * 16, 8, 36) for bar in range(4)], "contrabass", 3)
    song = read_song(midi(counter, hands, low))
    bass, upper = accompanying(song.parts)
    assert [part.name for part in bass] == ["contrabass"]
    assert [part.name for part in upper] == ["piano"]


def test_a_piano_part_gives_the_piece_its_groove() -> None:
    piano = [(half * 8 + start, length, pitch) for half in range(16) for start, length, pitch in BROKEN]
    assert patterns(read(Track(piano, "piano", 1))) == ["b.u.u.u.b.u.u.u."] * 8


@pytest.mark.parametrize("tracks", [(), (Track(FRERE_CHORDS, "chords", 1),)])
def test_a_tune_alone_and_declared_chords_have_none(tracks: tuple[Track, ...]) -> None:
    piece = read(*tracks)
    assert not piece.groove.any()
    assert not score_of([piece]).accompanied.any()


def test_what_sounds_over_from_the_half_bar_before_is_the_bass() -> None:
    # The root is let go at 12, and the fifth above it is struck alone.
    assert heard([(0, 12, 48), (4, 2, 60), (8, 2, 60), (12, 2, 55), (14, 2, 60)]) == "b...u...u...u.u."


def test_a_leap_of_the_left_hand_to_another_chord_is_bass() -> None:
    assert heard([(0, 8, 41), (2, 2, 60), (8, 8, 53), (10, 2, 60)]) == "b.u.....b.u....."
