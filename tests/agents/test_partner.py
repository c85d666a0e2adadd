"""Parts of a score are given; what is written around them leaves them as they are."""

from __future__ import annotations

import pytest
import torch

from agents.partner import complete
from composer.environment import PARTS, Conditions, Given
from composer.features import features
from composer.score import HOLD, METER_BEATS, Score
from flows.composing import Model
from flows.partnering import bar_beats, for_bars, for_melody, for_more, for_variation
from flows.styles import SHIPPED


@pytest.fixture(scope="module")
def model() -> Model:
    return Model.load(SHIPPED / "chorale")


@pytest.fixture(scope="module")
def piece(model: Model) -> Score:
    assert model.trio is not None
    conditions = model.trio.plan(Conditions.uniform(1, bars=8), seed=4)
    return model.trio.compose(conditions, seed=4)


@pytest.mark.parametrize("seed", range(12))
def test_any_beats_of_any_parts_stay_note_for_note(model: Model, piece: Score, seed: int) -> None:
    assert model.trio is not None
    random = torch.Generator().manual_seed(seed)
    given = Given.nothing(piece)
    for part in PARTS:
        given = given.where(torch.rand(piece.chord.shape, generator=random) < 0.5, part)
    written = complete(model.trio, given, drafts=2, seed=seed).score
    for part in ("chord", "cell", "groove"):
        here = getattr(given, part)
        assert torch.equal(getattr(written, part)[here], getattr(piece, part)[here])
    onset = written.onset() & given.pitch.gather(1, written.beat_of_step())
    assert torch.equal(written.pitch[onset], piece.pitch[onset])
    # A given note ends where it ended: no free beat after it holds it on.
    free_after_given = ~given.cell & torch.cat([torch.zeros(1, 1, dtype=torch.bool), given.cell[:, :-1]], 1)
    assert not bool((written.cell[free_after_given] % 3 == HOLD).any())
    # And every held note was struck: a hold never follows a rest.
    action = written.action()[0].tolist()
    assert not any(now == HOLD and before == 0 for before, now in zip([0, *action], action, strict=False))


def test_chords_written_for_a_melody_fit_it_and_not_by_chance(model: Model, piece: Score) -> None:
    assert model.trio is not None
    alone = Score(
        **{
            **{name: getattr(piece, name) for name in Score.__dataclass_fields__},
            "chord": torch.zeros_like(piece.chord),
            "groove": torch.zeros_like(piece.groove),
        }
    )
    few, many = (
        complete(model.trio, for_melody(model.trio, alone, 1), answers=4, drafts=drafts, seed=1) for drafts in (1, 16)
    )
    assert torch.equal(many.score.pitch, piece.pitch.expand_as(many.score.pitch))
    assert torch.equal(many.score.cell, piece.cell.expand_as(many.score.cell))
    # Sixteen drafts weighed by the agents' own probabilities beat one: that is what the look-ahead is for.
    assert float(features(many.score)["harmony/chord_tones"].mean()) > float(
        features(few.score)["harmony/chord_tones"].mean()
    )
    assert float(features(many.score)["harmony/alignment"].mean()) > 0
    assert many.earned.tolist() == sorted(many.earned.tolist(), reverse=True)
    assert len({tuple(row) for row in many.score.chord.tolist()}) == len(many.score)


def test_a_piece_goes_on_from_its_last_bar(model: Model, piece: Score) -> None:
    assert model.trio is not None
    longer = complete(model.trio, for_more(model.trio, piece, 4, seed=2), drafts=2, seed=2).score
    beats = int(piece.beats[0])
    assert int(longer.bars[0]) == 12
    assert torch.equal(longer.chord[:, :beats], piece.chord)
    assert torch.equal(longer.pitch[:, : piece.pitch.shape[1]], piece.pitch)
    assert bool(longer.onset()[:, piece.pitch.shape[1] :].any())


@pytest.mark.parametrize(("part", "kept"), [("melody", "chord"), ("chords", "pitch"), ("rhythm", "chord")])
def test_one_part_of_some_bars_is_written_anew(model: Model, piece: Score, part: str, kept: str) -> None:
    assert model.trio is not None
    written = complete(model.trio, for_bars(piece, 3, 4, part), drafts=2, seed=5).score
    inside = bar_beats(piece, 3, 4)
    outside = ~inside
    for name in ("chord", "cell", "groove"):
        assert torch.equal(getattr(written, name)[outside], getattr(piece, name)[outside])
    assert torch.equal(getattr(written, kept), getattr(piece, kept))


def test_a_variation_changes_the_share_it_was_asked_for(model: Model, piece: Score) -> None:
    assert model.trio is not None
    same = complete(model.trio, for_variation(piece, 0.0, 1), drafts=1, seed=1).score
    for name in ("chord", "cell", "pitch", "groove"):
        assert torch.equal(getattr(same, name), getattr(piece, name))
    given = for_variation(piece, 0.5, 1)
    per_bar = given.cell[0].view(8, int(METER_BEATS[piece.meter[0]])).all(1)
    assert int(per_bar.sum()) == 4
