"""The walking bass: a note a beat that goes somewhere."""

from collections.abc import Iterator
from itertools import pairwise

import pytest

from composer.arrangement import Arrangement, Note, arrange
from composer.score import Score
from composer.theory import chord_pitch_classes
from tests.composer.sounding import ODE, tune

BAR, BEAT = 4 * 480, 480
# Two phrases of eight bars: the first at energy .45 does not walk, the second does.
TURNAROUND = tune("G4:16 " * 16, "C:4 Am:4 Dm:4 G7:4 " * 4)


def bass(score: Score, *, style: str = "jazz", seed: int = 0) -> tuple[Arrangement, tuple[Note, ...]]:
    arrangement = arrange(score, 0, style=style, seed=seed)
    return arrangement, next(track.notes for track in arrangement.tracks if track.part == "bass")


def walked(notes: tuple[Note, ...]) -> list[Note]:
    return [note for note in notes if 8 * BAR <= note.start < 15 * BAR]


def lines() -> Iterator[tuple[Arrangement, list[Note]]]:
    for score in (TURNAROUND, ODE):
        for seed in range(5):
            arrangement, notes = bass(score, seed=seed)
            yield arrangement, walked(notes)


def test_it_plays_on_every_beat_of_a_phrase_that_walks() -> None:
    _, notes = bass(TURNAROUND)
    assert [note.start for note in walked(notes)] == list(range(8 * BAR, 15 * BAR, BEAT))
    calm = [note.start for note in notes if note.start < BAR]
    assert len(calm) < 4


def test_it_changes_chord_on_the_root_and_moves_mostly_by_step() -> None:
    for arrangement, notes in lines():
        at = {note.start: note.pitch for note in notes}
        for chord in arrangement.chords:
            if chord.start in at:
                assert at[chord.start] % 12 == (chord.code - 1) % 12
        moves = [abs(second.pitch - first.pitch) for first, second in pairwise(notes)]
        assert max(moves) <= 12
        assert sum(1 <= move <= 2 for move in moves) > len(moves) / 3
        assert sum(move == 0 for move in moves) <= len(moves) / 10


def test_it_leads_into_a_new_root_by_step_or_by_fifth() -> None:
    for arrangement, notes in lines():
        changes = {chord.start for chord in arrangement.chords}
        into = [
            abs(second.pitch - first.pitch)
            for first, second in pairwise(notes)
            if second.start in changes and first.start not in changes
        ]
        assert into
        assert set(into) <= {1, 2, 3, 5, 7}
        assert sum(move <= 2 for move in into) > len(into) / 2


def test_what_leads_into_no_change_is_mostly_a_chord_tone() -> None:
    for arrangement, notes in lines():
        inside = [
            note.pitch % 12 in chord_pitch_classes(chord.code)
            for note in notes
            for chord in arrangement.chords
            if chord.start <= note.start < chord.end - BEAT
        ]
        assert sum(inside) > 0.7 * len(inside)


def test_walks_differ_by_seed_and_repeat_with_it() -> None:
    assert bass(TURNAROUND, seed=1)[1] == bass(TURNAROUND, seed=1)[1]
    assert len({bass(TURNAROUND, seed=seed)[1] for seed in range(5)}) > 3


@pytest.mark.parametrize("meter", ["2/4", "6/8"])
def test_other_metres_keep_to_the_pattern(meter: str) -> None:
    beats = 2
    score = tune(" ".join(["G4:2"] * (16 * (4 if meter == "2/4" else 6))), f"C:{16 * beats}", meter=meter)
    first, second = (bass(score, seed=seed)[1] for seed in (1, 2))
    assert first == second


def test_a_hole_in_the_harmony_is_silent() -> None:
    score = tune("G4:16 " * 16, "C:32 -:4 C:28")
    _, notes = bass(score)
    assert not [note for note in notes if note.start < 9 * BAR and note.end > 8 * BAR]
