"""The plan real music follows, and plans for new pieces."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from composer.corpus import bundled_corpus, cached_corpus
from composer.form import analyse, draw_plan
from composer.forms import FORMS, FormError, Part, forms_for, parse_form, parts_of, phrase_lengths, usual_bars
from composer.plan import CADENCES, COLUMNS, HARMONY_RELATIONS, INDEX, LONGEST_PHRASE, RELATIONS, SECTIONS, TARGETS
from composer.score import Score
from tests.composer.pieces import piece, random_pieces

TUNE = "60*4 62*4 64*4 65*4 "
ANSWER = "67*2 65*2 64*2 62*2 60*8 "
OTHER = "72*6 71*2 69*4 .*4 "
CLOSE = "65*4 62*4 60*8 "


def planned(score: Score, name: str) -> list[int]:
    return analyse(score).plan[0, :, INDEX[name]].tolist()


def names(values: list[int], table: tuple[str, ...]) -> list[str]:
    return [table[value - 1] for value in values]


class TestAnalysis:
    def test_a_bar_that_returns_is_a_copy_of_the_bar_it_recalls(self):
        score = piece((TUNE + ANSWER + OTHER + CLOSE) * 2, "C*4 C*4 F*4 G*2 C*2 " * 2)
        assert planned(score, "recalled")[4:] == [4, 4, 4, 4]
        assert names(planned(score, "relation"), RELATIONS)[4:] == ["copy"] * 4
        assert names(planned(score, "harmony"), HARMONY_RELATIONS)[4:] == ["same"] * 4
        assert names(planned(score, "section"), SECTIONS) == ["A"] * 8

    @pytest.mark.parametrize(
        ("line", "relation"),
        [
            (TUNE, "copy"),
            ("67*4 69*4 71*4 72*4 ", "sequence"),
            ("60*4 59*4 57*4 55*4 ", "inversion"),
            ("60*4 64*4 69*4 72*4 ", "shape"),
            ("60*4 67*4 64*4 72*4 ", "rhythm"),
            ("60*4 62*4 64*2 67*2 65*4 ", "variation"),
            ("48*4 50*2 59*2 55*4 53*4 ", "loose"),
            ("70*3 69*3 68*10 ", "new"),
        ],
    )
    def test_what_a_bar_makes_of_the_one_before(self, line: str, relation: str):
        assert names(planned(piece(TUNE + line, "C*8"), "relation"), RELATIONS)[1] == relation

    def test_phrases_end_with_long_notes_and_close_with_a_cadence(self):
        score = piece((TUNE + TUNE + TUNE + "67*16 ") + (TUNE + TUNE + TUNE + "60*16 "), "C*12 G*4 C*8 G*4 C*4")
        assert planned(score, "bar of the phrase") == [1, 2, 3, 4] * 2
        assert planned(score, "bars to the phrase's end") == [4, 3, 2, 1] * 2
        assert names(planned(score, "cadence"), CADENCES) == ["half"] * 4 + ["authentic"] * 4

    def test_an_introduction_has_no_melody(self):
        score = piece(".*16 " * 4 + (TUNE + ANSWER + OTHER + CLOSE), "C*32")
        assert names(planned(score, "section"), SECTIONS) == ["intro"] * 4 + ["A"] * 4
        assert planned(score, "register")[:4] == [0] * 4

    def test_register_and_climax(self):
        score = piece("60*16 65*16 76*8 62*8 60*16 ", "C*16")
        # The second class begins at 58 and every class has 2.5 semitones: 60, 65 and 69 lie in the 2nd, 4th and 6th.
        assert planned(score, "register") == [2, 4, 6, 2]
        assert planned(score, "climax") == [1, 1, 2, 1]

    def test_quantities_of_a_piece_worked_by_hand(self):
        found = {
            name: planned(piece("60*2 62*2 62*4 .*8 " * 4, "C*12 G*4"), name)[0] for name in (t.name for t in TARGETS)
        }

        def class_of(name: str, value: float) -> int:
            edges = next(target.edges for target in TARGETS if target.name == name)
            return 1 + sum(value > edge for edge in edges)

        # Three notes in four beats; one of three off the beat; half of each bar is silent; two chords in four bars.
        assert found["density"] == class_of("density", 3 / 4)
        assert found["off beat"] == class_of("off beat", 1 / 3)
        assert found["off eighth"] == 1
        assert found["rests"] == class_of("rests", 1 / 2)
        assert found["eighths"] == class_of("eighths", 2 / 3)
        assert found["harmonic rhythm"] == class_of("harmonic rhythm", 2 / 4)
        # Eleven intervals: four steps up, four repetitions, three steps down.
        assert found["movement"] == class_of("movement", 14 / 11)
        assert found["steps"] == class_of("steps", 7 / 11)
        assert found["repeated notes"] == class_of("repeated notes", 4 / 11)
        assert found["span"] == class_of("span", 2)
        assert found["borrowed chords"] == found["coloured chords"] == 1

    def test_a_plan_does_not_depend_on_the_rest_of_the_batch_or_on_an_old_plan(self):
        score = random_pieces(5, 1, bars=12, meters=(0, 1, 3))
        together = analyse(score)
        for row in range(len(score)):
            assert torch.equal(analyse(score.select([row])).plan[0], together.plan[row])
        assert torch.equal(analyse(together).plan, together.plan)

    def test_every_entry_lies_in_its_range_and_beyond_the_piece_nothing_is_planned(self):
        score = analyse(replace(random_pieces(6, 2, bars=10), bars=torch.tensor([10, 9, 8, 7, 3, 1])))
        sizes = torch.tensor([column.size for column in COLUMNS])
        assert bool((score.plan < sizes).all())
        beyond = torch.arange(10) >= score.bars[:, None]
        assert int(score.plan[beyond].sum()) == 0
        assert bool((score.plan[~beyond][:, :4] > 0).all())


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> torch.Tensor:
    corpus, _, _ = cached_corpus(bundled_corpus("chorale"), tmp_path_factory.mktemp("corpora"))
    return analyse(corpus.of_meters(["4/4"]).excerpts(8)).plan


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


class TestForms:
    def test_letters_primes_and_words(self):
        assert parse_form("AABA") == (("A", False), ("A", False), ("B", False), ("A", False))
        assert parse_form("A A' B") == parse_form("AA'B") == (("A", False), ("A", True), ("B", False))
        assert [name for name, _ in parse_form("intro verse chorus outro")] == ["intro", "A", "B", "outro"]

    @pytest.mark.parametrize("text", ["", "AxB", "hello", "A1", "Z"])
    def test_nonsense_is_refused(self, text: str):
        with pytest.raises(FormError):
            parse_form(text)

    def test_a_form_must_fit_the_length(self):
        with pytest.raises(FormError, match="4 sections needs 4 to 48 bars, got 3"):
            parts_of(parse_form("AABA"), 3)

    def test_a_form_has_eight_bars_a_section_unless_told_otherwise(self):
        assert usual_bars("AABA") == 32
        assert usual_bars("intro verse chorus outro") == 32

    def test_phrases_have_eight_bars_or_four(self):
        assert [phrase_lengths(bars) for bars in (3, 8, 12, 16, 18, 20, 36)] == [
            [3],
            [4, 4],
            [4, 4, 4],
            [8, 8],
            [8, 10],
            [8, 8, 4],
            [8, 8, 8, 8, 4],
        ]
        assert parts_of(parse_form("A B A"), 16) == (Part("A", False, 8), Part("B", False, 4), Part("A", False, 4))

    @given(st.integers(1, 300))
    def test_every_length_has_forms_that_fit(self, bars: int):
        assert sum(phrase_lengths(bars)) == bars
        assert max(phrase_lengths(bars)) <= LONGEST_PHRASE
        for form, _ in forms_for(bars):
            assert sum(part.bars for part in parts_of(parse_form(form), bars)) == bars

    def test_the_table_says_how_many_phrases_a_form_has(self):
        for count, forms in FORMS.items():
            assert all(len(parse_form(form)) == count for form, _ in forms)


class TestDrawing:
    def test_a_piece_as_long_as_the_banks_takes_one_of_their_plans(self, bank: torch.Tensor):
        plan = draw_plan(bank, 8, seeded(1))
        assert bool((bank == plan).all(2).all(1).any())
        assert not torch.equal(plan, draw_plan(bank, 8, seeded(2)))

    @pytest.mark.parametrize("bars", [1, 5, 16, 30, 64, 128])
    def test_plans_of_any_length_are_whole(self, bank: torch.Tensor, bars: int):
        plan = draw_plan(bank, bars, seeded(bars)).long()
        sizes = torch.tensor([column.size for column in COLUMNS])
        assert plan.shape == (bars, len(COLUMNS))
        assert bool((plan < sizes).all())
        assert bool((plan[:, INDEX["recalled"]] <= torch.arange(bars)).all())
        assert plan[-1, INDEX["bars to the phrase's end"]] == 1
        assert names([int(plan[-1, INDEX["cadence"]])], CADENCES) == ["authentic"]
        assert int((plan[:, INDEX["climax"]] == 2).sum()) == 1
        # One piece, one set of targets.
        for target in TARGETS:
            assert target.over == "phrase" or len(plan[:, INDEX[target.name]].unique()) == 1

    def test_sections_return_and_contrast(self, bank: torch.Tensor):
        plan = draw_plan(bank, 32, seeded(3), form="A A B A").long()
        section = names(plan[:, INDEX["section"]].tolist(), SECTIONS)
        assert "".join(section) == "A" * 16 + "B" * 8 + "A" * 8
        lag, relation = plan[:, INDEX["recalled"]], plan[:, INDEX["relation"]]
        assert lag[8:16].tolist() == [8] * 8
        assert lag[24:].tolist() == [16] * 8
        copy = 1 + RELATIONS.index("copy")
        assert relation[8:15].tolist() == [copy] * 7
        assert bool((lag[16:24] < 8).all())

    def test_a_varied_return_changes(self, bank: torch.Tensor):
        copy = 1 + RELATIONS.index("copy")
        plans = [draw_plan(bank, 16, seeded(seed), form="A A'") for seed in range(20)]
        relation = torch.stack([plan[8:, INDEX["relation"]] for plan in plans])
        assert bool((relation[:, 4:7] != copy).all())

    def test_sections_are_sung(self, bank: torch.Tensor):
        paused = bank.clone()
        paused[::2, 2:, INDEX["register"]] = 0
        for seed in range(10):
            plan = draw_plan(paused, 32, seeded(seed), form="A B A B")
            assert float((plan[:, INDEX["register"]] > 0).float().mean()) >= 0.85

    def test_an_introduction_is_silent(self, bank: torch.Tensor):
        plan = draw_plan(bank, 24, seeded(1), form="intro A outro").long()
        assert plan[:8, INDEX["register"]].tolist() == plan[16:, INDEX["register"]].tolist() == [0] * 8

    def test_no_plan_to_draw_from(self):
        with pytest.raises(FormError, match="no plan"):
            draw_plan(torch.zeros(0, 8, len(COLUMNS), dtype=torch.uint8), 8, seeded(1))
