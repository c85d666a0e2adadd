"""A melody somebody gives is read note for note."""

from __future__ import annotations

from pathlib import Path

import mido
import pytest

from composer.corpus.melody_file import MelodyError, read_melody
from composer.score_file import ScoreFileError, score_from_json, score_to_json
from composer.score_text import describe
from composer.theory import Key, parse_meter

TUNE = [(480, 74), (480, 76), (240, 77), (240, 76), (480, 74), (960, 69), (480, 0), (480, 74)]


def write(path: Path, notes: list[tuple[int, int]], meter: tuple[int, int] | None = (4, 4), lead: int = 0) -> Path:
    """A one-track file of (ticks, pitch), 480 ticks a quarter, pitch 0 a rest."""
    file, track = mido.MidiFile(ticks_per_beat=480), mido.MidiTrack()
    file.tracks.append(track)
    track.append(mido.MetaMessage("track_name", name="Tune"))
    if meter is not None:
        track.append(mido.MetaMessage("time_signature", numerator=meter[0], denominator=meter[1]))
    wait = lead
    for ticks, pitch in notes:
        if pitch:
            track.append(mido.Message("note_on", note=pitch, velocity=80, time=wait))
            track.append(mido.Message("note_off", note=pitch, velocity=0, time=ticks))
            wait = 0
        else:
            wait += ticks
    file.save(path)
    return path


def test_every_note_stays_in_its_octave_and_on_its_place(tmp_path: Path) -> None:
    melody = read_melody(write(tmp_path / "tune.mid", TUNE), key=Key.parse("D minor"))
    score = melody.score
    assert melody.track == "Tune"
    assert int(score.bars[0]) == 2
    struck = (score.pitch[0] + score.transposition[0])[score.onset()[0]].tolist()
    assert struck == [pitch for _, pitch in TUNE if pitch]
    assert score.onset()[0].nonzero().flatten().tolist() == [0, 4, 8, 10, 12, 16, 28]
    assert (score.chord == 0).all()


def test_a_pickup_keeps_its_rest_and_empty_bars_go(tmp_path: Path) -> None:
    melody = read_melody(write(tmp_path / "late.mid", TUNE, lead=3 * 1920 + 1440))
    assert melody.notes == ("3 silent bars before the melody left out",)
    assert melody.score.onset()[0].nonzero()[0].item() == 12


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"track": "Oboe"}, "no track 'Oboe': choose one of 1 Tune"),
        ({"meter": parse_meter("3/4")}, "is in 4/4 and 3/4 is asked for"),
        ({"bars": 1}, "sings in 2 bars and 1 are asked for"),
    ],
)
def test_what_conflicts_with_the_file_is_said(tmp_path: Path, change: dict[str, object], says: str) -> None:
    with pytest.raises(MelodyError, match=says):
        read_melody(write(tmp_path / "tune.mid", TUNE), **change)  # type: ignore[arg-type]


def test_chords_are_no_melody_and_bad_files_are_named(tmp_path: Path) -> None:
    path = tmp_path / "chords.mid"
    file, track = mido.MidiFile(ticks_per_beat=480), mido.MidiTrack()
    file.tracks.append(track)
    for _ in range(8):
        track += [mido.Message("note_on", note=note, velocity=80) for note in (60, 64)]
        track.append(mido.Message("note_off", note=60, time=480))
        track.append(mido.Message("note_off", note=64))
    file.save(path)
    with pytest.raises(MelodyError, match="first in bar 1: a melody is one line"):
        read_melody(path)
    with pytest.raises(MelodyError, match="7/8"):
        read_melody(write(tmp_path / "odd.mid", TUNE, meter=(7, 8)))
    with pytest.raises(MelodyError, match="lie between the sixteenths"):
        read_melody(write(tmp_path / "loose.mid", [(170, 70 + place) for place in range(8)]))
    (tmp_path / "noise.mid").write_bytes(b"MThd nonsense")
    with pytest.raises(MelodyError, match=r"noise\.mid holds no melody"):
        read_melody(tmp_path / "noise.mid")
    with pytest.raises(MelodyError, match="cannot be read"):
        read_melody(tmp_path / "nowhere.mid")


def test_hours_of_silence_are_cut_and_an_endless_piece_is_refused(tmp_path: Path) -> None:
    quiet = read_melody(write(tmp_path / "quiet.mid", TUNE, lead=5400 * 1920 // 2))
    assert quiet.notes == ("2700 silent bars before the melody left out",)
    with pytest.raises(MelodyError, match="603 bars of 4/4, at most 512"):
        read_melody(write(tmp_path / "long.mid", [*TUNE, (600 * 1920, 0), (480, 70)]))


def test_a_score_is_saved_and_read_exactly(tmp_path: Path) -> None:
    score = read_melody(write(tmp_path / "tune.mid", TUNE)).score
    saved = score_to_json(score)
    again = score_from_json(saved, "here")
    assert describe(again) == describe(score)
    with pytest.raises(ScoreFileError, match="here lacks or damages 'chord'"):
        score_from_json({name: value for name, value in saved.items() if name != "chord"}, "here")
    with pytest.raises(ScoreFileError, match="pitch must hold 32 numbers"):
        score_from_json({**saved, "pitch": "60 60"}, "here")
