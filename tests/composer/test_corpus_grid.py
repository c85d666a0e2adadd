import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from composer.corpus.barlines import Bars, accents, find_bars
from composer.corpus.grid import align, is_written
from composer.corpus.meters import declared_barlines, longest, stretches
from composer.corpus.midi import Part, read_song
from composer.theory import METER_INDEX
from tests.composer.midi_files import C, F, G, Track, blocks, midi, tune

NONE = np.zeros(0, dtype=np.int64)


@given(st.floats(0.08, 0.92), st.lists(st.integers(0, 400), min_size=20, max_size=60))
def test_a_constant_offset_from_the_grid_is_found(phase: float, steps: list[int]) -> None:
    found = align(np.array(steps) + phase)
    assert abs(found.phase - phase) < 1e-6
    assert not found.exact
    assert found.off_grid == 0


def test_notes_written_on_the_ticks_are_exact() -> None:
    found = align(np.array([0, 4, 8, 12, 14, 15, 16.0]))
    assert found.phase == 0
    assert found.exact


def test_triplets_are_told_from_notes_at_random() -> None:
    triplets = align(np.arange(60) * 4 / 3)
    assert triplets.phase == 0
    assert triplets.off_thirds == 0
    assert triplets.off_grid == triplets.triplets == pytest.approx(2 / 3)
    anywhere = align(np.random.default_rng(1).uniform(0, 400, 500))
    assert min(anywhere.off_grid, anywhere.off_thirds) > 0.4


def test_written_notes_have_few_lengths() -> None:
    generator = np.random.default_rng(2)
    assert is_written(generator.choice([1, 2, 4, 6, 8], 100) * 0.95)
    assert not is_written(generator.uniform(0.3, 8, 100))


def test_declared_metres_make_stretches() -> None:
    runs = stretches(((0, 4, 4), (64, 3, 4), (76, 4, 4)), 140, 0)
    assert [(run.meter, run.start, run.end) for run in runs] == [("4/4", 0, 64), ("3/4", 64, 76), ("4/4", 76, 140)]
    run, bars = longest(runs) or pytest.fail("no stretch")
    assert run.start == 0
    assert bars.lines.tolist() == [0, 16, 32, 48, 64]


def test_half_note_time_and_repeated_signatures_are_one_stretch() -> None:
    (run,) = stretches(((0, 4, 4), (32, 2, 2), (64, 4, 4)), 96, 0)
    assert run.meter == "4/4"
    assert run.bars == (0, 16, 32, 48, 64, 80, 96)


def test_a_pickup_bar_of_its_own_signature_is_kept() -> None:
    _, bars = longest(stretches(((0, 1, 4), (4, 4, 4)), 68, 0)) or pytest.fail("no stretch")
    assert bars.lines.tolist() == [-12, 4, 20, 36, 52, 68]
    assert bars.place(np.array([0.0, 4.0])).tolist() == [12, 16]


@pytest.mark.parametrize(
    ("first", "lines"), [(0, [0, 16, 32]), (6, [-8, 8, 24]), (8, [-8, 8, 24]), (14, [0, 16, 32])]
)
def test_bars_of_two_quarters_are_paired_from_the_first_note_or_after_its_pickup(first: float, lines: list) -> None:
    _, bars = longest(stretches(((0, 2, 4),), 64, first)) or pytest.fail("no stretch")
    assert bars.lines[:3].tolist() == lines


def test_an_unknown_metre_has_no_stretch() -> None:
    assert longest(stretches(((0, 5, 4),), 100, 0)) is None


def test_a_signature_of_one_beat_declares_no_barline() -> None:
    assert declared_barlines(((0, 1, 4),), 64).tolist() == []
    assert declared_barlines(((0, 3, 4),), 30).tolist() == [0, 12, 24]


def test_a_short_bar_is_filled_up_so_that_later_bars_are_in_place() -> None:
    bars = Bars(METER_INDEX["4/4"], np.array([0.0, 16, 24, 40]))
    assert bars.place(np.array([15.0, 16, 23, 24, 39])).tolist() == [15, 16, 23, 32, 47]


def parts(shift: float, bar: int, count: int, cut: int | None = None) -> tuple[Part, tuple[Part, ...]]:
    """A melody over a bass note and a chord at each barline; the bar ``cut`` lasts half as long."""
    start, starts = shift, []
    for index in range(count):
        starts.append(start)
        start += bar // 2 if index == cut else bar
    notes = [(at, bar / 2, pitch) for index, at in enumerate(starts) for pitch in ((C, F, G)[index % 3])]
    notes += [(at, 4, (36, 41, 43)[index % 3]) for index, at in enumerate(starts)]
    song = read_song(midi(Track(tune("72 74 76 77 " * (count * bar // 16), 4, shift)), Track(notes, "", 1)))
    return song.parts[0], song.parts[1:]


@pytest.mark.parametrize("shift", [0, 3, 7, 12])
@pytest.mark.parametrize(("bar", "meter"), [(16, "4/4"), (12, "3/4")])
def test_barlines_and_metre_are_heard_in_the_accents(shift: int, bar: int, meter: str) -> None:
    melody, harmony = parts(shift, bar, 12)
    bars = find_bars(accents(melody, harmony, 0.0, 12 * bar + shift), ("4/4", "3/4"), NONE)
    assert bars.meter == METER_INDEX[meter]
    assert set((bars.lines - shift) % bar) == {0}
    assert bars.short == 0


def test_a_bar_cut_short_is_heard() -> None:
    melody, harmony = parts(0, 16, 16, cut=7)
    bars = find_bars(accents(melody, harmony, 0.0, 16 * 16 - 8), ("4/4",), NONE)
    assert bars.short == 1
    assert {112.0, 120.0} <= set(bars.lines)


def test_a_declared_barline_decides_where_the_ear_cannot() -> None:
    (melody,) = read_song(midi(Track(tune("72 " * 64)))).parts
    curves = accents(melody, (), 0.0, 256)
    for offset in (4, 8, 12):
        bars = find_bars(curves, ("4/4",), np.arange(offset, 256, 16))
        assert set(bars.lines % 16) == {offset}


def test_melody_parts_are_never_empty_for_the_ear() -> None:
    (melody,) = read_song(midi(Track(blocks([C, F, G, C])))).parts
    assert accents(melody, (), 0.0, 64).shape == (64, 5)
