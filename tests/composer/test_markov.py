"""The order-3 Markov baseline, on chains worked by hand."""

from __future__ import annotations

from dataclasses import fields

import torch

from composer.environment import Conditions
from composer.evaluation.markov import Chain, Markov
from composer.evaluation.statistics import distinct_share, longest_runs
from composer.score import Score, concatenate
from composer.view import View
from tests.composer.pieces import piece, random_pieces
from tests.composer.test_evaluation import SONGS

TUNE = piece("60*4 62*4 64*4 .*4 65*8 64*6 .*2", "C*2 F*2 G*4")


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_a_single_tune_can_only_be_repeated() -> None:
    composed = Markov(TUNE).compose(Conditions.of(TUNE), generator())
    for field in fields(Score):
        assert torch.equal(getattr(composed, field.name), getattr(TUNE, field.name)), field.name


def test_what_follows_three_events_is_drawn_as_often_as_it_did() -> None:
    # After 1 2 3 came 4 twice and 5 once; after 9 2 3 always 6.
    rows = torch.tensor([[1, 2, 3, 4], [1, 2, 3, 4], [1, 2, 3, 5], [9, 2, 3, 6]])
    chain = Chain(rows[:, :, None], torch.ones(4, 4, dtype=torch.bool), torch.zeros(4, dtype=torch.int64))
    number = {int(event): row for row, event in enumerate(chain.events[:, 0])}
    kind = torch.zeros(3000, dtype=torch.int64)

    def after(*past: int) -> dict[int, float]:
        asked = torch.tensor([[number.get(event, -5) for event in past]]).expand(3000, -1)
        drawn = chain.events[chain.draw(asked, kind, generator()), 0]
        return {int(event): float((drawn == event).float().mean()) for event in drawn.unique()}

    found = after(1, 2, 3)
    assert set(found) == {4, 5}
    assert abs(found[4] - 2 / 3) < 0.04
    assert after(9, 2, 3) == {6: 1.0}
    # 7 2 3 never stood together: then all that followed 2 3; after 7 7 3 all that followed 3.
    assert set(after(7, 2, 3)) == set(after(7, 7, 3)) == {4, 5, 6}
    # Nothing is known after 4: then any event.
    assert set(after(2, 3, 4)) == {1, 2, 3, 4, 5, 6, 9}
    # Another kind of piece was never heard: then any event of any.
    kind = kind + 1
    assert set(after(1, 2, 3)) == {1, 2, 3, 4, 5, 6, 9}


def test_kinds_keep_to_themselves() -> None:
    minor = piece("69*4 71*4 72*4 .*4 69*16", "Am*8", mode="minor")
    model = Markov(concatenate([TUNE, minor]))
    composed = model.compose(Conditions.uniform(20, mode=1, bars=2), generator())
    assert torch.equal(composed.chord, minor.chord.expand(20, -1))
    assert set(composed.sounding().unique().tolist()) <= {0, 69, 71, 72}


def test_pieces_fill_their_bars_and_differ() -> None:
    training = random_pieces(12, 7, meters=(0, 1, 3))
    conditions = Conditions.of(training)
    composed = Markov(training).compose(conditions, generator(1))
    assert torch.equal(composed.meter, training.meter)
    assert torch.equal(composed.bars, training.bars)
    assert not bool((composed.pitch * ~composed.valid()).any())
    assert bool((View(composed).bar_onsets.sum(1) > 16).all())
    again, other = (Markov(training).compose(conditions, generator(seed)) for seed in (1, 2))
    assert torch.equal(again.pitch, composed.pitch)
    assert not torch.equal(other.pitch, composed.pitch)


def test_it_copies_runs_but_not_whole_songs() -> None:
    composed = Markov(SONGS).compose(Conditions.of(SONGS), generator())
    runs = longest_runs(composed, SONGS)
    assert distinct_share(composed) > 0.9
    assert int(runs.min()) >= 3
    assert int(runs.max()) < int(SONGS.onset().sum(1).max()) - 2


def test_silence_is_music_too() -> None:
    silent = piece(".*16", "-*4")
    composed = Markov(silent).compose(Conditions.of(silent), generator())
    assert int(composed.sounding().max()) == int(composed.chord.max()) == 0
