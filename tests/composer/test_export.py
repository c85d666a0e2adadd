"""Files of an arrangement: read back with another reader than they were written with, or looked into."""

import base64
import json
import re
from dataclasses import replace
from pathlib import Path

import mido
import numpy as np
import pretty_midi
import pytest
import soundfile
from matplotlib import image

from composer.arrangement import arrange, style_names
from composer.export import (
    ExportError,
    sound_picture,
    write_listening_page,
    write_midi,
    write_piano_roll,
    write_sound_picture,
)
from composer.export.palette import colours
from tests.composer.sounding import GREENSLEEVES, ODE, tune


def recording(path: Path, seconds: float = 2.0) -> Path:
    times = np.arange(round(seconds * 44_100)) / 44_100
    wave = 0.3 * np.sin(2 * np.pi * 440 * times)
    soundfile.write(path, np.stack([wave, wave], 1), 44_100)
    return path


def page_data(text: str) -> dict[str, object]:
    found = re.search(r'<script id="piece" type="application/json">(.*?)</script>', text, re.DOTALL)
    data: dict[str, object] = json.loads(found[1])
    return data


@pytest.mark.parametrize("style", style_names())
@pytest.mark.parametrize("score", [ODE, GREENSLEEVES], ids=["major 4/4", "minor 3/4"])
def test_another_reader_finds_the_same_music(tmp_path: Path, style: str, score) -> None:
    arrangement = arrange(score, 0, style=style)
    path = tmp_path / "piece.mid"
    write_midi(arrangement, path)
    midi = pretty_midi.PrettyMIDI(str(path))
    assert midi.resolution == 480
    assert midi.get_tempo_changes()[1] == pytest.approx([arrangement.tempo], rel=1e-5)
    (signature,) = midi.time_signature_changes
    assert f"{signature.numerator}/{signature.denominator}" == arrangement.meter.name
    (key,) = midi.key_signature_changes
    assert (
        pretty_midi.key_number_to_key_name(key.key_number)
        == {"D major": "D Major", "G minor": "G minor"}[arrangement.key_name]
    )
    read = {instrument.name: instrument for instrument in midi.instruments}
    for track in arrangement.tracks:
        instrument = read[track.name]
        assert (instrument.program, instrument.is_drum) == (track.program, track.is_drum)
        notes = sorted(
            (midi.time_to_tick(note.start), midi.time_to_tick(note.end), note.pitch, note.velocity)
            for note in instrument.notes
        )
        assert notes == [(note.start, note.end, note.pitch, note.velocity) for note in track.notes]


def test_the_mix_stands_at_tick_0_and_the_form_in_the_first_track(tmp_path: Path) -> None:
    arrangement = replace(arrange(ODE, 0), title="Freude – 歌")
    write_midi(arrangement, tmp_path / "a.mid")
    file = mido.MidiFile(tmp_path / "a.mid")
    assert (file.type, file.ticks_per_beat, len(file.tracks)) == (1, 480, 6)
    conductor = file.tracks[0]
    assert [message.text for message in conductor if message.type == "marker"] == ["A", "B"]
    assert [message.text for message in conductor if message.type == "text"][:5] == ["D", "A", "D", "G", "D"]
    assert conductor.name.startswith("Freude")
    assert sum(message.time for message in conductor) == arrangement.ticks
    for written, track in zip(file.tracks[1:], arrangement.tracks, strict=True):
        first = [message for message in written[:6] if message.time == 0]
        assert [message.type for message in first] == ["track_name", "program_change", *["control_change"] * 4]
        mix = {message.control: message.value for message in first[2:]}
        assert mix == {7: track.mix.gain, 10: track.mix.pan, 91: track.mix.reverb, 93: track.mix.chorus}


@pytest.mark.parametrize("tempo", [4.0, 999.0])
def test_the_slowest_and_the_fastest_tempo_are_kept(tmp_path: Path, tempo: float) -> None:
    write_midi(arrange(tune("C5:16", "C:4", tempo=tempo), 0), tmp_path / "a.mid")
    assert pretty_midi.PrettyMIDI(str(tmp_path / "a.mid")).get_tempo_changes()[1] == pytest.approx([tempo], rel=1e-4)


def test_the_same_arrangement_gives_the_same_bytes(tmp_path: Path) -> None:
    for name, write in (("a.mid", write_midi), ("a.png", write_piano_roll)):
        write(arrange(ODE, 0), tmp_path / name)
        first = (tmp_path / name).read_bytes()
        write(arrange(ODE, 0), tmp_path / name)
        assert (tmp_path / name).read_bytes() == first
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mid", "a.png"]


def test_the_roll_shows_every_track_in_its_colour(tmp_path: Path) -> None:
    arrangement = arrange(ODE, 0)
    write_piano_roll(arrangement, tmp_path / "roll.png")
    pixels = image.imread(tmp_path / "roll.png")[..., :3]
    height, width, _ = pixels.shape
    assert (width, height > 700) == (1680, True)
    legend = pixels[:60, width // 2 :].reshape(-1, 3)
    for colour in colours(arrangement.tracks):
        wanted = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)]) / 255
        assert (np.abs(legend - wanted).max(1) < 0.02).sum() > 50, colour


@pytest.mark.parametrize("bars", [1, 3, 200])
def test_the_roll_of_any_length_is_a_page(tmp_path: Path, bars: int) -> None:
    write_piano_roll(arrange(tune("C5:16 " * bars, f"C:{4 * bars}"), 0), tmp_path / "roll.png")
    height = image.imread(tmp_path / "roll.png").shape[0]
    assert 200 < height < 8000


def test_a_piece_without_notes_can_be_drawn_and_written(tmp_path: Path) -> None:
    arrangement = arrange(tune("r:16", "-:4"), 0, style="chorale")
    write_piano_roll(arrangement, tmp_path / "roll.png")
    write_midi(arrangement, tmp_path / "a.mid")
    assert mido.MidiFile(tmp_path / "a.mid").length == pytest.approx(2.0)


def test_the_listening_page_holds_all_it_needs(tmp_path: Path) -> None:
    arrangement = replace(arrange(ODE, 0), title="A </script> & <b>title</b>")
    write_listening_page(arrangement, recording(tmp_path / "a.wav"), tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "<h1>A &lt;/script&gt; &amp; &lt;b&gt;title&lt;/b&gt;</h1>" in text
    assert not re.search(r"https?://|fetch\(|localStorage|sessionStorage|XMLHttpRequest|\bimport\b", text)
    data = page_data(text)
    assert [track["name"] for track in data["tracks"]] == [track.name for track in arrangement.tracks]
    assert data["tracks"][0]["instrument"] == "Flute"
    assert data["tracks"][0]["notes"][0] == [0, 451, 78, arrangement.tracks[0].notes[0].velocity]
    assert data["chords"][1] == [1920, 3840, "A"]
    assert data["sections"] == [[0, 15360, "A"], [15360, 30720, "B"]]
    # 132 quarter notes a minute, 480 ticks each.
    assert data["secondsPerTick"] == pytest.approx(60 / 132 / 480)
    media, audio = re.search(r'src="data:(audio/\w+);base64,([^"]+)"', text).groups()
    (tmp_path / "embedded").write_bytes(base64.b64decode(audio))
    assert media in {"audio/mpeg", "audio/ogg"}
    assert soundfile.info(tmp_path / "embedded").duration == pytest.approx(2.0, abs=0.1)
    assert (tmp_path / "embedded").stat().st_size < (tmp_path / "a.wav").stat().st_size / 4


def test_a_compressed_recording_is_embedded_as_it_is(tmp_path: Path) -> None:
    samples, rate = soundfile.read(recording(tmp_path / "a.wav"))
    soundfile.write(tmp_path / "a.ogg", samples, rate)
    write_listening_page(arrange(ODE, 0), tmp_path / "a.ogg", tmp_path / "page.html")
    embedded = base64.b64encode((tmp_path / "a.ogg").read_bytes()).decode()
    assert f"data:audio/ogg;base64,{embedded}" in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_what_cannot_be_written_or_read_is_named(tmp_path: Path) -> None:
    arrangement = arrange(tune("C5:16", "C:4"), 0)
    (tmp_path / "file").write_text("no folder", encoding="utf-8")
    for write in (write_midi, write_piano_roll):
        with pytest.raises(ExportError, match=r"file/a\.out cannot be written"):
            write(arrangement, tmp_path / "file" / "a.out")
    with pytest.raises(ExportError, match=r"none\.wav cannot be read"):
        write_listening_page(arrangement, tmp_path / "none.wav", tmp_path / "page.html")
    with pytest.raises(ExportError, match="file cannot be read"):
        write_listening_page(arrangement, tmp_path / "file", tmp_path / "page.html")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_recording_is_drawn_and_what_is_none_is_named(tmp_path: Path) -> None:
    rate = 44_100
    tone = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(2 * rate) / rate)
    soundfile.write(tmp_path / "tone.wav", np.stack([tone, tone], 1), rate)
    low, high, spectrum, known_rate, seconds = sound_picture._measured(tmp_path / "tone.wav")
    assert (known_rate, seconds) == (rate, 2.0)
    assert high.max() == pytest.approx(0.5, abs=0.01)
    assert low.min() == pytest.approx(-0.5, abs=0.01)
    # Half of full scale is 6 dB below it, in the bin of a thousand hertz.
    peak = spectrum.max(1).argmax()
    assert peak == round(1000 * sound_picture.WINDOW / rate)
    assert spectrum[peak].max() == pytest.approx(-6, abs=1.5)
    write_sound_picture(tmp_path / "tone.wav", tmp_path / "tone.png", title="A tone")
    assert (tmp_path / "tone.png").read_bytes().startswith(b"\x89PNG")
    (tmp_path / "noise.wav").write_bytes(b"RIFF")
    with pytest.raises(ExportError, match="cannot be read as a recording"):
        write_sound_picture(tmp_path / "noise.wav", tmp_path / "noise.png")
