"""Arrangements: what every one of them must satisfy, and what a musician expects of the parts."""

from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from composer.arrangement import Arrangement, ArrangementError, Note, arrange, load_style, style_names
from composer.arrangement.model import SHORTEST_NOTE, tidy
from composer.plan import INDEX, LONGEST_PHRASE, SECTIONS
from composer.score import Score, from_melody
from composer.theory import CHORD_CODES, METERS, chord_pitch_classes
from tests.composer.sounding import GREENSLEEVES, ODE, tune

BAR = 4 * 480


def part(arrangement: Arrangement, name: str) -> tuple[Note, ...]:
    return next(track.notes for track in arrangement.tracks if track.part == name)


def check(arrangement: Arrangement, style: str) -> None:
    """What holds for any arrangement of any piece."""
    assert len(arrangement.tracks) >= 4
    assert len({track.channel for track in arrangement.tracks}) == len(arrangement.tracks)
    for track, config in zip(arrangement.tracks, load_style(style).tracks, strict=True):
        last: dict[int, int] = {}
        assert list(track.notes) == sorted(track.notes)
        for note in track.notes:
            assert note.start >= 0
            assert note.end <= arrangement.ticks
            assert note.end - note.start >= SHORTEST_NOTE
            assert 1 <= note.velocity <= 127
            assert note.start >= last.get(note.pitch, 0)
            last[note.pitch] = note.end
            if not track.is_drum:
                assert config.low <= note.pitch <= config.high
    sections = arrangement.sections
    assert sections[0].start == 0
    assert sections[-1].end == arrangement.ticks
    assert all(first.end == second.start for first, second in pairwise(sections))


@st.composite
def pieces(draw: st.DrawFn) -> Score:
    meter = draw(st.integers(0, len(METERS) - 1))
    bars = draw(st.integers(1, 11))
    steps, beats = METERS[meter].bar_steps * bars, METERS[meter].beats * bars
    event = st.sampled_from([0, 1, 1, 1]) | st.integers(24, 110)
    score = from_melody(
        torch.tensor([draw(st.lists(event, min_size=steps, max_size=steps))]),
        torch.tensor([draw(st.lists(st.integers(0, CHORD_CODES - 1), min_size=beats, max_size=beats))]),
        meter=torch.tensor([meter]),
        mode=torch.tensor([draw(st.integers(0, 1))]),
        bars=torch.tensor([bars]),
        tonic=torch.tensor([draw(st.integers(0, 11))]),
        tempo=torch.tensor([draw(st.floats(4, 999))]),
    )
    plan = score.plan.clone()
    least = draw(st.integers(0, 1))  # with and without holes
    for column, most in (("section", len(SECTIONS)), ("bars to the phrase's end", LONGEST_PHRASE)):
        values = st.lists(st.integers(least, most), min_size=bars, max_size=bars)
        plan[0, :, INDEX[column]] = torch.tensor(draw(values))
    return replace(score, plan=plan) if draw(st.booleans()) else score


@given(pieces(), st.sampled_from(style_names()), st.booleans(), st.integers(0, 9))
@settings(max_examples=100, deadline=None)
def test_any_piece_in_any_style_is_playable(score: Score, style: str, humanize: bool, seed: int) -> None:
    check(arrange(score, 0, style=style, humanize=humanize, seed=seed), style)


@pytest.mark.parametrize("style", style_names())
@pytest.mark.parametrize("meter", [meter.name for meter in METERS])
def test_every_metre_of_every_style_plays_to_the_end(style: str, meter: str) -> None:
    row = next(row for row in METERS if row.name == meter)
    bars = 10
    score = tune(
        " ".join(["G4:2"] * (bars * row.bar_steps // 2)), f"C:{row.beats * (bars - 1)} G7:{row.beats}", meter=meter
    )
    arrangement = arrange(score, 0, style=style)
    check(arrangement, style)
    assert arrangement.ticks == bars * row.bar_steps * 120
    for track in arrangement.tracks:
        assert max(note.end for note in track.notes) == arrangement.ticks, track.name


def test_the_default_has_melody_chords_bass_and_drums() -> None:
    arrangement = arrange(ODE, 0)
    assert {"melody", "comping", "bass", "drums"} <= {track.part for track in arrangement.tracks}
    assert arrangement.key_name == "D major"
    assert (arrangement.tempo, arrangement.bars, arrangement.meter.name) == (132.0, 16, "4/4")
    assert [chord.symbol for chord in arrangement.chords[:6]] == ["D", "A", "D", "G", "D", "A7"]
    assert [(section.start, section.name) for section in arrangement.sections] == [(0, "A"), (8 * BAR, "B")]


def test_a_phrase_that_returns_slightly_changed_bears_its_letter_again() -> None:
    assert [section.name for section in arrange(GREENSLEEVES, 0).sections] == ["A", "A'"]


def test_the_melody_keeps_its_tune_and_its_rhythm() -> None:
    notes = part(arrange(ODE, 0, style="chorale"), "melody")
    # E E F G of C major, in D: F# F# G A, a quarter note each.
    assert [note.pitch for note in notes[:4]] == [66, 66, 67, 69]
    assert [note.start for note in notes[:4]] == [0, 480, 960, 1440]


def test_strong_beats_are_louder_in_the_melody() -> None:
    notes = part(arrange(tune("C5:2 " * 64, "C:32"), 0), "melody")
    on = [note.velocity for note in notes if note.start % BAR == 0]
    off = [note.velocity for note in notes if note.start % 480]
    assert min(on) > max(off) - 6
    assert sum(on) / len(on) > sum(off) / len(off) + 5


def test_the_last_melody_note_is_held_to_the_end() -> None:
    score = tune("C5:16 " * 7 + "E5:4 C5:4 r:8", "C:32")
    assert part(arrange(score, 0), "melody")[-1].end == 8 * BAR


def test_the_bass_plays_the_root_where_the_chord_changes() -> None:
    for score in (ODE, GREENSLEEVES):
        for style in style_names():
            arrangement = arrange(score, 0, style=style)
            at = {note.start: note.pitch % 12 for note in part(arrangement, "bass")}
            for chord in arrangement.chords:
                assert at[chord.start] == (chord.code - 1) % 12


def test_the_bass_leads_into_a_change_by_step() -> None:
    notes = part(arrange(tune("G4:16 " * 8, "C:4 F:4 " * 4), 0), "bass")
    into = next(note for note in notes if note.end == BAR)
    target = next(note for note in notes if note.start == BAR)
    assert target.pitch % 12 == 5
    assert into.pitch % 12 in {4, 7}  # E below or G above the F
    assert abs(into.pitch - target.pitch) <= 2


def test_chords_sound_only_chord_tones_above_the_bass() -> None:
    for score in (ODE, GREENSLEEVES):
        arrangement = arrange(score, 0)
        bass = part(arrangement, "bass")
        for track in arrangement.tracks:
            if track.part != "comping":
                continue
            for note in track.notes:
                spans = [chord for chord in arrangement.chords if chord.start < note.end and chord.end > note.start]
                assert all(note.pitch % 12 in chord_pitch_classes(span.code) for span in spans)
                assert all(low.pitch < note.pitch for low in bass if low.start < note.end and low.end > note.start)


def test_choir_voices_do_not_cross() -> None:
    tracks = {track.name: track.notes for track in arrange(GREENSLEEVES, 0, style="chorale").tracks}

    def sounding(name: str, tick: int) -> int | None:
        return next((note.pitch for note in tracks[name] if note.start <= tick < note.end), None)

    for tick in range(0, 16 * 3 * 480, 480):
        alto, tenor, bass = (sounding(name, tick) for name in ("Alto", "Tenor", "Bass"))
        assert alto > tenor > bass


def test_a_fill_ends_a_phrase_and_a_crash_begins_the_next() -> None:
    drums = part(arrange(ODE, 0), "drums")

    def bar(number: int) -> list[tuple[int, int]]:
        return [(note.start % BAR, note.pitch) for note in drums if note.start // BAR == number - 1]

    assert bar(1) == bar(3)  # grooves are two bars long
    assert bar(2) == bar(4)
    assert bar(8) != bar(7)
    assert (0, 49) in bar(9)
    assert (0, 49) not in bar(10)


def test_the_end_rings_from_the_last_chord_on() -> None:
    arrangement = arrange(ODE, 0)
    # Bar 16 is A7, then D on beat 3: nothing begins after that chord but what the melody does.
    last = 15 * BAR + BAR // 2
    assert arrangement.chords[-1].start == last
    for track in arrangement.tracks[1:]:
        assert not [note for note in track.notes if note.start > last]
        assert [note for note in track.notes if note.start == last and note.end == 16 * BAR]


def test_the_fuller_second_phrase_is_louder_and_busier() -> None:
    drums = part(arrange(ODE, 0), "drums")
    first = [note.velocity for note in drums if note.start < 8 * BAR]
    second = [note.velocity for note in drums if note.start >= 8 * BAR]
    assert len(second) > len(first)
    assert sum(second) / len(second) > sum(first) / len(first)


def test_strings_enter_with_the_second_phrase_and_tie_common_tones() -> None:
    strings = next(track for track in arrange(ODE, 0).tracks if track.name == "Strings").notes
    assert min(note.start for note in strings) == 8 * BAR
    # Bar 9 is A7, then D: the A they share is held over the change.
    assert [note.pitch % 12 for note in strings if (note.start, note.end) == (8 * BAR, 9 * BAR)] == [9]


def test_a_piece_without_melody_or_harmony_still_has_its_drums() -> None:
    arrangement = arrange(tune("r:64", "-:16"), 0)
    assert [bool(track.notes) for track in arrangement.tracks] == [False, False, False, False, True]
    assert arrangement.chords == ()


def test_humanizing_is_seeded_and_leaves_the_exact_arrangement_alone() -> None:
    exact, one = arrange(ODE, 0), arrange(ODE, 0, humanize=True, seed=1)
    assert one == arrange(ODE, 0, humanize=True, seed=1)
    assert one.tracks != arrange(ODE, 0, humanize=True, seed=2).tracks
    assert all(note.start % 120 == 0 for track in exact.tracks for note in track.notes)
    pairs = list(zip(exact.tracks[0].notes, one.tracks[0].notes, strict=True))
    assert 0 < max(abs(a.start - b.start) for a, b in pairs) <= 14


@pytest.mark.parametrize("tempo", [1.0, 3.5, 1000.0, float("nan")])
def test_a_tempo_no_midi_file_can_hold_is_refused(tempo: float) -> None:
    with pytest.raises(ArrangementError, match=r"outside 4\.\.999"):
        arrange(tune("C5:16", "C:4", tempo=tempo), 0)


def test_there_is_no_such_piece() -> None:
    with pytest.raises(ArrangementError, match="no piece 1: it holds 1"):
        arrange(ODE, 1)


def test_tidy_cuts_overlaps_merges_doubles_and_lengthens_what_is_too_short() -> None:
    notes = [Note(0, 200, 60, 70), Note(100, 300, 60, 80), Note(105, 110, 60, 90), Note(400, 400, 62, 50)]
    assert tidy(notes, 1000) == (Note(0, 100, 60, 70), Note(100, 300, 60, 90), Note(400, 430, 62, 50))
    outside = [Note(-5, 20, 60, 70), Note(990, 1200, 61, 70)]
    assert tidy(outside, 1000) == (Note(0, 30, 60, 70), Note(970, 1000, 61, 70))
