"""Dorian, Phrygian, Lydian and Mixolydian."""

from __future__ import annotations

import pytest
import torch

from composer.modal import altered
from composer.modes import key_name, parse_key
from composer.score import from_melody
from composer.score_text import describe
from composer.theory import Key, TheoryError, chord_name
from flows.composing import Model
from flows.requests import Request
from flows.styles import SHIPPED


def test_keys_and_modes_by_name() -> None:
    assert parse_key("D dorian") == (Key(2, 1), "dorian")
    assert parse_key("Bb Mixolydian") == (Key(10, 0), "mixolydian")
    assert parse_key("D minor") == (Key(2, 1), None)
    assert key_name(*parse_key("F# lydian")) == "F# lydian"
    with pytest.raises(TheoryError, match=r"unknown key 'H flat'.*dorian"):
        parse_key("H flat")


def test_the_degree_is_altered_in_melody_and_chords() -> None:
    one = torch.tensor
    # A minor: A, F, G over Dm (2 + minor) and G7; in A dorian F is F#, Dm is D, G7 is Gmaj7.
    score = from_melody(
        one([[69, 1, 65, 1, 67, 1, 1, 1, *[0] * 8]]),
        one([[1 + 12 + 2] * 2 + [1 + 24 + 7] * 2]),
        meter=one([0]),
        mode=one([1]),
        bars=one([1]),
        tonic=one([9]),
        tempo=one([90.0]),
    )
    found = altered(score, "dorian")
    assert found.pitch[0, :8].tolist() == [69, 69, 66, 66, 67, 67, 67, 67]
    assert [chord_name(code) for code in found.chord[0].tolist()] == ["D", "D", "Gmaj7", "Gmaj7"]


@pytest.mark.parametrize(("key", "absent"), [("D dorian", 10), ("G mixolydian", 6)])
def test_a_piece_in_a_mode_has_its_scale(key: str, absent: int) -> None:
    model = Model.load(SHIPPED / "folk")
    score, asked = model.compose(Request(key=key, bars=16, seed=2))
    assert asked["key"] == key
    sounding = (score.pitch[0] + score.transposition[0])[score.onset()[0]] % 12
    assert absent not in sounding.tolist()
    assert describe(score)
    again, _ = model.compose(Request(**asked))
    assert torch.equal(again.pitch, score.pitch)
