"""Drum grooves: learned from what was played, and played again where the form asks."""

import random
import sys
from collections.abc import Iterator
from pathlib import Path

import mido
import pytest
from pydantic import ValidationError

from composer.arrangement import ArrangementError, Note, arrange, load_style
from composer.arrangement.drummer import play_grooves
from composer.arrangement.grooves import (
    BANK,
    DrumLine,
    Family,
    Fill,
    Groove,
    GrooveBank,
    groove_bank,
    sign_velocity,
    velocity_sign,
)
from composer.arrangement.kit import DRUMS
from composer.arrangement.phrases import Phrase
from composer.arrangement.piece import read_piece
from composer.arrangement.style import FOLDER
from composer.score import Score
from tests.composer.sounding import ODE, tune

BAR = 4 * 480
SCRIPTS = Path(__file__).parents[2] / "scripts"
POP = (FOLDER / "pop.toml").read_text(encoding="utf-8")


def drums(score: Score, *, style: str = "pop", seed: int = 0, humanize: bool = False) -> tuple[Note, ...]:
    arrangement = arrange(score, 0, style=style, seed=seed, humanize=humanize)
    return next(track.notes for track in arrangement.tracks if track.is_drum)


def bars_of(notes: tuple[Note, ...]) -> dict[int, list[tuple[int, int]]]:
    """Tick in the bar and key of every stroke, by bar."""
    bars: dict[int, list[tuple[int, int]]] = {}
    for note in notes:
        bars.setdefault(note.start // BAR, []).append((note.start % BAR, note.pitch))
    return bars


def test_the_bank_says_whose_it_is_and_what_was_heard() -> None:
    bank = groove_bank()
    assert "CC BY 4.0" in bank.licence
    assert "Google LLC" in bank.attribution
    assert {"pop", "rock", "funk", "jazz", "hiphop", "latin"} <= set(bank.families)
    assert sum(family.bars for family in bank.families.values()) > 8000
    assert BANK.stat().st_size < 128 * 1024
    for family in bank.families.values():
        assert family.feels()
        energies = [groove.energy for groove in family.grooves]
        assert energies == sorted(energies)
        # Most grooves were played more than once; none of them crashes.
        assert sum(groove.played > 1 for groove in family.grooves) > len(family.grooves) / 2
        assert not any("crash" in groove.lines for groove in family.grooves)


def test_signs_hold_velocities_to_two_steps() -> None:
    assert (velocity_sign(1), velocity_sign(127)) == ("0", "Z")
    assert all(abs(sign_velocity(velocity_sign(velocity)) - velocity) <= 2 for velocity in range(1, 128))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ({"strokes": "Z...", "timing": [0, 1]}, "1 strokes and 2 timings"),
        ({"strokes": "z...", "timing": [0]}, "pattern"),
    ],
)
def test_a_broken_line_is_refused(line: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        DrumLine.model_validate(line)


def groove(source: str, kick: str, *, energy: float = 0.5, following: dict[int, int] | None = None) -> Groove:
    lines = {
        "kick": DrumLine(strokes=kick.ljust(32, "."), timing=(10,) * (32 - kick.ljust(32, ".").count("."))),
        "snare": DrumLine(strokes=("....S......." * 2 + "....").ljust(32, "."), timing=(0, 0)),
    }
    return Groove(
        source=source, feel="straight", tempo=120, played=4, energy=energy, lines=lines, following=following or {}
    )


def fill(since: int) -> Fill:
    line = DrumLine(strokes="T" * 16, timing=(0,) * 16)
    return Fill(source="one", feel="straight", tempo=120, played=1, energy=0.5, lines={"tom_low": line}, since=since)


def test_a_section_keeps_its_groove_turns_to_the_partner_and_fills_into_the_next() -> None:
    family = Family(
        styles=("pop",),
        files=1,
        bars=8,
        grooves=(groove("one", "Z", following={1: 3}), groove("one", "Z.Z")),
        fills=(fill(0), fill(3)),
    )
    piece = read_piece(tune("C5:16 " * 16, "C:64", tempo=120), 0)
    assert [phrase.name for phrase in piece.phrases] == ["A", "A"]
    bars = play_grooves(piece, family, "straight", random.Random(0))
    kicks = [[stroke.step for stroke in bar if stroke.drum == "kick"] for bar in bars]
    toms = [[stroke.step for stroke in bar if stroke.drum == "tom_low"] for bar in bars]
    homes, partners = kicks[0:6:2], kicks[6:7]
    assert len({tuple(home) for home in homes}) == 1
    assert partners != homes[:1]  # home and partner differ, whichever was drawn
    assert kicks[8:15] == kicks[0:7]  # the section returns with its groove
    # Into a section a long fill, and after it none: the last bar is the piece's end.
    assert toms[7] == list(range(16))
    assert not any(toms[:7] + toms[8:])


def test_a_calm_phrase_keeps_to_the_cymbals_and_a_calmish_one_to_the_rim() -> None:
    family = Family(styles=("pop",), files=1, bars=8, grooves=(groove("one", "Z"),), fills=(fill(0),))
    piece = read_piece(tune("C5:16 " * 4, "C:16", tempo=120), 0)

    def heard(energy: float) -> set[str]:
        object.__setattr__(piece, "phrases", (Phrase(0, 4, "A", energy),))
        return {stroke.drum for bar in play_grooves(piece, family, "straight", random.Random(0)) for stroke in bar}

    assert [heard(energy) for energy in (0.1, 0.35, 0.7)] == [{"kick"}, {"kick", "rim"}, {"kick", "snare"}]


def test_the_style_plays_what_the_bank_holds() -> None:
    """Each bar but those with a fill is one that was played: its kick line stands in the bank."""
    lines = {
        tuple(step for step in range(16) if line.strokes[half * 16 + step] != ".")
        for groove in groove_bank().families["pop"].grooves
        for drum, line in groove.lines.items()
        if drum == "kick"
        for half in (0, 1)
    } | {()}
    for seed in range(6):
        bars = bars_of(drums(ODE, seed=seed))
        for bar in (*range(7), *range(8, 15)):
            steps = tuple(tick // 120 for tick, key in bars[bar] if key == DRUMS["kick"])
            assert steps in lines, (seed, bar)


def test_grooves_are_seeded_and_exact_until_humanised() -> None:
    exact = drums(ODE, seed=3)
    assert exact == drums(ODE, seed=3)
    assert len({drums(ODE, seed=seed) for seed in range(8)}) > 3
    assert all(note.start % 120 == 0 for note in exact)
    human = drums(ODE, seed=3, humanize=True)
    assert any(note.start % 120 for note in human)
    assert abs(len(human) - len(exact)) <= 2  # the same strokes; two of a drum may meet


def test_a_drummer_leaves_other_metres_to_the_style() -> None:
    score = tune("C5:12 " * 8, "C:24", meter="3/4")
    style = load_style("pop")
    (track,) = (track for track in style.tracks if track.part == "drums")
    assert "4/4" not in track.grooves
    assert drums(score)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('family = "pop"', 'family = "polka"', "unknown family 'polka': choose from pop, rock"),
        ('title = "Pop"', 'title = "Pop"\nswing = 1.0', "family 'pop' has no swung grooves"),
        ('[[tracks.grooves."3/4"]]', '[[tracks.grooves."4/4"]]', "name 4/4, which the family 'pop' plays"),
    ],
)
def test_a_style_that_its_drummer_cannot_play_is_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in POP
    path = tmp_path / "mine.toml"
    path.write_text(POP.replace(old, new), encoding="utf-8")
    with pytest.raises(ArrangementError) as caught:
        load_style(str(path))
    assert message in str(caught.value)


# --- scripts/learn_drums.py ---------------------------------------------------------------------------------------


@pytest.fixture
def learn(monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    monkeypatch.syspath_prepend(str(SCRIPTS))
    import learn_drums

    yield learn_drums
    for name in ("learn_drums", "drum_takes"):
        sys.modules.pop(name, None)


def record(path: Path, strokes: list[tuple[float, int, int]]) -> None:
    """A recording of (quarter note, key, velocity) at 100 a minute."""
    track = mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(100))])
    now = 0
    for beat, key, velocity in sorted(strokes):
        tick = round(beat * 480)
        track.append(mido.Message("note_on", note=key, velocity=velocity, time=max(0, tick - now), channel=9))
        now = max(now, tick)
    mido.MidiFile(ticks_per_beat=480, tracks=[track]).save(path)


def rock(bars: int, *, late: float = 0.0, fill_bar: int | None = None) -> list[tuple[float, int, int]]:
    """Kick on 1 and 3, snare on 2 and 4 ``late`` quarter notes, hat in eighths; toms from beat 3 of one bar."""
    strokes = []
    for bar in range(bars):
        whole = 2 if bar == fill_bar else 4
        for beat in range(whole):
            at = 4 * bar + beat
            strokes.append((at + late * (beat % 2), 38 if beat % 2 else 36, 100))
            strokes += [(at, 42, 84), (at + 0.5, 42, 60)]
        if bar == fill_bar:
            strokes += [(4 * bar + 2 + step / 4, 48, 90 + step) for step in range(8)]
    return strokes


def test_a_recording_is_put_on_its_grid(learn: object, tmp_path: Path) -> None:
    import drum_takes

    path = tmp_path / "take.mid"
    record(path, rock(8, late=0.025))
    take = drum_takes.read_take(path, "take", 100)
    assert (take.feel, take.velocity.shape) == ("straight", (8, 13, 16))
    snare = drum_takes.DRUMS.index("snare")
    assert take.velocity[3, snare].nonzero()[0].tolist() == [4, 12]
    assert take.timing[3, snare, 4] == pytest.approx(0.1, abs=0.02)  # a tenth of a sixteenth behind the rest
    record(path, [(beat + third / 3, 51, 80) for beat in range(32) for third in (0, 2)])
    swung = drum_takes.read_take(path, "take", 100)
    # The last third of a beat is written as its second eighth.
    assert swung.feel == "swung"
    assert swung.velocity[0, drum_takes.DRUMS.index("ride")].nonzero()[0].tolist() == [0, 2, 4, 6, 8, 10, 12, 14]
    record(path, [(random.Random(place).uniform(0, 32), 51, 80) for place in range(300)])
    assert drum_takes.read_take(path, "take", 100) is None  # off the click
    record(path, rock(2))
    assert drum_takes.read_take(path, "take", 100) is None  # too short


def test_grooves_and_fills_are_found_and_averaged(
    learn: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(learn, "ENOUGH_GROOVES", 1)
    monkeypatch.setattr(learn, "ENOUGH_FILLS", 1)
    record(tmp_path / "drummer1_session1_1_rock_100_beat_4-4.mid", rock(16, fill_bar=7))
    record(tmp_path / "drummer1_session1_2_polka_100_beat_4-4.mid", rock(16))
    out = tmp_path / "grooves.json"
    monkeypatch.setattr(sys, "argv", ["learn_drums.py", str(tmp_path), "--out", str(out)])
    learn.main()  # type: ignore[attr-defined]
    assert "1 files left out" in capsys.readouterr().out
    family = GrooveBank.model_validate_json(out.read_text()).families["rock"]
    assert (family.files, family.bars) == (1, 16)
    (groove,), (played,) = family.grooves, family.fills
    # Eight units of two bars, less the one with the fill.
    assert (groove.played, groove.following) == (7, {0: 6})
    assert groove.lines["kick"].strokes == "P.......P.......P.......P.......".replace("P", velocity_sign(100))
    assert groove.lines["hat"].timing == (0,) * 16
    assert played.since == 2
    assert played.lines["tom_high"].strokes[:8] == "." * 8
    assert "." not in played.lines["tom_high"].strokes[8:]
