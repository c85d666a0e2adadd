from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from composer.groove import Groove
from composer.plan import INDEX
from composer.score import CELL_STEPS, HOLD, ONSET, REST, concatenate, from_melody, unplanned
from composer.score_text import describe
from composer.theory import METER_INDEX, METERS
from tests.composer.examples import A_MINOR, FRERE_JACQUES, C, F, G, piece


def test_a_melody_is_read_back_step_for_step() -> None:
    score = piece("60 - 62 . - 64 - - - - - - . . . 67", [C] * 4)
    assert score.action()[0].tolist() == [2, 1, 2, 0, 0, 2, 1, 1, 1, 1, 1, 1, 0, 0, 0, 2]
    assert score.pitch[0].tolist() == [60, 60, 62, 62, 62, *[64] * 10, 67]
    assert score.sounding()[0].tolist() == [60, 60, 62, 0, 0, *[64] * 7, 0, 0, 0, 67]
    assert score.onset()[0].nonzero().flatten().tolist() == [0, 2, 5, 15]


def test_compound_beats_have_six_sixteenths() -> None:
    jig = piece("72 - 74 - 76 - 77 - - - - -", [C, F], meter=METER_INDEX["6/8"])
    assert CELL_STEPS[jig.cell[0].long()].tolist() == [[2, 1, 2, 1, 2, 1], [2, 1, 1, 1, 1, 1]]
    assert jig.chord_steps()[0].tolist() == [C] * 6 + [F] * 6
    assert int(jig.steps) == 12


def test_pieces_of_different_metres_share_a_batch() -> None:
    waltz = piece("60 - - - 64 - - - 67 - - -", [C, C, G], meter=METER_INDEX["3/4"])
    both = concatenate([FRERE_JACQUES, waltz])
    assert len(both) == 2
    assert both.steps.tolist() == [64, 12]
    assert both.beats.tolist() == [16, 3]
    assert both.onset()[1].nonzero().flatten().tolist() == [0, 4, 8]
    assert not both.valid()[1, 12:].any()
    assert (both.chord_steps()[1, 12:] == 0).all()


def test_an_excerpt_strikes_a_tied_note_anew() -> None:
    tied = piece("60 - - - - - - - - - - - 64 - - - " + "- - - - 65 - - - . . . . 67 - - -", [C] * 4 + [F] * 4)
    second = tied.excerpt(torch.tensor([1]), 1)
    assert second.action()[0, :8].tolist() == [ONSET, HOLD, HOLD, HOLD, ONSET, HOLD, HOLD, HOLD]
    assert second.pitch[0, 0] == 64
    assert second.chord[0].tolist() == [F] * 4
    assert second.bars.tolist() == [1]


def test_an_excerpt_that_begins_with_a_rest_has_no_pitch_yet() -> None:
    score = piece("60 - - - - - - - - - - - 64 - - . " + ". . . . 65 - - - . . . . 67 - - -", [C] * 8)
    second = score.excerpt(torch.tensor([1]), 1)
    assert second.pitch[0, :5].tolist() == [0, 0, 0, 0, 65]


def test_an_excerpt_beyond_the_end_is_refused() -> None:
    with pytest.raises(ValueError, match="beyond the end"):
        FRERE_JACQUES.excerpt(torch.tensor([2]), 3)


def test_transposition_is_that_of_the_key() -> None:
    in_d_minor = piece("69 - - - " * 4, [A_MINOR] * 4, mode=1, tonic=2)
    assert in_d_minor.transposition.tolist() == [5]


def test_a_piece_reads_as_text() -> None:
    lines = describe(FRERE_JACQUES).splitlines()
    assert lines[0] == "C major, 4/4, 4 bars, 100 quarter notes a minute"
    assert lines[1].split() == ["1", "C", "/", "/", "/", "x---|x---|x---|x---", "C4", "D4", "E4", "C4"]
    assert lines[4].endswith("x---|x---|x---|--..  E4 F4 G4")


def test_the_text_shows_what_is_planned_and_what_the_accompaniment_strikes() -> None:
    plan = unplanned(1, 4)
    rows = {"section": [3, 3, 4, 4], "bar of the phrase": [1, 2, 1, 2], "bars to the phrase's end": [2, 1, 2, 1]}
    for name, values in {**rows, "cadence": [2, 2, 1, 1]}.items():
        plan[0, :, INDEX[name]] = torch.tensor(values, dtype=torch.uint8)
    groove = torch.full((1, 16), Groove.parse("b.u.").code, dtype=torch.int16)
    lines = describe(replace(FRERE_JACQUES, plan=plan, groove=groove)).splitlines()
    assert (lines[1], lines[4]) == ("A: 2 bars, half cadence", "B: 2 bars")
    assert lines[2].endswith("x---|x---|x---|x---  b.u.|b.u.|b.u.|b.u.  C4 D4 E4 C4")


events = st.lists(st.sampled_from([REST, HOLD, 55, 60, 61, 72]), min_size=12, max_size=96)


@given(events, st.integers(0, len(METERS) - 1))
def test_any_melody_survives_the_cells(line: list[int], meter: int) -> None:
    bar_steps = METERS[meter].bar_steps
    bars = -(-len(line) // bar_steps)
    padded = line + [REST] * (bars * bar_steps - len(line))
    score = from_melody(
        torch.tensor([padded]),
        torch.full((1, bars * METERS[meter].beats), C),
        meter=torch.tensor([meter]),
        mode=torch.tensor([0]),
        bars=torch.tensor([bars]),
        tonic=torch.tensor([0]),
        tempo=torch.tensor([90.0]),
    )
    action, struck, sounding = score.action()[0].tolist(), 0, False
    for step, event in enumerate(padded):
        struck = event if event > HOLD else struck
        sounding = event > HOLD or (event == HOLD and sounding)
        assert action[step] == (ONSET if event > HOLD else HOLD if sounding else REST)
        assert int(score.pitch[0, step]) == struck
