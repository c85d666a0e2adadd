"""The balance that holds the mixture of pieces at the corpus'."""

from __future__ import annotations

import math

import pytest
import torch

from composer.rewards import BALANCED, Balance, Reference
from composer.view import View
from composer.vocabulary import CHORD, MELODY, RHYTHM
from tests.composer.pieces import piece, random_pieces

CORPUS = piece("60*4 62*4 60*4 62*4 " * 8, "C*32")


@pytest.fixture
def reference() -> Reference:
    return Reference.from_scores(CORPUS)


def test_music_as_in_the_corpus_moves_nothing(reference: Reference):
    balance = Balance(reference, 0.5)
    earned = balance.weigh(View(CORPUS), reference)
    assert earned.shape == (3, 1, 128)
    assert earned.abs().max().item() == pytest.approx(0.0, abs=1e-6)
    assert set(balance.gaps()) == set(BALANCED)
    assert max(balance.gaps().values()) == pytest.approx(0.0, abs=1e-6)


def test_what_is_rarer_than_in_the_corpus_pays_and_what_is_commoner_costs(reference: Reference):
    balance = Balance(reference, 0.5)
    # Whole bars of one note: a duration the corpus does not have.
    other = View(piece("60*16 60*16 60*16 60*16", "C*16"))
    earned = [balance.weigh(other, reference) for _ in range(3)]
    assert earned[0][RHYTHM].sum().item() < 0
    assert earned[2][RHYTHM].sum().item() < earned[0][RHYTHM].sum().item()
    crotchets = balance.weigh(View(CORPUS), reference)
    assert crotchets[RHYTHM].sum().item() > 0


def test_a_multiplier_worked_by_hand(reference: Reference):
    balance = Balance(reference, 0.5)
    balance.weigh(View(piece("60*16 60*16 60*16 60*16", "C*16")), reference)
    # All notes of the corpus last four sixteenths and half of its 31 intervals... its density is four notes a bar;
    # after one batch of one note a bar nine tenths of the running share are still the corpus'.
    share = balance.shares["density"]
    assert share[4].item() == pytest.approx(0.9)
    assert share[1].item() == pytest.approx(0.1)
    wanted = 0.5 * math.log((0 + 2e-3) / (0.1 + 2e-3))
    assert balance.multipliers["density"][1].item() == pytest.approx(wanted, rel=1e-4)
    assert balance.gaps()["density"] == pytest.approx(0.1)


def test_multipliers_have_a_limit(reference: Reference):
    balance = Balance(reference, 1.0)
    for seed in range(40):
        balance.weigh(View(random_pieces(4, seed, bars=4)), reference)
    assert max(value.abs().max().item() for value in balance.multipliers.values()) == 3.0


def test_each_agent_earns_what_it_can_change(reference: Reference):
    balance = Balance(reference, 0.5)
    leaps = View(piece("60*4 72*4 60*4 72*4 " * 8, "C*32"))
    earned = balance.weigh(leaps, reference)
    assert earned[MELODY].sum().item() < 0
    # The rhythm is the corpus' own, and so are the chords; what they carry is not.
    assert earned[RHYTHM].abs().max().item() == pytest.approx(0.0, abs=1e-5)
    assert BALANCED["progression"] == (CHORD,)


def test_its_state_goes_into_a_checkpoint_and_back(reference: Reference):
    first, second = Balance(reference, 0.5), Balance(reference, 0.5)
    first.weigh(View(random_pieces(4, 1, bars=4)), reference)
    second.restore(first.tensors())
    pieces = View(random_pieces(4, 2, bars=4))
    assert torch.equal(first.weigh(pieces, reference), second.weigh(pieces, reference))
