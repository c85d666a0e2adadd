"""A classifier that tells sets of pieces apart: what it must see, and what it must not."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from composer.evaluation import classify, features, shuffle_bars
from composer.evaluation.statistics import Values, percentile_interval
from composer.score import concatenate
from tests.composer.pieces import random_pieces
from tests.composer.test_evaluation import song


def drawn(seed: int, size: int, shift: float = 0.0) -> dict[str, Values]:
    """Eight features of ``size`` pieces, the first of which lies ``shift`` deviations higher."""
    values = np.random.default_rng(seed).normal(size=(8, size))
    values[0] += shift
    return {f"group/{name}": row for name, row in enumerate(values)}


def test_the_same_music_cannot_be_told_apart() -> None:
    found = classify(drawn(1, 100), drawn(2, 140))
    assert found.pieces == 100
    assert found.accuracy == pytest.approx(0.5, abs=0.1)
    assert found.low < found.accuracy < found.high
    assert found.high - found.low < 0.2


def test_what_differs_is_told_and_named() -> None:
    found = classify(drawn(1, 60, shift=4.0), drawn(2, 60))
    assert found.accuracy > 0.9
    assert found.telling[0].feature == "group/0"
    assert found.telling[0].area > 0.99
    json.dumps(found.to_json(), allow_nan=False)


def test_the_answer_is_seeded() -> None:
    assert classify(drawn(1, 40), drawn(2, 40), seed=3) == classify(drawn(1, 40), drawn(2, 40), seed=3)


def test_a_feature_that_is_missing_is_seen_as_missing() -> None:
    mine, real = drawn(1, 60), drawn(2, 60)
    mine["group/3"] = np.full(60, np.nan)
    found = classify(mine, real)
    assert found.accuracy == 1.0
    assert "group/3" not in {telling.feature for telling in found.telling}


def test_pieces_of_one_song_stay_on_one_side_of_a_fold() -> None:
    # Ten songs of ten nearly equal pieces a side, drawn alike: whoever saw a song before knows its side.
    random = np.random.default_rng(0)
    songs = random.normal(size=(8, 20)).repeat(10, 1) + random.normal(scale=0.01, size=(8, 200))
    mine, real = (
        {f"group/{name}": row for name, row in enumerate(side)} for side in (songs[:, :100], songs[:, 100:])
    )
    number = [row // 10 for row in range(100)]
    leaking = classify(mine, real)
    kept = classify(mine, real, songs=number, real_songs=[10 + row for row in number])
    assert leaking.accuracy > 0.95
    assert kept.accuracy < 0.75
    assert kept.high - kept.low > leaking.high - leaking.low


def test_too_few_pieces_have_no_answer() -> None:
    found = classify(drawn(1, 4), drawn(2, 40))
    assert (found.pieces, found.accuracy, found.low, found.high) == (4, None, None, None)


def test_bars_out_of_order_and_noise_are_told_from_music() -> None:
    songs = concatenate([song(seed) for seed in range(40)])
    own = list(range(40))
    shuffled = shuffle_bars(songs, torch.Generator().manual_seed(0))
    real = {name: value.double().numpy() for name, value in features(songs).items()}
    spoilt = {name: value.double().numpy() for name, value in features(shuffled).items()}
    noise = {name: value.double().numpy() for name, value in features(random_pieces(40, 3)).items()}
    assert classify(spoilt, real, songs=own, real_songs=own).accuracy > 0.8
    assert classify(noise, real).accuracy > 0.95


def test_the_interval_holds_the_middle() -> None:
    assert percentile_interval(np.arange(101.0)) == pytest.approx((2.5, 97.5))
