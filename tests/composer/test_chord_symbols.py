"""Chord symbols as musicians write them."""

from __future__ import annotations

import pytest

from composer.chord_symbols import parse_chord, parse_progression
from composer.corpus.keys import key_of_chords
from composer.theory import CHORD_CODES, METERS, TheoryError, chord_name

FOUR, THREE = METERS[0], METERS[1]


@pytest.mark.parametrize(
    ("symbol", "name"),
    [
        ("C", "C"),
        ("Am", "Am"),
        ("A-", "Am"),
        ("F#m7", "F#m7"),
        ("Gbmaj7", "F#maj7"),
        ("BbM7", "Bbmaj7"),
        ("B♭Δ", "Bbmaj7"),
        ("G/B", "G"),
        ("Cadd9", "C"),
        ("G13", "G7"),
        ("Dsus", "Dsus4"),
        ("Bm7b5", "Bm7b5"),
        ("Bø", "Bm7b5"),
        ("Cb", "B"),
        ("E#dim", "Fdim"),
        ("N.C.", "N.C."),
    ],
)
def test_a_symbol_is_the_chord_it_sounds(symbol: str, name: str) -> None:
    assert chord_name(parse_chord(symbol)) == name


def test_every_chord_triad_names_can_be_read_back() -> None:
    assert all(parse_chord(chord_name(code)) == code for code in range(CHORD_CODES))


def names(text: str, meter: object = FOUR) -> str:
    return " ".join(chord_name(code) for code in parse_progression(text, meter))  # type: ignore[arg-type]


def test_the_chords_of_a_bar_share_its_beats() -> None:
    assert names("Am F | C") == "Am Am F F C C C C"
    assert names("Am F C G |") == "Am F C G"
    assert names("| Am | % |") == "Am Am Am Am Am Am Am Am"
    assert names("C F", THREE) == "C C C F F F"
    assert names("C F | G", THREE) == "C C F G G G"
    assert names("Am / F G") == "Am Am Am Am Am Am Am Am F F F F G G G G"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("Am H7", "'H7'"),
        ("Am | Fmaj77", "'Fmaj77'"),
        ("  | |", "no chord"),
        ("% | C", "no chord before it"),
        ("C D E F G | C", "bar 1 holds 5 chords"),
    ],
)
def test_what_cannot_be_read_is_named(text: str, says: str) -> None:
    with pytest.raises(TheoryError, match=says.replace("(", r"\(")):
        parse_progression(text, FOUR)


def test_a_progression_tells_its_key() -> None:
    assert key_of_chords(parse_progression("C Am F G C", FOUR)).name == "C major"
    assert key_of_chords(parse_progression("Em C G D Em", FOUR)).name == "E minor"
