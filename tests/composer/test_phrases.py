"""The form that players follow: sections out of a plan's phrases, and how much each asks of them."""

from dataclasses import replace

import pytest
import torch

from composer.arrangement import Arrangement, arrange
from composer.arrangement.phrases import INTRO, OUTRO, Phrase, plan_phrases
from composer.arrangement.piece import read_piece
from composer.form import analyse
from composer.plan import INDEX, SECTIONS
from composer.score import Score
from tests.composer.sounding import GREENSLEEVES, tune

BAR = 4 * 480


def form(text: str, heights: dict[str, float] | None = None) -> tuple[Phrase, ...]:
    """Phrases from labels such as ``"Intro4 A8 A8 B8"``, with a height for each label (60 unless told)."""
    sections: list[str] = []
    left: list[int] = []
    for word in text.split():
        label = word.rstrip("0123456789")
        bars = int(word.removeprefix(label))
        sections += [label] * bars
        left += range(bars, 0, -1)
    return plan_phrases(sections, left, [(heights or {}).get(label, 60.0) for label in sections])


def opening(phrases: tuple[Phrase, ...]) -> list[str]:
    return [phrase.name for phrase in phrases if phrase.opens]


def test_short_phrases_gather_into_sections() -> None:
    phrases = form("A4 B4 A4 B4 C4 D4 C4 D4")
    assert opening(phrases) == ["A", "A", "B", "B"]
    assert [(phrase.start, phrase.end) for phrase in phrases] == [(at, at + 4) for at in range(0, 32, 4)]
    assert [phrase.name for phrase in phrases] == list("AAAABBBB")


def test_eight_bars_are_a_section_and_sixteen_begin_anew() -> None:
    assert opening(form("A8 A8 B8 A8")) == ["A", "A", "B", "A"]
    assert opening(form("A4 B12 C4")) == ["A", "B"]


def test_a_phrase_of_two_bars_belongs_to_the_one_before() -> None:
    assert [(phrase.start, phrase.end) for phrase in form("A8 B2 A8")] == [(0, 10), (10, 18)]


def test_a_song_has_a_thin_intro_full_choruses_a_bridge_and_the_fullest_end() -> None:
    phrases = form("Intro4 A8 B8 A8 B8 C8 B8 Outro4", {"A": 62, "B": 69, "C": 64})
    energy = [phrase.energy for phrase in phrases]
    assert opening(phrases) == [INTRO, "A", "B", "A", "B", "C", "B", OUTRO]
    intro, first_verse, first_chorus, verse, chorus, bridge, last, outro = energy
    assert intro < bridge < first_verse < verse < first_chorus < chorus < last
    assert outro < first_verse
    assert max(energy) == last <= 1.0


def test_what_a_piece_begins_with_is_no_chorus_and_strophes_rise() -> None:
    energies = [phrase.energy for phrase in form("A8 A8 A8 A8", {"A": 80})]
    assert energies == sorted(energies)
    assert energies[0] < 0.5
    assert form("A8")[0].energy == pytest.approx(0.45)


def planned(score: Score, sections: list[str], left: list[int]) -> Score:
    plan = score.plan.clone()
    plan[0, :, INDEX["section"]] = torch.tensor([SECTIONS.index(name) + 1 for name in sections])
    plan[0, :, INDEX["bars to the phrase's end"]] = torch.tensor(left)
    return replace(score, plan=plan)


VERSES = tune("r:64 " + "C5:2 E5:2 G5:4 " * 32 + "E5:16 " * 8, "C:112")
SONG = planned(
    VERSES,
    ["intro"] * 4 + ["A"] * 8 + ["B"] * 8 + ["A"] * 8,
    [*range(4, 0, -1), *range(8, 0, -1), *range(8, 0, -1), *range(8, 0, -1)],
)


def strokes(arrangement: Arrangement, first: int, last: int, name: str) -> int:
    notes = next(track.notes for track in arrangement.tracks if track.name == name)
    return sum(first * BAR <= note.start < last * BAR for note in notes)


def test_the_arrangement_follows_a_plan() -> None:
    arrangement = arrange(SONG, 0)
    assert [(section.start // BAR, section.name) for section in arrangement.sections] == [
        (0, "Intro"), (4, "A"), (12, "B"), (20, "A"),
    ]  # fmt: skip
    drums = next(track.notes for track in arrangement.tracks if track.is_drum)
    # A thin intro: no snare before the fill that ends it, no strings; the last section is the fullest.
    assert not [note for note in drums if note.start < 3 * BAR and note.pitch == 38]
    assert strokes(arrangement, 0, 4, "Strings") == 0
    assert strokes(arrangement, 20, 28, "Strings") > 0
    intro = [note.velocity for note in drums if note.start < 3 * BAR]
    last = [note.velocity for note in drums if 20 * BAR <= note.start < 27 * BAR]
    assert sum(last) / len(last) > sum(intro) / len(intro)
    # A section that returns returns to its groove.
    kicks = {
        bar: [note.start % BAR for note in drums if note.pitch == 36 and note.start // BAR == bar]
        for bar in range(28)
    }
    assert [kicks[bar] for bar in range(5, 11)] == [kicks[bar] for bar in range(21, 27)]


def test_a_plan_with_holes_is_not_followed() -> None:
    holed = planned(VERSES, ["A"] * 28, [*range(8, 0, -1)] * 3 + [*range(4, 0, -1)])
    holed.plan[0, 3, INDEX["section"]] = 0
    assert read_piece(holed, 0).phrases == read_piece(VERSES, 0).phrases


def test_the_plan_of_real_music_is_followed() -> None:
    piece = read_piece(analyse(GREENSLEEVES), 0)
    assert piece.phrases[0].start == 0
    assert piece.phrases[-1].end == piece.bars
    assert all(first.end == second.start for first, second in zip(piece.phrases, piece.phrases[1:], strict=False))
