import pytest

from composer import theory
from composer.theory import Key, TheoryError


@pytest.mark.parametrize(
    ("text", "tonic", "mode"),
    [
        ("D minor", 2, "minor"),
        ("d minor", 2, "minor"),
        ("Dm", 2, "minor"),
        ("Bb", 10, "major"),
        ("b", 11, "major"),
        ("F# major", 6, "major"),
        ("F♯ Major", 6, "major"),
        ("Cb major", 11, "major"),
        ("E-minor", 4, "minor"),
        ("G aeolian", 7, "minor"),
        ("CM", 0, "major"),
    ],
)
def test_keys_are_read_as_musicians_write_them(text: str, tonic: int, mode: str) -> None:
    assert Key.parse(text) == Key(tonic, theory.MODE_INDEX[mode])


@pytest.mark.parametrize("text", ["", "H flat", "C nonsense", "minor", "C## major", "12"])
def test_an_unknown_key_is_named_in_the_error(text: str) -> None:
    with pytest.raises(TheoryError, match="unknown key") as error:
        Key.parse(text)
    assert repr(text) in str(error.value)


def test_a_key_is_reached_by_the_shorter_way() -> None:
    assert Key.parse("C major").transposition == 0
    assert Key.parse("G major").transposition == -5
    assert Key.parse("F major").transposition == 5
    assert Key.parse("A minor").transposition == 0
    assert Key.parse("D minor").transposition == 5
    assert {theory.transposition(tonic, 0) for tonic in range(12)} == set(range(-6, 6))


def test_metres_keep_their_time_signature() -> None:
    for meter in theory.METERS:
        assert meter.bar_steps * meter.denominator == 16 * meter.numerator
        assert all(beat < meter.beats for beat in meter.chord_beats)
        assert meter.chord_beats[0] == 0
    with pytest.raises(TheoryError, match=r"'5/4'.*4/4"):
        theory.parse_meter("5/4")


def test_chord_codes_round_trip_and_transpose() -> None:
    for code in range(1, theory.CHORD_CODES):
        quality = theory.CHORD_QUALITIES.index(theory.chord_quality(code))
        assert theory.chord_code(theory.chord_root(code), quality) == code
        moved = theory.transpose_chord(code, 5)
        assert theory.chord_pitch_classes(moved) == {(tone + 5) % 12 for tone in theory.chord_pitch_classes(code)}


def test_names() -> None:
    a_minor_seventh = theory.chord_code(9, theory.QUALITY_INDEX["minor-seventh"])
    assert theory.chord_name(a_minor_seventh) == "Am7"
    assert theory.chord_name(a_minor_seventh, 3) == "Cm7"
    assert theory.chord_name(theory.NO_CHORD) == "N.C."
    assert theory.pitch_name(60) == "C4"
    assert theory.pitch_name(70) == "Bb4"
