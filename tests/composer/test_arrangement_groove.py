"""Tracks that follow the groove that was composed for the piece."""

from dataclasses import replace

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from composer.arrangement import Note, Style, arrange, load_style
from composer.arrangement.model import STEP_TICKS
from composer.arrangement.style import BassConfig, CompingConfig
from composer.groove import BASS, UPPER, Groove
from composer.score import Score
from composer.theory import METER_INDEX, METERS
from tests.composer.examples import A_MINOR, C, F, G, piece

POP = load_style("pop")


def accompanied(chords: list[int], groove: str, meter: int = 0) -> Score:
    row = METERS[meter]
    score = piece("72 " + "- " * (len(groove) - 1), chords, meter=meter)
    beats = [groove[at : at + row.beat_steps] for at in range(0, len(groove), row.beat_steps)]
    return replace(score, groove=torch.tensor([[Groove.parse(beat).code for beat in beats]], dtype=torch.int16))


def track(score: Score, name: str, style: Style = POP) -> tuple[Note, ...]:
    return next(found.notes for found in arrange(score, 0, style=style).tracks if found.name == name)


def manner(**grooves: str) -> Style:
    """Pop with other manners for its tracks."""
    tracks = tuple(
        config.model_copy(update={"groove": grooves[config.part]})
        if isinstance(config, (BassConfig, CompingConfig)) and config.groove
        else config
        for config in POP.tracks
    )
    return POP.model_copy(update={"tracks": tracks})


def steps(notes: tuple[Note, ...]) -> list[int]:
    return sorted({note.start // STEP_TICKS for note in notes})


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from([METER_INDEX[name] for name in ("4/4", "3/4", "6/8")]),
    st.data(),
    st.sampled_from(["roots", "fifths", "octaves"]),
    st.sampled_from(["blocks", "broken"]),
)
def test_bass_and_chords_strike_where_the_groove_does(
    meter: int, data: st.DataObject, bass: str, comping: str
) -> None:
    row = METERS[meter]
    chords = data.draw(st.lists(st.sampled_from([C, F, G]), min_size=4 * row.beats, max_size=4 * row.beats))
    last = 3 * row.bar_steps
    chords[3 * row.beats :] = [C] * row.beats
    groove = data.draw(st.text(".bux", min_size=last, max_size=last)) + "x" + "." * (row.bar_steps - 1)
    score = accompanied(chords, groove, meter)
    strokes = score.strokes()[0].tolist()
    style = manner(bass=bass, comping=comping)
    # The last bar is the ending, which every track of every style lets ring.
    for name, bit in (("Bass", BASS), ("Chords", UPPER)):
        struck = [step for step in steps(track(score, name, style)) if step < last]
        assert struck == [step for step in range(last) if strokes[step] & bit]


def test_the_bass_has_roots_on_strong_beats_and_leads_into_a_change() -> None:
    score = accompanied([C] * 4 + [G] * 4 + [C] * 4, "b..bb...b.....b." + "b..b..b.b......." + "b" + "." * 15)
    fifths, octaves, roots = (
        [note.pitch % 12 for note in track(score, "Bass", manner(bass=name, comping="broken"))]
        for name in ("fifths", "octaves", "roots")
    )
    # Bar 1: C, fifth, root again on beat 2, C on beat 3, then A, the scale tone beside the G that comes.
    assert fifths == [0, 7, 0, 0, 9, 7, 2, 7, 7, 0]
    assert roots == octaves == [0, 0, 0, 0, 9, 7, 7, 7, 7, 0]
    pitches = [note.pitch for note in track(score, "Bass", manner(bass="octaves", comping="broken"))]
    assert [pitches[at] - pitches[0] for at in (1, 2)] == [12, 0]


def test_broken_chords_go_up_and_down_and_slow_ones_are_whole() -> None:
    score = accompanied([C] * 12, "xuuuu.u.u...b..." + "x.u.u.u........." + "x" + "." * 15)
    sizes: dict[int, int] = {}
    lowest: dict[int, int] = {}
    for note in track(score, "Chords"):
        at = note.start // STEP_TICKS
        sizes[at] = sizes.get(at, 0) + 1
        lowest[at] = min(lowest.get(at, 127), note.pitch)
    # The chord with the bass, then its voices in turn; on beat 3 a chord that has time to sound.
    assert [sizes[at] for at in (0, 1, 2, 3, 4, 6, 8)] == [3, 1, 1, 1, 1, 1, 3]
    assert lowest[1] < lowest[2] < lowest[3] > lowest[4] > lowest[6]
    assert [sizes[at] for at in (16, 18, 20, 22)] == [3, 1, 1, 3]


def test_every_voice_rings_until_it_is_struck_again() -> None:
    notes = track(accompanied([C] * 8, "x.u.u.u........." + "x" + "." * 15), "Chords")
    first = [(note.end - note.start) // STEP_TICKS for note in notes if note.start == 0]
    # The voices of the chord are struck again at 2 and 4, and by the chord at 6.
    assert first == [2, 4, 6]


def test_a_bass_note_of_the_new_chord_rings_on_where_the_groove_has_none() -> None:
    score = accompanied([C] * 2 + [A_MINOR] * 2 + [G] * 4 + [C] * 4, "b.u.u.u.u.u.u.u." + "u" * 16 + "x" + "." * 15)
    bass = [(note.start // STEP_TICKS, note.end // STEP_TICKS, note.pitch % 12) for note in track(score, "Bass")]
    # C belongs to A minor, but not to G.
    assert bass == [(0, 16, 0), (32, 48, 0)]


def test_blocks_are_chords_but_for_quick_repeats() -> None:
    score = accompanied([C] * 8, "x.u.uu..u......." + "x" + "." * 15)
    notes = track(score, "Chords", manner(bass="roots", comping="blocks"))
    sizes = [sum(note.start == at * STEP_TICKS for note in notes) for at in (0, 2, 4, 5, 8)]
    assert sizes == [3, 3, 3, 1, 3]


def test_pads_and_pieces_without_a_groove_keep_their_patterns() -> None:
    score = accompanied([C] * 48, "x.u.u.u.x.u.u.u." * 12)
    plain = replace(score, groove=torch.zeros_like(score.groove))
    assert track(score, "Strings") == track(plain, "Strings")
    assert track(score, "Drums") == track(plain, "Drums")
    assert track(score, "Chords") != track(plain, "Chords")
    patterns = POP.model_copy(
        update={
            "tracks": tuple(
                config.model_copy(update={"groove": None})
                if isinstance(config, (BassConfig, CompingConfig))
                else config
                for config in POP.tracks
            )
        }
    )
    assert arrange(score, 0, style=patterns).tracks == arrange(plain, 0, style=POP).tracks
