"""Sets of pieces in a report: runs and their intervals, goals worked by hand, documents that hold what they say."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace

import pytest
import torch

from composer.environment import Conditions
from composer.evaluation import (
    FIGURE,
    FIGURES,
    REAL_AGAINST_REAL,
    SHUFFLED,
    TRAINING,
    Comparison,
    EvaluationError,
    Markov,
    Report,
    compare,
    headline,
    verdicts,
)
from composer.evaluation.comparison import similarity
from composer.evaluation.evaluation import Evaluation
from composer.score import concatenate
from tests.composer.pieces import piece, random_pieces
from tests.composer.test_evaluation import song

SONGS = concatenate([song(seed) for seed in range(64)])
LEARNED, HELD = SONGS.select(slice(0, 32)), SONGS.select(slice(32, 64))


@pytest.fixture(scope="module")
def compared() -> Comparison:
    generator = torch.Generator().manual_seed(0)
    chain = Markov(LEARNED)
    return compare(
        {
            "agents": [chain.compose(Conditions.of(LEARNED), generator) for _ in range(3)],
            "independent": [random_pieces(20, seed) for seed in (1, 2)],
            "random": random_pieces(20, 9),
        },
        held_out=HELD,
        training=LEARNED,
    )


def with_figures(evaluation: Evaluation, **values: float) -> Evaluation:
    """The evaluation with other overlap, distinct share or nearest distance."""
    return replace(
        evaluation,
        overlap=values.get("overlap", evaluation.overlap),
        diversity=replace(
            evaluation.diversity,
            distinct=values.get("distinct", evaluation.diversity.distinct),
            nearest=values.get("nearest", evaluation.diversity.nearest),
        ),
    )


def standing(runs: dict[str, list[dict[str, float]]], like: Comparison) -> Comparison:
    """A comparison of made-up figures."""
    blank = like.runs["random"][0]
    return replace(
        like, runs={name: tuple(with_figures(blank, **row) for row in rows) for name, rows in runs.items()}
    )


class TestComparison:
    def test_yardsticks_stand_beside_the_sets(self, compared: Comparison) -> None:
        assert list(compared.runs) == ["agents", "independent", "random", TRAINING, SHUFFLED, REAL_AGAINST_REAL]
        assert [len(runs) for runs in compared.runs.values()] == [3, 2, 1, 1, 1, 8]
        sizes = {
            run.pieces for name in ("agents", TRAINING, SHUFFLED, REAL_AGAINST_REAL) for run in compared.runs[name]
        }
        assert sizes == {16}  # as many as half of the real pieces
        assert compared.real("overlap") > compared.estimate("random", "overlap").mean
        assert compared.estimate("random", "classifier").mean > 0.95
        assert compared.estimate(SHUFFLED, "classifier").mean > 0.7 > compared.real("classifier")

    def test_training_pieces_are_not_held_against_themselves(self, compared: Comparison) -> None:
        longest = compared.runs[TRAINING][0].copying.longest
        assert longest < int(LEARNED.onset().sum(1).max()) - 2

    def test_several_runs_have_students_interval(self, compared: Comparison) -> None:
        made = standing(
            {"agents": [{"overlap": value} for value in (0.7, 0.8, 0.9)], REAL_AGAINST_REAL: [{}]}, compared
        )
        found = made.estimate("agents", "overlap")
        # Standard error .1 / sqrt(3); the 97.5 % quantile of t with 2 degrees of freedom is 4.302653.
        half = 4.302653 * 0.1 / math.sqrt(3)
        assert (found.mean, found.low, found.high) == pytest.approx((0.8, 0.8 - half, 0.8 + half), abs=1e-5)
        assert made.estimate("agents", "reward").low == made.estimate("agents", "reward").high

    def test_one_run_has_the_interval_within_where_there_is_one(self, compared: Comparison) -> None:
        assert compared.estimate("random", "overlap").low is None
        told = compared.runs["random"][0].classification
        found = compared.estimate("random", "classifier")
        assert (found.mean, found.low, found.high) == (told.accuracy, told.low, told.high)

    def test_a_difference_has_welchs_interval(self, compared: Comparison) -> None:
        rows = {"agents": (0.7, 0.8, 0.9), "independent": (0.4, 0.6)}
        made = standing(
            {name: [{"overlap": value} for value in values] for name, values in rows.items()}
            | {REAL_AGAINST_REAL: [{}]},
            compared,
        )
        found = made.difference("agents", "independent", FIGURE["overlap"])
        # Variances .01 / 3 and .02 / 2, so the error is sqrt(.04 / 3); Welch and Satterthwaite's degrees of freedom
        # are (.04 / 3)^2 / ((.01 / 3)^2 / 2 + .01^2 / 1) = 1.684, where the quantile is 5.211.
        assert found.mean == pytest.approx(0.3)
        assert found.high - found.mean == pytest.approx(5.211 * math.sqrt(0.04 / 3), rel=0.01)
        assert compared.difference("agents", "random", FIGURE["overlap"]).low is None

    def test_pieces_of_one_song_are_not_on_both_sides(self) -> None:
        # Every song twice: halves that shared songs would have more in common than halves that do not.
        few = HELD.select(range(4))
        twice = concatenate([few, few])
        numbers = [*range(4), *range(4)]
        whole = compare({"random": random_pieces(8, 1)}, held_out=twice, training=LEARNED, songs=numbers)
        torn = compare({"random": random_pieces(8, 1)}, held_out=twice, training=LEARNED)
        assert whole.real("overlap") < torn.real("overlap")

    def test_how_like_bars_are_to_earlier_ones(self) -> None:
        # Bars A B A B: nothing in common with the bar before, all with the one before that.
        assert similarity(piece("60*16 62*16 " * 2, "C*16")) == (0.0, 1.0, 0.0)
        assert similarity(piece(".*64", "C*16")) == (None, None, None)

    def test_sets_that_cannot_be_compared(self) -> None:
        with pytest.raises(EvaluationError, match="the set 'agents' has no pieces"):
            compare({"agents": []}, held_out=HELD, training=LEARNED)
        with pytest.raises(EvaluationError, match="'shuffled bars' is taken"):
            compare({SHUFFLED: HELD}, held_out=HELD, training=LEARNED)


class TestGoals:
    def outcome(self, compared: Comparison, key: str, value: float, real: float) -> list[bool | None]:
        made = standing({"agents": [{key: value}], REAL_AGAINST_REAL: [{key: real}]}, compared)
        return [verdict.met for verdict in verdicts(made) if verdict.figure.key == key]

    @pytest.mark.parametrize(
        ("key", "value", "real", "met"),
        [
            ("overlap", 0.84, 0.87, True),
            ("overlap", 0.83, 0.87, False),
            ("overlap", 0.99, 0.87, True),
            ("distinct", 1.0, 0.9, True),
            ("distinct", 0.995, 0.9, False),
            ("nearest", 0.82, 0.75, True),
            ("nearest", 0.83, 0.75, False),
            ("nearest", 0.67, 0.75, False),
        ],
    )
    def test_outcomes_by_hand(self, compared: Comparison, key: str, value: float, real: float, met: bool) -> None:
        assert self.outcome(compared, key, value + 1e-9, real) == [met]

    @pytest.mark.parametrize(
        ("accuracy", "outcomes"), [(0.58, [True, True]), (0.65, [True, False]), (0.75, [False, False])]
    )
    def test_the_classifier_has_two_goals(self, compared: Comparison, accuracy: float, outcomes: list[bool]) -> None:
        goals = FIGURE["classifier"].goals
        assert [goal.met(accuracy, 0.5) for goal in goals] == outcomes

    def test_what_is_not_known_is_neither_met_nor_missed(self, compared: Comparison) -> None:
        blank = replace(compared.runs["random"][0], classification=None)
        made = replace(compared, runs={**compared.runs, "agents": (blank,)})
        assert [verdict.met for verdict in verdicts(made) if verdict.figure.key == "classifier"] == [None, None]

    def test_every_figure_the_project_asked_for_has_a_goal(self) -> None:
        asked = {figure.key for figure in FIGURES if figure.goals}
        assert asked == {
            *("overlap", "overlap_melody", "overlap_rhythm", "overlap_harmony", "overlap_structure"),
            *("classifier", "reward", "distinct", "nearest", "copied_run"),
            *("like_4", "like_8", "rest_share", "off_beat", "strong_beat_chord_tones", "cadence_share"),
        }


class TestReport:
    def test_markdown_says_what_was_found(self, compared: Comparison) -> None:
        report = Report("Evaluation: songs", compared, ("Models of nobody.",))
        text = report.markdown()
        assert text.startswith("# Evaluation: songs\n\nModels of nobody.\n")
        row = next(line for line in text.splitlines() if line.startswith("| overlap of features | "))
        found = compared.estimate("agents", "overlap")
        assert f"| {found.mean:.3g} [{found.low:.3g}, {found.high:.3g}] | {compared.real('overlap'):.3g} |" in row
        met = [verdict.met for verdict in verdicts(compared)]
        assert f"{met.count(True)} of {len(met)} goals met. 3 run(s) of 16 pieces" in text
        assert text.count("| met |") == met.count(True)
        assert text.count("| not met |") == met.count(False)
        assert "## What agents have more of than others" in text
        assert {match[1] for match in re.finditer(r"\((\w+)\.png\)", text)} == set(report.plots)
        assert "png" not in report.markdown(pictures=False)

    def test_the_page_needs_nothing_else(self, compared: Comparison) -> None:
        report = Report("<songs>", compared)
        page = report.html()
        assert "&lt;songs&gt;" in page
        assert "<songs>" not in page
        assert page.count('src="data:image/png;base64,') == len(report.plots) == 4
        assert re.findall(r'(?:src|href)="(?!data:)', page) == []
        assert page.count('class="met"') == sum(bool(verdict.met) for verdict in verdicts(compared))
        assert page.count("<table>") == report.markdown().count("\n| --- |")

    def test_pictures_are_the_same_every_time(self, compared: Comparison) -> None:
        first, again = (Report("songs", compared).plots for _ in range(2))
        assert first == again
        assert all(data.startswith(b"\x89PNG") for data in first.values())

    def test_json_holds_goals_and_intervals(self, compared: Comparison) -> None:
        told = json.loads(json.dumps(Report("songs", compared).to_json(), allow_nan=False))
        assert told["figures"]["agents"]["overlap"] == {
            **{name: getattr(compared.estimate("agents", "overlap"), name) for name in ("mean", "low", "high")},
            "ratio": compared.ratio("agents", FIGURE["overlap"]),
        }
        assert [goal["met"] for goal in told["goals"]] == [verdict.met for verdict in verdicts(compared)]
        assert len(told["sets"]["agents"]) == 3

    def test_small_sets_still_make_a_report(self) -> None:
        few = compare({"agents": song(3)}, held_out=SONGS.select([0, 1]), training=SONGS.select([2]))
        report = Report("few", few)
        assert "too few" not in report.markdown()
        assert len(report.plots) == 4
        assert headline(few).startswith("agents meet ")
