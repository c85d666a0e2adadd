"""The table of terms: what all of them have in common."""

from __future__ import annotations

import json

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from composer.rewards import (
    GROUPS,
    TERMS,
    Reference,
    RewardError,
    RewardWeights,
    agent_rewards,
    reward_terms,
    term_totals,
)
from composer.rewards.measure import Places, share_of_bar
from composer.rewards.reference import MEASURES
from composer.score import concatenate
from composer.theory import METERS
from composer.view import View, metrical_level
from tests.composer.pieces import piece, random_pieces

CORPUS = random_pieces(24, 1, meters=(0, 1, 3))
REFERENCE = Reference.from_scores(CORPUS)


def test_metrical_levels_follow_the_metre():
    quarter, waltz, jig = METERS[0], METERS[1], METERS[3]
    assert [metrical_level(quarter, step) for step in range(16)] == [4, 0, 1, 0, 2, 0, 1, 0, 3, 0, 1, 0, 2, 0, 1, 0]
    assert [metrical_level(waltz, step) for step in range(12)] == [4, 0, 1, 0, 2, 0, 1, 0, 2, 0, 1, 0]
    assert [metrical_level(jig, step) for step in range(12)] == [4, 0, 1, 0, 1, 0, 2, 0, 1, 0, 1, 0]


def test_a_view_lists_the_notes():
    notes = View(piece("60*4 .*2 62*6 64*4", "C*4")).notes
    assert notes.step.tolist() == [[0, 6, 12]]
    assert notes.pitch.tolist() == [[60, 62, 64]]
    assert notes.gap.tolist() == [[6, 6, 4]]
    assert notes.length.tolist() == [[4, 6, 4]]
    assert notes.level.tolist() == [[4, 1, 2]]
    assert notes.tone.tolist() == [[True, False, True]]
    assert notes.closes_bar.tolist() == [[False, False, True]]


def test_a_bar_gets_the_mean_of_its_places():
    view = View(piece("60*16 60*16", "C*8"))
    places = Places(
        step=torch.tensor([[0, 8, 16]]),
        value=torch.zeros(1, 3),
        here=torch.tensor([[True, True, True]]),
        weight=torch.tensor([[3.0, 1.0, 5.0]]),
    )
    laid = share_of_bar(view, places, torch.tensor([[1.0, 2.0, -1.0]]))
    # First bar (3 * 1 + 1 * 2) / 4, second bar 5 * -1 / 5.
    assert laid[0, 0].item() == pytest.approx(0.75)
    assert laid[0, 8].item() == pytest.approx(0.5)
    assert laid[0, 16].item() == pytest.approx(-1.0)
    assert laid.count_nonzero() == 3


def test_every_group_has_terms_and_every_term_a_description():
    assert {term.group for term in TERMS.values()} == set(GROUPS)
    assert all(term.description and term.name == name for name, term in TERMS.items())
    assert list(TERMS) == list(MEASURES)


def test_terms_are_finite_and_silent_in_the_padding():
    terms = reward_terms(CORPUS, REFERENCE)
    for name, credit in terms.items():
        assert credit.shape == CORPUS.pitch.shape, name
        assert credit.dtype == torch.float32, name
        assert bool(credit.isfinite().all()), name
        assert not bool(credit[~CORPUS.valid()].any()), name


def test_a_term_called_alone_gives_what_all_together_give():
    together = reward_terms(CORPUS, REFERENCE)
    for name, term in TERMS.items():
        torch.testing.assert_close(term.function(CORPUS, REFERENCE), together[name])


@settings(deadline=None, max_examples=8)
@given(row=st.integers(0, 23))
def test_a_piece_earns_the_same_alone_as_in_a_batch(row):
    alone = reward_terms(CORPUS.select([row]), REFERENCE)
    together = reward_terms(CORPUS, REFERENCE)
    for name in TERMS:
        torch.testing.assert_close(alone[name], together[name][row : row + 1])


def test_the_corpus_earns_nothing_on_the_whole():
    # By construction: every term is centred on the corpus; pseudo-counts and a bar's mean leave a small rest.
    corpus = random_pieces(200, 5)
    totals = term_totals(reward_terms(corpus, Reference.from_scores(corpus)), corpus)
    for name, total in totals.items():
        if name != "copying":  # its corpus is the other half, and every piece stands in the memory
            assert abs(total.mean().item()) < 0.05, name


@pytest.mark.parametrize("bars", [1, 2, 3, 5])
def test_short_pieces_are_judged_too(bars):
    for credit in reward_terms(random_pieces(2, 3, bars=bars), REFERENCE).values():
        assert bool(credit.isfinite().all())


def test_a_silent_piece_is_judged_too():
    silent = piece(".*16 .*16 .*16 .*16", "-*16")
    assert all(bool(credit.isfinite().all()) for credit in reward_terms(silent, REFERENCE).values())


def test_totals_are_means_over_bars():
    score = concatenate([piece("60*16 60*16", "C*8"), piece("60*16", "C*4")])
    credit = torch.ones(2, 32) * score.valid()
    assert term_totals({"any": credit}, score)["any"].tolist() == [16.0, 16.0]


def test_agents_get_the_weighted_sum():
    terms = {name: torch.full((1, 2), float(index)) for index, name in enumerate(TERMS)}
    zero = {name: dict.fromkeys(("chord", "rhythm", "melody"), 0.0) for name in TERMS}
    names = list(TERMS)
    zero[names[1]] = {"chord": 2.0, "rhythm": 0.0, "melody": -1.0}
    zero[names[3]] = {"chord": 1.0, "rhythm": 0.5, "melody": 0.0}
    rewards = agent_rewards(terms, RewardWeights(terms=zero))
    # chord 2 * 1 + 1 * 3, rhythm 0.5 * 3, melody -1 * 1
    assert rewards[:, 0, 0].tolist() == [5.0, 1.5, -1.0]
    assert rewards.shape == (3, 1, 2)


def test_weights_left_out_are_those_of_the_table():
    weights = RewardWeights(terms={"cadence": {"chord": 9.0}})
    assert weights.terms["cadence"] == {**TERMS["cadence"].weights, "chord": 9.0}
    assert weights.terms["key"] == TERMS["key"].weights
    again = RewardWeights.model_validate(json.loads(weights.model_dump_json()))
    assert again == weights
    with pytest.raises(ValidationError):
        weights.terms = {}  # type: ignore[misc]


def test_an_unknown_term_or_agent_is_named():
    with pytest.raises(ValueError, match=r"unknown reward term 'cadenza': choose from strong_beats, "):
        RewardWeights(terms={"cadenza": {}})
    with pytest.raises(ValueError, match=r"unknown agent 'bass' in the weights of 'cadence'"):
        RewardWeights(terms={"cadence": {"bass": 1.0}})


class TestReference:
    def test_probability_leans_on_the_whole_by_pseudo_counts(self):
        reference = Reference.from_scores(piece("60*16 60*16 60*16 60*16", "C*16"))
        # Four bars of one note, 17 bins: overall (4 + .5) / (4 + 8.5) = .36; the one context (4 + 8 * .36) / 12;
        # 4/4 itself (4 + 32 * .57333) / 36.
        chance = reference.probability("density")
        assert chance[0, 0, 1].item() == pytest.approx(0.620741, abs=1e-5)
        assert chance[1, 0, 1].item() == pytest.approx(0.573333, abs=1e-5)
        torch.testing.assert_close(chance.sum(2), torch.ones(6, 1))

    def test_typical_bins_earn_the_same_up_to_nine_tenths_of_the_corpus(self):
        counts = torch.zeros(6, 1, 17, dtype=torch.float64)
        counts[0, 0, :4] = torch.tensor([50, 30, 15, 5]) * 1e7
        reference = Reference({"density": counts}, torch.zeros(1, dtype=torch.bool), 6, 1, 1)
        credit = reference.typicality("density")[0, 0]
        # The ceiling is log .15; the mean .95 log .15 + .05 log .05.
        assert credit[:3].tolist() == pytest.approx([0.05493] * 3, abs=1e-4)
        assert credit[3].item() == pytest.approx(-1.04368, abs=1e-4)
        assert credit[4].item() == -4.0

    def test_a_tent_peaks_at_the_quantile(self):
        counts = torch.zeros(6, 36, 21, dtype=torch.float64)
        counts[0, 0, [0, 10]] = 1e9
        reference = Reference({"recall": counts}, torch.zeros(1, dtype=torch.bool), 6, 1, 1)
        credit = reference.tent("recall")[0, 0]
        # Grades 0, 1/2, 1, 3/4, 1/2 at 0, 1/4, 1/2, 3/4, 1; mean 1/2.
        assert credit[[0, 5, 10, 15, 20]].tolist() == pytest.approx([-0.5, 0.0, 0.5, 0.25, 0.0], abs=1e-4)

    def test_json_reads_back_and_is_the_same_every_time(self):
        text = json.dumps(REFERENCE.to_json())
        again = Reference.from_json(json.loads(text))
        assert json.dumps(again.to_json()) == text
        assert json.dumps(Reference.from_scores(CORPUS).to_json()) == text
        assert len(text) < 300_000
        for name, credit in reward_terms(CORPUS, again).items():
            torch.testing.assert_close(credit, reward_terms(CORPUS, REFERENCE)[name], atol=1e-4, rtol=1e-4)

    def test_a_file_of_another_kind_is_refused(self):
        with pytest.raises(RewardError, match="not a reference of version"):
            Reference.from_json({"version": 99})
        data = REFERENCE.to_json()
        with pytest.raises(RewardError, match="no counts of the term 'strong_beats'"):
            Reference.from_json({**data, "counts": {}})
        counts = data["counts"]
        assert isinstance(counts, dict)
        with pytest.raises(RewardError, match="counts of 'density' for '4/4' do not fit"):
            Reference.from_json({**data, "counts": {**counts, "density": {"4/4": [1]}}})

    def test_a_corpus_without_notes_is_refused(self):
        with pytest.raises(RewardError, match="at least one piece with a melody"):
            Reference.from_scores(piece(".*16", "C*4"))
        with pytest.raises(RewardError, match="at least one piece with a melody"):
            Reference.from_scores(CORPUS.select([]))
