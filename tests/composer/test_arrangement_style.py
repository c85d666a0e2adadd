"""Style files: each that ships is complete, and a broken one is named in one line."""

from pathlib import Path

import pytest

from composer.arrangement import ArrangementError, arrange, load_style, style_names
from composer.arrangement.feel import swung
from composer.arrangement.model import Note
from composer.arrangement.patterns import level_of, read_pattern
from composer.arrangement.spelling import chord_symbol, key_name, signature
from composer.arrangement.style import FOLDER
from composer.arrangement.voicing import Frame, lead_voices
from composer.theory import Key, chord_code, chord_pitch_classes
from tests.composer.sounding import ODE

POP = (FOLDER / "pop.toml").read_text(encoding="utf-8")


def test_the_styles_that_ship() -> None:
    assert style_names() == ("chorale", "cinematic", "folk", "jazz", "lofi", "pop", "rock")
    assert [load_style(name).title for name in style_names()] == [
        "Chorale",
        "Cinematic",
        "Folk",
        "Jazz",
        "Lo-fi",
        "Pop",
        "Rock",
    ]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('title = "Pop"', "title = ", "no valid TOML"),
        ('title = "Pop"', 'title = "Pop"\ncolour = 3', "colour: Extra inputs"),
        ("program = 73", "program = 128", "less than or equal to 127"),
        ("low = 60", "low = 80", "80..88 is too narrow"),
        ('part = "melody"', 'part = "singing"', "singing"),
        ('"3/4" = ["x--- ---- ----"', '"3/4" = ["x--- ---- ---"', "has 11 signs: a bar has 12 sixteenths"),
        ('"4/4" = ["R------- R-----a-"', '"4/4" = ["R------- R-----z-"', "holds 'z': a bass pattern knows"),
        ('"12/8" = ["x-----------------------"]', "", "Strings patterns lack 12/8"),
        ('rim = ".... o... x..."', 'gong = ".... o... x..."', "unknown drum 'gong'"),
        ('name = "Strings"', 'name = "Bass"', "two tracks have the same name"),
    ],
)
def test_a_broken_style_is_named_in_one_line(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in POP
    path = tmp_path / "mine.toml"
    path.write_text(POP.replace(old, new), encoding="utf-8")
    with pytest.raises(ArrangementError) as caught:
        load_style(str(path))
    assert message in str(caught.value)
    assert "mine.toml" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_style_of_ones_own_is_a_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(POP.replace('title = "Pop"', 'title = "Mine"'), encoding="utf-8")
    assert arrange(ODE, 0, style=str(path)).style == "Mine"


def test_an_unknown_style_lists_the_known_ones() -> None:
    with pytest.raises(
        ArrangementError,
        match="unknown arrangement 'polka': choose one of chorale, cinematic, folk, jazz, lofi, pop, rock",
    ):
        load_style("polka")
    with pytest.raises(ArrangementError, match=r"polka\.toml cannot be read"):
        load_style("polka.toml")


def test_a_pattern_cannot_begin_with_a_hold() -> None:
    assert read_pattern("x-o- | x...", "comping", 8) == "x-o-x..."
    with pytest.raises(ArrangementError, match="begins with a hold"):
        read_pattern("--x-", "comping", 4)


def test_levels_divide_the_energies() -> None:
    assert [level_of(energy, 3) for energy in (0.0, 0.3, 0.4, 0.7, 1.0)] == [0, 0, 1, 2, 2]


def test_swing_delays_the_second_of_a_pair_and_leaves_the_first() -> None:
    notes = [Note(0, 240, 60, 80), Note(240, 480, 60, 80), Note(480, 600, 60, 80)]
    full = swung(notes, 1.0, "eighth")
    assert [(note.start, note.end) for note in full] == [(0, 320), (320, 480), (480, 640)]
    assert swung(notes, 0.0, "eighth") == notes
    assert swung([Note(120, 240, 60, 80)], 1.0, "sixteenth")[0].start == 160


@pytest.mark.parametrize(
    ("key", "name", "sharps"),
    [
        ("C", "C major", 0), ("Db", "Db major", -5), ("F#", "Gb major", -6), ("B", "B major", 5),
        ("Am", "A minor", 0), ("Ebm", "Eb minor", -6), ("G# minor", "G# minor", 5), ("F minor", "F minor", -4),
    ],
)  # fmt: skip
def test_keys_are_spelled_as_they_are_written(key: str, name: str, sharps: int) -> None:
    assert key_name(Key.parse(key)) == name
    assert signature(Key.parse(key)) == sharps


def test_chords_are_spelled_in_their_key() -> None:
    five_flat = chord_code(1, 0)
    assert chord_symbol(five_flat, Key.parse("Ab")) == "Db"
    assert chord_symbol(five_flat, Key.parse("A")) == "C#"
    assert chord_symbol(chord_code(8, 5), Key.parse("Am")) == "G#dim"
    assert chord_symbol(chord_code(8, 0), Key.parse("C")) == "Ab"
    assert chord_symbol(0, Key.parse("C")) == "N.C."


def test_voices_move_as_little_as_they_can() -> None:
    frames = [Frame(chord_code(root, quality)) for root, quality in ((0, 0), (9, 1), (5, 0), (7, 0), (0, 0))]
    voicings = lead_voices(frames, [(52, 72)] * 3)
    for frame, row in zip(frames, voicings, strict=True):
        assert {pitch % 12 for pitch in row} == chord_pitch_classes(frame.code)
        assert list(row) == sorted(row)
    # C to A minor: one voice moves by a tone, the other two stay.
    assert sorted(abs(a - b) for a, b in zip(voicings[0], voicings[1], strict=True)) == [0, 0, 2]


def test_voicings_stay_above_the_bass_and_under_the_melody() -> None:
    (row,) = lead_voices([Frame(chord_code(0, 0), floor=60, ceiling=77)], [(48, 84)] * 3)
    assert row[0] > 60
    assert row[-1] < 77
    assert lead_voices([], [(48, 84)]) == []
