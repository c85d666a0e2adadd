import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from composer.corpus.errors import Unusable
from composer.corpus.midi import MAX_BYTES, read_song
from composer.corpus.piece import Piece, read_piece
from composer.theory import Key
from tests.composer.midi_files import FRERE, FRERE_CHORDS, Track, midi, tune

WHOLE = midi(Track(FRERE, "melody"), Track(FRERE_CHORDS, "chords", 1))


def test_times_are_sixteenths_whatever_the_ticks() -> None:
    for ticks in (24, 96, 480, 960):
        song = read_song(midi(Track(tune("60 62 64"), "melody"), ticks=ticks, keys=((0, "Dm"),), tempos=((0, 90),)))
        (part,) = song.parts
        assert part.start.tolist() == [0, 4, 8]
        assert part.end.tolist() == [4, 8, 12]
        assert part.pitch.tolist() == [60, 62, 64]
        assert song.keys == ((0, Key(2, 1)),)
        assert song.tempos[0][1] == pytest.approx(90)


def test_a_single_track_file_is_parted_by_channel() -> None:
    song = read_song(midi(Track(tune("72 74"), channel=0), Track(tune("48"), channel=9), kind=0))
    assert [part.is_drum for part in song.parts] == [False, True]
    assert [part.pitch.tolist() for part in song.parts] == [[72, 74], [48]]


def test_a_note_struck_again_ends_the_one_before() -> None:
    (part,) = read_song(midi(Track([(0, 8, 60), (4, 8, 60)]))).parts
    assert part.start.tolist() == [0, 4]
    assert part.end[0] == 4
    assert np.all(part.end > part.start)


def test_track_names_may_be_utf8_or_latin1() -> None:
    for name in ("Mélodie", "旋律"):
        data = midi(Track(tune("60"), name.encode().decode("latin-1")))
        assert read_song(data).parts[0].name == name
    assert read_song(midi(Track(tune("60"), "Mélodie"))).parts[0].name == "Mélodie"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "broken MIDI"),
        (b"RIFF not a MIDI file", "broken MIDI"),
        (WHOLE[:40], "broken MIDI"),
        (WHOLE[:12] + b"\xe7\x28" + WHOLE[14:], "no beat"),
        (WHOLE[:8] + b"\x00\x02" + WHOLE[10:], "broken MIDI"),
        (bytes(MAX_BYTES + 1), "too large"),
        (midi(Track([(0, 4, 60), (200_000, 4, 60)])), "too long"),
    ],
)
def test_what_is_no_piece_is_refused_with_the_reason(data: bytes, reason: str) -> None:
    with pytest.raises(Unusable) as verdict:
        read_song(data)
    assert verdict.value.reason == reason
    assert verdict.value.detail


def test_a_cut_file_is_said_to_break_off() -> None:
    for data in (b"", WHOLE[:40]):
        with pytest.raises(Unusable) as verdict:
            read_song(data)
        assert verdict.value.detail == "it breaks off before its end"


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(WHOLE) - 1), st.integers(0, 255)), min_size=1, max_size=6))
def test_damage_anywhere_gives_a_piece_or_a_reason(damage: list[tuple[int, int]]) -> None:
    data = bytearray(WHOLE)
    for place, value in damage:
        data[place] = value
    try:
        outcome: Piece | Unusable = read_piece(bytes(data), "damaged.mid")
    except Unusable as verdict:
        outcome = verdict
    assert isinstance(outcome, Piece) or outcome.reason
