"""Sets of pieces beside sets: figures worked by hand, and reports that say what they should."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from composer.evaluation import (
    REAL_AGAINST_REAL,
    EvaluationError,
    audit,
    compare,
    evaluate,
    features,
    scramble_pitches,
    shuffle_bars,
)
from composer.evaluation.audit import area_under_curve
from composer.evaluation.statistics import (
    confidence,
    distances,
    distinct_share,
    longest_runs,
    nearest,
    overlap,
    shift,
)
from composer.evaluation.tables import defined, markdown_table
from composer.features import alignment, entropy
from composer.rewards import TERMS, Reference
from composer.score import Score, concatenate
from composer.view import View
from tests.composer.pieces import piece, random_pieces

MIXED = random_pieces(12, 7, meters=(0, 1, 3))


def song(seed: int, bars: int = 16) -> Score:
    """A tuneful piece: scale steps over chords of the key, each phrase of four bars heard twice."""
    generator = torch.Generator().manual_seed(seed)
    scale = [60, 62, 64, 65, 67, 69, 71, 72]
    chords = ["C", "F", "G", "C"] if seed % 2 else ["Am", "F", "C", "G"]
    degree, line = 2 + seed % 3, []
    for _ in range(bars // 8):
        phrase = []
        for bar in range(4):
            rhythm = [4, 4, 4, 4] if (bar + seed) % 3 else [8, 4, 4]
            for length in rhythm:
                move = int(torch.randint(-1, 2, (1,), generator=generator))
                degree = min(max(degree + move, 0), 7)
                phrase.append(f"{scale[degree]}*{length}")
        line += phrase * 2
    return piece(" ".join(line), " ".join(f"{name}*4" for name in chords * (bars // 4)))


SONGS = concatenate([song(seed) for seed in range(32)])
TRAINING, HELD_OUT = SONGS.select(slice(0, 16)), SONGS.select(slice(16, 32))
REFERENCE = Reference.from_scores(TRAINING)


class TestFeatures:
    def test_there_are_many_in_four_groups_one_number_a_piece(self):
        found = features(MIXED)
        assert len(found) >= 60
        assert {name.split("/")[0] for name in found} == {"melody", "rhythm", "harmony", "structure"}
        assert all(value.shape == (12,) and value.dtype == torch.float32 for value in found.values())

    def test_by_hand(self):
        found = features(piece("60*4 62*2 64*6 .*4 60*8 60*6 .*2", "C*4 G*4"))
        expected = {
            "melody/degree_0": 3 / 5,
            "melody/degree_2": 1 / 5,
            "melody/step_up": 2 / 4,
            "melody/repeat": 1 / 4,
            "melody/third_down": 1 / 4,
            "melody/mean_interval": (2 + 2 + 4 + 0) / 4,
            "melody/range": 4,
            "melody/unique_maximum": 1,
            "melody/unique_minimum": 0,
            "melody/maximum_at": 6 / 32,
            "melody/pitches": 3,
            "melody/in_key": 1,
            "melody/turns": 1 / 3,
            "rhythm/density": 2.5,
            "rhythm/rest_share": 6 / 32,
            "rhythm/gap_4": 1 / 5,
            "rhythm/gap_5_to_8": 2 / 5,
            "rhythm/gap_longer": 1 / 5,
            "rhythm/longest_gap": 10 / 16,
            "rhythm/on_barline": 2 / 5,
            "rhythm/on_half_bar": 1 / 5,
            "rhythm/on_beat": 1 / 5,
            "rhythm/off_beat": 1 / 5,
            "rhythm/sustain": 26 / 32,
            "harmony/changes": 1,
            "harmony/changes_on_barline": 1,
            "harmony/fifth_up": 1,
            "harmony/root_0": 1 / 2,
            "harmony/root_7": 1 / 2,
            "harmony/major": 1,
            "harmony/chords": 2,
            "harmony/chord_entropy": 1,
            # C and E sound for ten of the sixteen sixteenths that sound in bar 1 (twelve), C over G is none.
            "harmony/chord_tones": 10 / 26,
            # Bar 1 strikes at 0, 4, 6; bar 2 at 0, 8: one of four places in common, on the same pitch.
            "structure/rhythm_like_1_before": 1 / 4,
            "structure/melody_like_1_before": 1 / 4,
        }
        for name, value in expected.items():
            assert found[name].item() == pytest.approx(value, abs=1e-5), name

    def test_what_does_not_exist_is_not_a_number(self):
        found = features(piece(".*16", "C*4"))
        assert bool(found["melody/in_key"].isnan())
        assert found["rhythm/rest_share"].item() == 1.0

    def test_a_piece_has_the_same_features_alone_as_in_a_batch(self):
        together = features(MIXED)
        for row in range(0, 12, 3):
            for name, value in features(MIXED.select([row])).items():
                torch.testing.assert_close(value[0], together[name][row], equal_nan=True, msg=name)

    def test_alignment_is_coverage_beyond_chance(self):
        # Two bars of C under C, two of D under D minor: all tones fit, and none the chords of two bars later.
        fitting = View(piece("60*16 60*16 62*16 62*16", "C*8 Dm*8"))
        assert alignment(fitting).item() == pytest.approx(1.0)
        crossed = View(piece("62*16 62*16 60*16 60*16", "C*8 Dm*8"))
        assert alignment(crossed).item() == pytest.approx(-1.0)

    def test_entropy_in_bits(self):
        assert entropy(torch.tensor([[1.0, 1.0, 1.0, 1.0], [4.0, 0.0, 0.0, 0.0]])).tolist() == [2.0, 0.0]


class TestStatistics:
    def test_overlap_is_the_common_area(self):
        # 16 values between 0 and 1 in Sturges' 5 bins: all zeros and ones fall into the outermost.
        first, second = np.repeat([0.0, 1.0], [6, 2]), np.repeat([0.0, 1.0], [2, 6])
        assert overlap(first, second) == pytest.approx(0.5)
        assert overlap(first, first) == 1.0
        assert overlap(np.zeros(4), np.ones(4)) == 0.0
        assert overlap(np.ones(4), np.ones(4)) == 1.0
        assert overlap(np.full(3, np.nan), np.ones(4)) is None

    def test_overlap_is_symmetric(self):
        generator = np.random.default_rng(0)
        first, second = generator.normal(size=80), generator.normal(0.5, 2, size=60)
        assert overlap(first, second) == overlap(second, first)

    def test_shift_in_deviations(self):
        assert shift(np.array([3.0, 5.0]), np.array([0.0, 2.0, 4.0])) == pytest.approx(1.0)
        assert shift(np.array([3.0]), np.array([1.0, 1.0])) is None

    def test_confidence_holds_the_mean_and_is_seeded(self):
        rows = np.random.default_rng(1).normal([[0.0], [5.0]], 1.0, (2, 100))
        low, high = confidence(rows, np.random.default_rng(2))
        assert (low < rows.mean(1)).all()
        assert (rows.mean(1) < high).all()
        # Four standard errors of a tenth.
        assert high - low == pytest.approx(np.array([0.4, 0.4]), abs=0.1)
        assert np.array_equal(confidence(rows, np.random.default_rng(2)), (low, high))

    def test_distance_is_the_share_of_notes_not_in_common(self):
        score = concatenate(
            [
                piece("60*4 62*4 64*8", "C*4"),
                piece("60*4 62*4 65*8", "C*4"),
                piece("60*4 62*4 64*8", "G*4"),
                piece(".*16", "C*4"),
            ]
        )
        between = distances(score)
        assert between[0].tolist() == pytest.approx([0.0, 0.5, 0.0, 1.0])
        assert nearest(score).tolist() == pytest.approx([0.0, 0.5, 0.0, 1.0])
        assert distinct_share(score) == 1.0
        assert distinct_share(concatenate([score, score])) == 0.5

    def test_longest_run_in_any_key(self):
        training = concatenate([piece("60*4 62*4 64*4 65*4 67*4 60*4 62*4 64*4", "C*8"), piece("50*16", "C*4")])
        # From the second note on +2, +2, +1 as in the training piece, then +5 instead of +2.
        # The last note has no gap.
        mine = concatenate(
            [piece("67*4 69*4 71*4 72*4 77*4 70*12", "C*8"), piece("60*4 62*4 64*4 65*4 67*4 60*4 62*4 64*4", "C*8")]
        )
        assert longest_runs(mine, training).tolist() == [3, 6]

    def test_longest_runs_do_not_cross_pieces_and_find_long_copies(self):
        training = random_pieces(150, 21)
        mine = concatenate([random_pieces(3, 22), training.select([149])])
        runs = longest_runs(mine, training)
        assert runs[3] == int(training.onset()[149].sum()) - 2
        assert runs[:3].max() < 8

    def test_area_under_the_curve(self):
        assert area_under_curve(np.array([2.0, 3.0]), np.array([1.0, 2.0])) == pytest.approx(3.5 / 4)
        assert area_under_curve(np.array([]), np.array([1.0])) is None


class TestBaselines:
    def test_shuffled_bars_are_the_same_bars_in_another_order(self):
        shuffled = shuffle_bars(HELD_OUT, torch.Generator().manual_seed(0))
        before, after = (
            torch.cat([View(score).struck, View(score).bar_chords], 2).tolist() for score in (HELD_OUT, shuffled)
        )
        for one, other in zip(before, after, strict=True):
            assert sorted(one) == sorted(other)
        assert before != after

    def test_a_note_held_into_a_bar_is_struck_anew_where_the_bar_goes(self):
        tied = piece("60*24 62*8", "C*4 G*4")
        shuffled = next(
            found
            for found in (shuffle_bars(tied, torch.Generator().manual_seed(seed)) for seed in range(20))
            if not torch.equal(found.chord, tied.chord)
        )
        assert View(shuffled).notes.step.tolist() == [[0, 8, 16]]
        assert View(shuffled).notes.pitch.tolist() == [[60, 62, 60]]

    def test_shuffling_is_seeded(self):
        one, other = (shuffle_bars(MIXED, torch.Generator().manual_seed(4)) for _ in range(2))
        assert torch.equal(one.pitch, other.pitch)
        assert torch.equal(one.cell, other.cell)

    def test_scrambled_pitches_keep_rhythm_and_chords(self):
        scrambled = scramble_pitches(MIXED, torch.Generator().manual_seed(0))
        assert torch.equal(scrambled.action(), MIXED.action())
        assert torch.equal(scrambled.chord, MIXED.chord)
        assert not torch.equal(scrambled.pitch, MIXED.pitch)
        struck = MIXED.onset()
        for row in range(12):
            known = set(MIXED.pitch[row][struck[row]].tolist())
            assert set(scrambled.pitch[row][struck[row]].tolist()) <= known


class TestReports:
    def test_music_is_nearer_to_music_than_noise_is(self):
        noise = random_pieces(16, 5)
        tuneful = evaluate(HELD_OUT, TRAINING, TRAINING, REFERENCE)
        random = evaluate(noise, HELD_OUT, TRAINING, REFERENCE)
        assert tuneful.overlap is not None
        assert random.overlap is not None
        assert tuneful.overlap > 0.7 > 0.5 > random.overlap
        for agent in ("chord", "rhythm", "melody"):
            assert tuneful.reward[agent].mean > random.reward[agent].high
        assert set(tuneful.terms) == set(TERMS)
        assert random.diversity.distinct == 1.0
        assert len(random.farthest) == 8
        worst = [random.features[name].overlap for name in random.farthest]
        assert worst == sorted(worst)

    def test_a_copy_is_found_out(self):
        found = evaluate(TRAINING, HELD_OUT, TRAINING, REFERENCE)
        assert found.copying.longest == max(TRAINING.onset().sum(1).tolist()) - 2
        assert found.copying.real_longest < found.copying.longest

    def test_reports_are_json_and_the_same_every_time(self):
        found = [evaluate(HELD_OUT, TRAINING, TRAINING, REFERENCE, seed=3).to_json() for _ in range(2)]
        assert json.dumps(found[0], allow_nan=False) == json.dumps(found[1], allow_nan=False)
        silent = replace(HELD_OUT, cell=HELD_OUT.cell * 0, pitch=HELD_OUT.pitch * 0)
        mute = evaluate(silent, HELD_OUT, TRAINING, REFERENCE)
        assert mute.features["melody/in_key"].overlap is None
        assert '"overlap": null' in json.dumps(mute.to_json(), allow_nan=False)

    def test_sets_that_cannot_be_compared(self):
        nothing = HELD_OUT.select([])
        with pytest.raises(EvaluationError, match="the generated set has no pieces"):
            evaluate(nothing, HELD_OUT, TRAINING, REFERENCE)
        with pytest.raises(EvaluationError, match="the set 'agents' has no pieces"):
            compare({"agents": nothing}, held_out=HELD_OUT, training=TRAINING)
        with pytest.raises(EvaluationError, match="two real pieces kept out"):
            compare({}, held_out=HELD_OUT.select([0]), training=TRAINING)
        with pytest.raises(EvaluationError, match="is taken by a yardstick"):
            compare({REAL_AGAINST_REAL: HELD_OUT}, held_out=HELD_OUT, training=TRAINING)

    def test_numbers_as_reports_hold_them(self):
        assert defined(float("nan")) is None
        assert defined(1 / 3) == 0.333333
        assert markdown_table(("a", "b"), [("x", None), ("y", 0.5)]) == (
            "| a | b |\n| --- | ---: |\n| x | – |\n| y | 0.5 |\n"
        )


class TestAudit:
    def test_every_term_is_ranked(self):
        generator = torch.Generator().manual_seed(0)
        table = audit(HELD_OUT, None, random_pieces(16, 5), REFERENCE, shuffle_bars(HELD_OUT, generator))
        rows = {row.term: row for row in table.rows}
        assert list(rows) == list(TERMS)
        for name in ("key", "interval", "recall", "harmony_recall", "motif"):
            assert rows[name].real_over_random == pytest.approx(1.0, abs=0.05), name
        assert rows["recall"].real_over_shuffled > 0.9
        assert rows["key"].real_over_prior is None
        json.dumps(table.to_json(), allow_nan=False)
        assert "| real over random |" in table.markdown()
