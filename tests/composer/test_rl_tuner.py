from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from composer.evaluation import rl_tuner as table
from composer.evaluation.rl_tuner import ROWS, Definition, Tally, by_events, by_notes, distance
from composer.rewards import RewardError
from composer.rewards import rl_tuner as rules
from composer.score import concatenate
from tests.composer.pieces import piece, random_pieces

# Up the scale from C in sixteenths and down again, then all over: C C' C ...
SCALE = piece("60 62 64 65 67 69 71 72 71 69 67 65 64 62 60 59 60*16", "C*8")
LEAPS = piece("60*4 67*4 62*4 64*4  72*4 60*4 67*4 74*4", "C*8")


def row(*event: int) -> Tensor:
    return torch.tensor([event])


def places(found: Tensor) -> list[int]:
    return found[0].nonzero().flatten().tolist()


def test_a_melody_is_a_row_of_events() -> None:
    score = piece(".*2 60*3 .*3 84*4 40*4 83*8 -*8", "C*8")
    # 84 and 40 lie outside of 48..83 and are heard an octave nearer.
    assert rules.events(score)[0].tolist() == [
        *(1, 1, 14, 1, 1, 0, 1, 1),
        *(26, 1, 1, 1, 6, 1, 1, 1),
        *(37, 1, 1, 1, 1, 1, 1, 1),
        *(1, 1, 1, 1, 1, 1, 1, 1),
    ]


def test_pieces_of_different_lengths_have_no_common_events() -> None:
    with pytest.raises(RewardError, match="one length"):
        by_events(concatenate([SCALE, piece("60*16", "C*4")]))


def test_an_event_is_excessive_after_four_of_its_kind_or_six_with_others_between() -> None:
    assert places(rules.excessively_repeated(row(14, 14, 14, 14, 14, 14, 14, 16))) == [5, 6]
    assert places(rules.excessively_repeated(row(14, 1, 1, 1, 1, 1, 1, 1))) == [6, 7]
    assert places(rules.excessively_repeated(row(14, 0, *[1] * 9))) == [9, 10]
    assert places(rules.excessively_repeated(row(*[14, 1] * 8))) == [14]
    assert places(rules.excessively_repeated(row(14, 0, 14, 0, 14, 0))) == []
    assert places(rules.excessively_repeated(row(1, 0, 1, 0, 1, 0))) == [5]


def test_notes_outside_of_c_major_are_not_in_key() -> None:
    assert places(rules.not_in_key(row(14, 15, 16, 0, 1, 24))) == [1, 5]


@pytest.mark.parametrize(
    ("event", "resolved", "doubled"),
    [
        ((14, 21, 16, 14), [3], []),  # gradually back to where it came from
        ((14, 21, 16, 1), [], []),
        ((14, 21, 28), [], [2]),  # on in the same direction
        ((14, 21, 14), [], []),  # back at once: closed, but not resolved
        ((14, 21, 14, 7), [], []),  # so the next leap down begins anew
        ((14, 21, 1, 1, 1, 1, 1, 1, 1, 14), [9], []),  # back after seven events
        ((14, 21, 1, 1, 1, 1, 1, 1, 14), [], []),  # after six
        ((21, 14, 1, 16, 0, 21), [5], []),  # a leap down is resolved upwards
        ((1, 1, 14, 20), [], []),
    ],
)
def test_leaps_are_resolved_or_doubled(event: tuple[int, ...], resolved: list[int], doubled: list[int]) -> None:
    found = rules.leap_outcomes(row(*event))
    assert [places(part) for part in found] == [resolved, doubled]


def test_a_motif_is_three_pitches_within_eight_events() -> None:
    assert places(rules.motif(row(14, 1, 16, 1, 18, 1, 1, 1, 1, 1))) == [7]
    assert places(rules.motif(row(14, 1, 16, 1, 14, 1, 16, 1, 14))) == []


def test_a_motif_is_repeated_by_the_same_eight_events_without_overlap() -> None:
    figure = (14, 1, 16, 1, 18, 1, 1, 1)
    assert places(rules.repeated_motif(row(*figure, *figure))) == [15]
    assert places(rules.repeated_motif(row(*figure, 21, *figure))) == [16]
    plain = (14, 1, 1, 1, 18, 1, 1, 1)
    assert places(rules.repeated_motif(row(*plain, *plain))) == []


def test_the_highest_and_the_lowest_note_may_be_unique() -> None:
    assert rules.highest_is_unique(row(14, 16, 14, 16, 18, 14))[0].tolist() == [True, True, True, False, True, True]
    assert rules.lowest_is_unique(row(1, 16, 14, 14, 0, 13))[0].tolist() == [False, True, True, False, False, True]


def test_the_autocorrelation_of_a_short_row_by_hand() -> None:
    # 1, -1, 1, -1 about a mean of 3: three products of -1 over an energy of 4.
    values, count = torch.tensor([[4, 2, 4, 2, 9], [7, 7, 7, 7, 7]]), torch.tensor([4, 5])
    found, defined = rules.autocorrelation(values, count, 1)
    assert found.tolist() == [-0.75, 0.0]
    assert defined.tolist() == [True, False]
    assert rules.autocorrelation(values, count, 2)[0][0] == 0.5


def test_the_rules_pay_at_the_end_what_the_piece_is_then() -> None:
    credits_ = rules.rule_credits(rules.events(SCALE))
    assert list(credits_) == list(rules.RULES)
    # B in the seventh place is heard again, the C above it is not; of two lowest notes B the last stands alone.
    assert float(credits_["unique maximum"].sum()) == 1.0
    assert float(credits_["starts on the tonic"].sum()) == 1.0
    assert float(credits_["not in key"].sum()) == 0.0
    weights = {name: rule.weight for name, rule in rules.RULES.items()}
    reward = rules.rule_rewards(credits_, weights)
    assert reward.shape == (3, 1, 32)
    assert float(reward[0].abs().sum()) == 0.0
    total = sum(weight * float(credits_[name].sum()) for name, weight in weights.items())
    assert float(reward[2].sum()) == pytest.approx(total, abs=1e-4)


def test_half_a_repeated_bar_pays_in_the_end_and_the_way_there_does_not() -> None:
    figure, other, rest = "60 - 62 - 64 - - -", "65 - 67 - 65 - 67 -", "60 60 60 60 60 60 60 60"
    whole = rules.events(piece(f"{figure} {other} {figure} {rest}", "C*8"))
    broken = rules.events(piece(f"{figure} {other} 60 - 62 - 64 - 62 - {rest}", "C*8"))
    paid, lost = (rules.rule_credits(event)["in a repeated motif"] for event in (whole, broken))
    assert float(paid.sum()) == pytest.approx(1.0)
    assert float(paid[0, 16:24].sum()) == pytest.approx(2.0)
    assert float(lost.sum()) == pytest.approx(0.0)
    assert float(lost[0, 16:22].sum()) == pytest.approx(6 / 8)


def test_the_table_by_events_and_by_notes() -> None:
    events = {name: tally.value for name, tally in by_events(SCALE).items()}
    notes = {name: tally.value for name, tally in by_notes(SCALE).items()}
    # The last C is held for sixteen sixteenths: the hold events from the sixth on are ten.
    assert events["excessively repeated"] == 10 / 32
    assert notes["excessively repeated"] == 0.0
    assert events["starts on the tonic"] == notes["starts on the tonic"] == 1.0
    assert events["unique maximum"] == notes["unique maximum"] == 1.0
    assert events["unique minimum"] == notes["unique minimum"] == 1.0
    # Sixteenths 7..21 close eight events of three pitches: 64, 62, 60, 59, 60 are the last to hold three.
    assert events["in a motif"] == 14 / 32
    # 17 notes, of which all but the first two close eight sixteenths with three pitches.
    assert notes["in a motif"] == 15 / 17
    assert math.isnan(events["leaps resolved"])
    assert math.isnan(notes["leaps resolved"])


def test_leaps_by_events_and_by_notes() -> None:
    # 60-67 up; 64-72 up again: doubled; 72-60 back too soon? four events: closed. 60-67, 67-74: doubled.
    assert by_events(LEAPS)["leaps resolved"].value == 0.0
    assert float(by_events(LEAPS)["leaps resolved"].whole) == 2.0
    # 60-67 turns back, 64-72 does, 72-60 does, 60-67 does not; 67-74 has no note after it.
    tally = by_notes(LEAPS)["leaps resolved"]
    assert (float(tally.part), float(tally.whole)) == (3.0, 4.0)


def test_repetition_over_notes() -> None:
    score = piece("60 60 60 60 60 60 62 - 60 62 64 - 65 67 69 - 67*16", "C*8")
    found = by_notes(score)
    # The fifth and the sixth C.
    assert found["excessively repeated"].value == 2 / 14
    # F G A has the intervals and gaps of C D E.
    assert float(found["in a repeated motif"].part) == 1.0


def test_any_tonic_is_one_over_notes_but_only_middle_c_over_events() -> None:
    score = piece(".*4 72*4 60*8 71*16", "C*8")
    assert by_notes(score)["starts on the tonic"].value == 1.0
    assert by_events(score)["starts on the tonic"].value == 0.0
    silent = by_notes(piece(".*32", "C*8"))
    assert math.isnan(silent["starts on the tonic"].value)


def test_chance_is_not_correlated_and_every_share_is_one() -> None:
    score = random_pieces(400, 1, bars=2)
    for found in (by_events(score), by_notes(score)):
        assert list(found) == [line.name for line in ROWS]
        for line in ROWS:
            value = found[line.name].value
            assert -1 <= value <= 1
            assert value >= 0 or not line.percent
    # The mean over chance rows of n is about -1/n for every lag.
    for lag in table.LAGS:
        assert by_events(score)[f"autocorrelation, lag {lag}"].value == pytest.approx(-1 / 32, abs=0.03)


def test_a_statistic_has_an_error_and_a_spread() -> None:
    tally = Tally(torch.tensor([1.0, 0.0, 0.0]), torch.tensor([1.0, 1.0, 0.0]))
    assert tally.value == 0.5
    assert tally.error == pytest.approx(math.sqrt(0.5) / 2)
    assert tally.spread == pytest.approx(math.sqrt(0.5))


def test_the_distance_to_real_music_is_in_spreads_of_real_pieces() -> None:
    real = {
        "one": Tally(torch.tensor([1.0, 0.0]), torch.ones(2)),  # mean 1/2, spread sqrt(1/2)
        "two": Tally(torch.tensor([2.0, 0.0]), torch.ones(2)),  # mean 1, spread sqrt(2)
        "flat": Tally(torch.ones(2), torch.ones(2)),
    }
    found = {"one": 0.5 + math.sqrt(0.5), "two": 1.0, "flat": 7.0}
    assert distance(found, real) == pytest.approx(0.5)
    assert distance({**found, "one": math.nan}, real) == 0.0


def test_a_row_is_reached_as_precisely_as_the_table_is_printed() -> None:
    lines = {line.name: line for line in ROWS}
    assert lines["excessively repeated"].reached(0.0004)
    assert not lines["excessively repeated"].reached(0.0006)
    assert lines["autocorrelation, lag 2"].reached(0.0149)
    assert not lines["autocorrelation, lag 2"].reached(-0.0151)
    assert lines["leaps resolved"].reached(0.911)
    assert not lines["leaps resolved"].reached(0.9109)
    assert lines["not in key"].reached(0.006)
    assert not lines["unique minimum"].reached(math.nan)


def test_a_reading_sets_the_paper_real_music_and_ours_beside_each_other() -> None:
    real, ours = random_pieces(40, 1, bars=2), random_pieces(20, 2, bars=2)
    reading = Definition.of(by_events, real, {"ours": ours})
    values = reading.values()
    assert list(values) == ["Note RNN", "RL Tuner", "real music", "ours"]
    assert values["RL Tuner"]["in a motif"] == 0.757
    assert values["ours"]["in a motif"] == by_events(ours)["in a motif"].value
    assert reading.reached("ours") == sum(line.reached(values["ours"][line.name]) for line in ROWS)
    # Drawn alike, both are about as far off as one half is from the other; the paper's network is not.
    assert distance(values["ours"], reading.real) < 0.5 < distance(values["Note RNN"], reading.real)
    assert reading.halves < 0.5
    printed = reading.markdown()
    assert "| 75.70 % | " in printed
    assert f"| {reading.reached('ours')} |" in printed


def test_going_on_after_a_leap_costs_and_turning_back_does_not() -> None:
    # Up a fifth and on to A; up a fifth, again, and back; down an octave and on down.
    on = rules.rule_credits(row(*[14, 1, 21, 21, 23, 1, 1, 1] * 4))["leaps onward"]
    back = rules.rule_credits(row(*[14, 1, 21, 21, 19, 18, 16, 14] * 4))["leaps onward"]
    down = rules.rule_credits(row(*[26, 1, 14, 1, 13, 11, 14, 26] * 4))["leaps onward"]
    assert places(on)[:1] == [4]
    assert places(back) == []
    assert 4 in places(down)
    assert 5 not in places(down)


def test_the_mean_autocorrelation_pays_rows_that_lie_across_from_it() -> None:
    event = torch.tensor([[14, 1] * 16, [14, 1, 1, 1] * 8])
    count = torch.tensor([32, 32])
    single = rules.rule_credits(event[:1])
    assert torch.allclose(single["autocorrelation"], single["mean autocorrelation"])
    both = rules.rule_credits(event)["mean autocorrelation"][:, -1].double()
    found = [rules.autocorrelation(event, count, lag)[0] for lag in rules.LAGS]
    for which in range(2):
        expected = sum(float(value[which]) * float(value.sum()) / 2 for value in found)
        assert float(both[which]) == pytest.approx(expected, abs=1e-5)
