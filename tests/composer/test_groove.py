from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from composer.groove import LETTERS, Groove, GrooveError, segment_steps
from composer.score import Score, concatenate
from composer.segments import nearest, segments
from composer.theory import METER_INDEX, METERS
from composer.vocabulary import RHYTHM, Vocabulary, VocabularyError
from tests.composer.examples import FRERE_JACQUES, VOCABULARY, C, G, piece


def accompanied(score: Score, *bars: str) -> Score:
    """``score`` with the grooves of its bars."""
    beat_steps = int(score.beat_steps[0])
    text = "".join(bars)
    codes = [Groove.parse(text[at : at + beat_steps]).code for at in range(0, len(text), beat_steps)]
    return replace(score, groove=torch.tensor([codes], dtype=torch.int16))


FRERE = accompanied(FRERE_JACQUES, *["b.u.u.u.b.u.u.u."] * 2, "x...u...x...u...", "b.u.u.u.........")
WALTZ = accompanied(piece("72 - - - " * 6, [C] * 3 + [G] * 3, meter=METER_INDEX["3/4"]), *["b...u...u..."] * 2)


@given(st.text(LETTERS, min_size=1, max_size=12))
def test_a_groove_is_what_its_pattern_says(pattern: str) -> None:
    assert Groove.parse(pattern).pattern == pattern
    assert Groove.parse(pattern).steps == len(pattern)


def test_unknown_letters_are_refused() -> None:
    with pytest.raises(GrooveError, match="'y'"):
        Groove.parse("b.y.")


def test_segments_reach_from_one_change_of_harmony_to_the_next() -> None:
    assert [segment_steps(meter) for meter in METERS] == [
        *((8, 0, 8, 0), (8, 0, 4), (4, 4)),
        *((6, 6), (12, 0, 6), (12, 0, 12, 0)),
    ]
    code, steps = segments(concatenate([FRERE, WALTZ]))
    assert steps[0, :4].tolist() == [8, 0, 8, 0]
    assert steps[1, :8].tolist() == [8, 0, 4, 8, 0, 4, 0, 0]
    assert Groove(8, int(code[0, 8])).pattern == "x...u..."
    assert Groove(8, int(code[1, 3])).pattern == "b...u..."
    assert Groove(4, int(code[1, 5])).pattern == "u..."
    assert (code[steps == 0] == 0).all()


def test_strokes_and_excerpts_follow_the_score() -> None:
    assert "".join(LETTERS[stroke] for stroke in FRERE.strokes()[0, 32:48]) == "x...u...x...u..."
    assert (FRERE.excerpt(torch.tensor([2]), 2).strokes() == FRERE.strokes()[:, 32:]).all()
    both = concatenate([FRERE, FRERE_JACQUES])
    assert both.accompanied.tolist() == [True, False]


def test_the_nearest_groove_has_the_fewest_strokes_changed_the_bass_counting_twice() -> None:
    choices = [Groove.parse(text) for text in ("........", "b.u.u.u.", "..u.u.u.", "x...u...")]
    wanted = {"b.u.u.u.": 1, "x.u.u.u.": 1, "u.u.u...": 2, "x...x...": 3, "u.......": 0}
    codes = torch.tensor([Groove.parse(text).code for text in wanted])
    assert nearest(codes, choices).tolist() == list(wanted.values())


def test_a_vocabulary_keeps_the_most_used_grooves_and_silence() -> None:
    vocabulary = Vocabulary.from_scores(concatenate([FRERE, WALTZ, FRERE_JACQUES]), grooves=3)
    assert [groove.pattern for groove in vocabulary.grooves] == [
        *("....", "u..."),
        *("........", "b.u.u.u.", "b...u..."),
    ]
    assert vocabulary.groove_meters() == tuple(METER_INDEX[name] for name in ("4/4", "3/4", "2/4"))
    cells = len(vocabulary.cells)
    assert vocabulary.sizes[1] == cells + 5
    assert vocabulary.name(RHYTHM, cells + 3) == "b.u.u.u."
    assert vocabulary.nearest_groove(FRERE)[0, :12:2].tolist() == [cells + 3] * 4 + [cells + 4] * 2
    assert (vocabulary.nearest_groove(FRERE)[0, 1::2] == -1).all()
    assert Vocabulary.from_json(vocabulary.to_json()) == vocabulary


def test_a_corpus_without_accompaniment_has_no_grooves() -> None:
    vocabulary = Vocabulary.from_scores(FRERE_JACQUES)
    assert vocabulary.grooves == ()
    assert vocabulary.groove_meters() == ()
    assert (vocabulary.nearest_groove(FRERE) == -1).all()


def test_a_vocabulary_that_a_byte_cannot_name_is_refused() -> None:
    many = tuple(Groove(6, code) for code in range(241))
    assert replace(VOCABULARY, grooves=many[:240]).sizes[RHYTHM] == 256
    with pytest.raises(VocabularyError, match="more than 256 actions"):
        replace(VOCABULARY, grooves=many)
