"""The gate's decisions, worked by hand."""

from __future__ import annotations

import pytest

from flows.errors import FlowError
from flows.gate import decide, quality


def test_theory_counts_only_where_it_is_missing() -> None:
    assert quality(0.86, 0.5, 0.2) == pytest.approx(0.86)
    assert quality(0.86, -0.8, 0.2) == pytest.approx(0.86 - 0.02 * 1.0)


def test_whoever_is_first_becomes_the_champion() -> None:
    verdict = decide([0.5, 0.7], None)
    assert verdict.promoted
    assert (verdict.challenger, verdict.champion, verdict.gain) == (pytest.approx(0.6), None, None)
    assert "no champion yet" in verdict.reason


def test_the_interval_is_that_of_paired_differences() -> None:
    # Gains .01, .02, .03: mean .02, standard error .01 / sqrt 3, Student's t for two degrees of freedom 4.3027.
    verdict = decide([0.81, 0.62, 0.73], [0.80, 0.60, 0.70], margin=0.0)
    assert verdict.gain == pytest.approx(0.02)
    assert verdict.low == pytest.approx(0.02 - 4.302653 * 0.01 / 3**0.5, abs=1e-6)
    assert verdict.high == pytest.approx(0.02 + 4.302653 * 0.01 / 3**0.5, abs=1e-6)
    assert not verdict.promoted
    assert verdict.reason.startswith("Not promoted: gain +0.0200 [-0.0048, +0.0448] over 3 paired rounds")


def test_a_clear_gain_is_promoted_only_beyond_the_margin() -> None:
    challenger, champion = [0.820, 0.721, 0.622, 0.523], [0.80, 0.70, 0.60, 0.50]
    assert decide(challenger, champion, margin=0.01).promoted
    assert not decide(challenger, champion, margin=0.021).promoted


def test_an_equal_or_worse_challenger_is_not_promoted() -> None:
    assert not decide([0.8, 0.7], [0.8, 0.7], margin=0.0).promoted
    assert not decide([0.7, 0.6, 0.5], [0.8, 0.71, 0.6], margin=0.0).promoted


@pytest.mark.parametrize(
    ("challenger", "champion", "margin", "said"),
    [
        ([0.8], [0.7], 0.0, "two rounds"),
        ([0.8, 0.9], [0.7], 0.0, "2 rounds of the challenger and 1"),
        ([0.8, 0.9], [0.7, 0.8], -0.1, "margin -0.1"),
    ],
)
def test_what_says_nothing_is_refused(
    challenger: list[float], champion: list[float], margin: float, said: str
) -> None:
    with pytest.raises(FlowError, match=said):
        decide(challenger, champion, margin)
