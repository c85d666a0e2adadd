"""The terms that compare a piece with its plan."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from composer.form import analyse
from composer.plan import CADENCES, INDEX, RELATIONS
from composer.rewards import planned
from composer.score import Score, unplanned
from composer.view import View
from tests.composer.pieces import piece, random_pieces

TUNE = "60*4 62*4 64*4 65*4 "
SCORE = piece(TUNE + TUNE + TUNE + "67*16 " + TUNE + TUNE + TUNE + "60*16 ", "C*12 G*4 C*8 G*4 C*4")


def asked(score: Score, **entries: dict[int, int]) -> View:
    """The piece under a plan with the given entries: ``name={bar: value}``; ``_`` stands for a blank in a name."""
    plan = unplanned(1, int(score.bars[0]))
    for name, values in entries.items():
        for bar, value in values.items():
            plan[0, bar, INDEX[name.replace("_", " ")]] = value
    return View(replace(score, plan=plan))


def grades(places: planned.Places) -> list[float]:
    return places.value.expand_as(places.here)[places.here].tolist()


@pytest.mark.parametrize("measure", [row.function for row in planned.MEASURES])
def test_real_music_follows_its_own_plan_and_without_one_there_is_nothing_to_measure(measure):
    score = analyse(random_pieces(6, 3, bars=8, meters=(0, 1)))
    if measure is not planned.planned_cadence:
        assert set(grades(measure(View(score)))) == {1.0}
    assert not measure(View(replace(score, plan=unplanned(6, 8)))).here.any()


def test_a_bar_may_be_a_copy_its_relative_or_something_else():
    relation = {name: 1 + RELATIONS.index(name) for name in RELATIONS}
    view = asked(
        SCORE,
        recalled={1: 1, 2: 1, 3: 1},
        relation={1: relation["copy"], 2: relation["variation"], 3: relation["copy"]},
    )
    assert grades(planned.melodic_recall(view)) == [1.0, 0.5, 0.0]


def test_a_new_bar_must_not_be_a_copy():
    view = asked(SCORE, relation={0: 1, 1: 1})
    assert grades(planned.melodic_recall(view)) == [1.0, 0.0]


def test_a_cadence_is_its_harmony_and_its_rest():
    half, authentic = (1 + CADENCES.index(name) for name in ("half", "authentic"))
    ends = {"bars_to_the_phrase's_end": {3: 1, 7: 1}}
    plan = {"cadence": {3: half, 7: authentic}, **ends}
    assert grades(planned.planned_cadence(asked(SCORE, **plan))) == [1.0, 1.0]
    other = {"cadence": {3: authentic, 7: half}, **ends}
    assert grades(planned.planned_cadence(asked(SCORE, **other))) == [0.0, 0.0]
    # The same harmony under a line that runs on: its last note, a chord tone on a beat, lasts a quarter of the bar.
    running = piece(TUNE + "67*4 65*4 64*4 60*4 " + TUNE, "C*4 G*4 C*4")
    close = asked(running, cadence={1: half}, **{"bars_to_the_phrase's_end": {1: 1}})
    # The closing C is no tone of G: (1 + 1/2) / 2 halved.
    assert grades(planned.planned_cadence(close)) == [pytest.approx(0.375)]


def test_register_misses_by_classes():
    # 60 lies in the second class, 63.5 (the mean of the tune 62.75) in the third.
    view = asked(piece("60*16 60*16 60*16 60*16", "C*16"), register={0: 2, 1: 3, 2: 4, 3: 9})
    assert grades(planned.register(view)) == pytest.approx([1.0, 2 / 3, 1 / 3, 0.0])


def test_quantities_are_judged_at_the_phrases_end():
    score = piece("60*4 62*4 64*4 65*4 " * 4, "C*16")
    plan = analyse(score).plan.clone()
    column = INDEX["density"]
    plan[0, :, column] += 1
    places = next(row for row in planned.MEASURES if row.name == "rhythm_targets").function(
        View(replace(score, plan=plan))
    )
    # One of the six quantities misses by a class: 1 - 1/3 of a sixth.
    assert grades(places) == [pytest.approx(1 - 1 / 18)]
    assert places.step[places.here].tolist() == [63]
    assert torch.equal(plan[0, :3, INDEX["cadence"]], plan[0, 1:, INDEX["cadence"]])
