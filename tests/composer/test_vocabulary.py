import json

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from composer.score import CELL_STEPS, HOLD, concatenate
from composer.theory import METER_INDEX, QUALITY_INDEX, chord_code
from composer.vocabulary import CHORD, MELODY, RHYTHM, Cell, Vocabulary, VocabularyError
from tests.composer.examples import FRERE_JACQUES, VOCABULARY, C, G, piece


def test_cells_are_written_as_patterns() -> None:
    assert Cell.parse("x-x.").pattern == "x-x."
    assert Cell.parse("x---").code == 2 + 3 + 9 + 27
    with pytest.raises(VocabularyError, match="'-' follows"):
        Cell.parse("x.-x")
    with pytest.raises(VocabularyError, match="'o'"):
        Cell.parse("xo--")


def test_a_corpus_gives_its_most_used_choices() -> None:
    jig = piece("72 - 74 - 76 - 77 - - - - -", [C, G], meter=METER_INDEX["6/8"])
    vocabulary = Vocabulary.from_scores(concatenate([FRERE_JACQUES, jig]), chords=2, cells=4, pitches=20)
    assert vocabulary.chords == (C, G)
    assert {cell.pattern for cell in vocabulary.cells} == {
        *("x---", "----", "....", "--.."),
        *("x-----", "------", "......", "x-x-x-"),
    }
    assert vocabulary.low <= 60
    assert vocabulary.high >= 77
    assert vocabulary.meters() == tuple(METER_INDEX[name] for name in ("4/4", "3/4", "2/4", "6/8", "9/8", "12/8"))


def test_a_corpus_without_music_is_refused() -> None:
    silent = piece(". " * 16, [C] * 4)
    with pytest.raises(VocabularyError, match="no melody"):
        Vocabulary.from_scores(silent)
    with pytest.raises(VocabularyError, match="no harmony"):
        Vocabulary.from_scores(piece("60 - - - " * 4, [0] * 4))


def test_json_round_trip_keeps_the_digest() -> None:
    again = Vocabulary.from_json(json.loads(json.dumps(VOCABULARY.to_json())))
    assert again == VOCABULARY
    assert again.digest == VOCABULARY.digest
    with pytest.raises(VocabularyError, match="fields"):
        Vocabulary.from_json({"chords": [1]})


def test_an_unknown_chord_becomes_the_nearest_one() -> None:
    nearest = VOCABULARY.nearest_chord
    assert VOCABULARY.chord_codes[nearest[chord_code(7, QUALITY_INDEX["major"])]] == G
    # C major seventh shares three of four tones and the root with C major.
    assert VOCABULARY.chord_codes[nearest[chord_code(0, QUALITY_INDEX["major-seventh"])]] == C
    assert nearest[0] == 0


def test_known_cells_stand_for_themselves_and_others_for_the_nearest() -> None:
    four, six = METER_INDEX["4/4"], METER_INDEX["6/8"]
    for action, cell in enumerate(VOCABULARY.cells):
        meter = four if cell.steps == 4 else six
        assert VOCABULARY.nearest_cell[meter, cell.code] == action
    assert VOCABULARY.cells[int(VOCABULARY.nearest_cell[four, Cell.parse("x-x.").code])].pattern == "x-x-"
    held = Cell.parse("---.").code
    assert CELL_STEPS[VOCABULARY.cells[int(VOCABULARY.nearest_cell[four, held])].code, 0] == HOLD
    assert (VOCABULARY.nearest_cell[METER_INDEX["3/4"]] == VOCABULARY.nearest_cell[four]).all()


@given(st.integers(2, 127))
def test_pitches_move_by_octaves_into_the_range(pitch: int) -> None:
    action = int(VOCABULARY.nearest_pitch(torch.tensor([pitch])))
    assert 0 <= action < VOCABULARY.sizes[MELODY]
    assert (VOCABULARY.low + action - pitch) % 12 == 0


def test_actions_have_names() -> None:
    assert VOCABULARY.name(CHORD, 0) == "hold"
    assert VOCABULARY.name(CHORD, 4) == "Am"
    assert VOCABULARY.name(RHYTHM, 1) == "x-x-"
    assert VOCABULARY.name(MELODY, 3) == "C4"
    assert VOCABULARY.sizes == (8, 16, 28)
    assert VOCABULARY.actions == 28
