"""Rendering: the sound is there, whole, the same every time, and what goes wrong is said in one line."""

import hashlib
import json
from pathlib import Path

import mido
import numpy as np
import pytest
import soundfile

from composer.arrangement import arrange, style_names
from composer.errors import TriadError
from composer.export import write_midi
from composer.render import RenderError, doctor, find_library, find_soundfont, installed_soundfonts, render
from composer.render.library import VARIABLE as LIBRARY_VARIABLE
from composer.render.soundfont import VARIABLE as SOUNDFONT_VARIABLE
from tests.composer.sounding import GREENSLEEVES, ODE, tune

RATE = 44_100


@pytest.fixture(autouse=True)
def _own_look_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(LIBRARY_VARIABLE, raising=False)
    monkeypatch.delenv(SOUNDFONT_VARIABLE, raising=False)


def one_note(path: Path, *messages: mido.Message, tempo: int = 500_000) -> Path:
    file = mido.MidiFile(type=0, ticks_per_beat=480)
    file.tracks.append(mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=tempo), *messages]))
    file.save(path)
    return path


ON = mido.Message("note_on", note=60, velocity=100)
OFF = mido.Message("note_off", note=60, time=480)


@pytest.fixture(scope="module")
def ode(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ode") / "ode.mid"
    write_midi(arrange(ODE.excerpt(ODE.bars * 0, 8), 0), path)
    return path


def test_a_piece_is_whole_stereo_and_neither_silent_nor_clipped(ode: Path, tmp_path: Path) -> None:
    result = render(ode, tmp_path / "ode.wav")
    samples, rate = soundfile.read(tmp_path / "ode.wav", always_2d=True)
    score_end = 8 * 4 * 60 / 132
    assert rate == RATE
    assert samples.shape == (result.frames, 2)
    assert score_end < result.seconds < score_end + 10
    assert result.peak_dbfs == pytest.approx(20 * np.log10(np.abs(samples).max()), abs=0.01)
    assert result.true_peak_dbtp <= -1.0 + 1e-6
    assert result.loudness_lufs == pytest.approx(-14.0, abs=3.0)
    assert np.abs(samples[:, 0] - samples[:, 1]).max() > 0.01
    # Something sounds in every bar, and the tail has died away rather than been cut off.
    bar = round(4 * 60 / 132 * RATE)
    assert all(np.abs(samples[at * bar : (at + 1) * bar]).max() > 0.05 for at in range(8))
    assert np.abs(samples[-100:]).max() < 1e-3
    assert np.abs(samples[round(score_end * RATE) :]).max() > 1e-3
    assert result.notes > 100
    assert result.warnings == ()


def test_the_same_piece_renders_to_the_same_bytes(ode: Path, tmp_path: Path) -> None:
    first = render(ode, tmp_path / "a.wav")
    second = render(ode, tmp_path / "b.wav")
    assert (tmp_path / "a.wav").read_bytes() == (tmp_path / "b.wav").read_bytes()
    assert first.audio_sha256 == second.audio_sha256
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.wav", "b.wav"]


def test_stems_are_the_same_bytes_too_and_a_float_file_has_no_date(ode: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        render(ode, tmp_path / name / "ode.wav", encoding="float", stems=tmp_path / name / "stems")
    first = sorted((tmp_path / "a").rglob("*.wav"))
    assert len(first) > 4
    for path in first:
        data = path.read_bytes()
        assert data == (tmp_path / "b" / path.relative_to(tmp_path / "a")).read_bytes()
        # The chunk PEAK: its length, its version, and then the time of writing.
        assert data[data.index(b"PEAK") + 12 :][:4] == bytes(4)


def test_stems_and_effects_together_are_the_mix(tmp_path: Path) -> None:
    write_midi(arrange(GREENSLEEVES.excerpt(GREENSLEEVES.bars * 0, 4), 0, style="folk"), tmp_path / "g.mid")
    result = render(tmp_path / "g.mid", tmp_path / "g.wav", encoding="float", stems=tmp_path / "stems")
    assert list(result.stems) == ["melody", "guitar", "accordion", "bass", "percussion", "effects"]
    assert result.stems["bass"] == str(tmp_path / "stems" / "g_bass.wav")
    parts = [soundfile.read(path, dtype="float32")[0] for path in result.stems.values()]
    mix = soundfile.read(tmp_path / "g.wav", dtype="float32")[0]
    assert np.abs(sum(parts) - mix).max() < 1e-6
    assert all(part.any() for part in parts)
    assert len(list((tmp_path / "stems").iterdir())) == 6


@pytest.mark.parametrize("style", style_names())
def test_a_style_survives_a_mono_loudspeaker(tmp_path: Path, style: str) -> None:
    write_midi(arrange(ODE, 0, style=style), tmp_path / "a.mid")
    render(tmp_path / "a.mid", tmp_path / "a.wav")
    samples, _ = soundfile.read(tmp_path / "a.wav")
    lost = 10 * np.log10(np.square(samples.mean(1)).mean() / np.square(samples).mean())
    assert lost > -2.5


@pytest.mark.parametrize(
    ("name", "encoding", "subtype"),
    [("a.wav", None, "PCM_16"), ("a.wav", "24", "PCM_24"), ("a.wav", "float", "FLOAT"), ("a.flac", None, "PCM_16"),
     ("a.ogg", None, "VORBIS"), ("a.mp3", None, "MPEG_LAYER_III")],
)  # fmt: skip
def test_the_ending_and_the_encoding_choose_the_format(
    tmp_path: Path, name: str, encoding: str | None, subtype: str
) -> None:
    source = one_note(tmp_path / "note.mid", ON, OFF)
    result = render(source, tmp_path / name, encoding=encoding)
    info = soundfile.info(tmp_path / name)
    assert (info.subtype, info.channels, info.samplerate) == (subtype, 2, RATE)
    assert info.frames == pytest.approx(result.frames, abs=4000)


def test_the_report_names_library_and_soundfont(tmp_path: Path) -> None:
    result = render(one_note(tmp_path / "note.mid", ON, OFF), tmp_path / "note.wav")
    report = json.loads(json.dumps(result.to_json()))
    assert report["library_version"].startswith("2.")
    assert Path(report["soundfont"]).is_file()
    assert len(report["soundfont_sha256"]) == len(report["audio_sha256"]) == len(report["midi_sha256"]) == 64
    assert report["seconds"] == pytest.approx(report["frames"] / RATE)
    assert report["notes"] == 1


def test_the_level_can_be_left_alone_and_the_ceiling_set(tmp_path: Path) -> None:
    source = one_note(tmp_path / "note.mid", ON, OFF)
    plain = render(source, tmp_path / "plain.wav", loudness=None)
    assert plain.gain_db == 0.0
    low = render(source, tmp_path / "low.wav", loudness=-5.0, ceiling=-20.0)
    assert low.true_peak_dbtp == pytest.approx(-20.0, abs=1e-6)
    assert low.gain_db - plain.gain_db == pytest.approx(low.loudness_lufs - plain.loudness_lufs, abs=1e-6)


def test_a_note_without_an_end_is_ended(tmp_path: Path) -> None:
    hanging = one_note(tmp_path / "hanging.mid", ON, mido.Message("note_on", note=64, velocity=90, time=480))
    result = render(hanging, tmp_path / "hanging.wav")
    assert 0.5 < result.seconds < 10.5
    assert result.warnings == (f"2 notes of {hanging} have no end: they were ended with the file",)


def test_a_pedal_held_for_ever_is_lifted(tmp_path: Path) -> None:
    held = one_note(
        tmp_path / "held.mid",
        mido.Message("control_change", control=64, value=127),
        ON.copy(note=40),
        OFF.copy(note=40),
    )
    free = one_note(tmp_path / "free.mid", ON.copy(note=40), OFF.copy(note=40))
    with_pedal, without = (render(path, path.with_suffix(".wav")) for path in (held, free))
    assert abs(with_pedal.seconds - without.seconds) < 0.5


def test_a_track_that_breaks_off_plays_as_far_as_it_goes(tmp_path: Path) -> None:
    whole = one_note(tmp_path / "whole.mid", ON, OFF, ON.copy(note=72), OFF.copy(note=72)).read_bytes()
    (tmp_path / "cut.mid").write_bytes(whole[:-6])
    result = render(tmp_path / "cut.mid", tmp_path / "cut.wav")
    assert result.notes == 2
    assert "breaks off" in result.warnings[0]


@pytest.mark.parametrize("tempo", [4.0, 999.0])
def test_slow_and_fast_pieces_have_their_length(tmp_path: Path, tempo: float) -> None:
    write_midi(arrange(tune("C5:4 r:4", "C:2", meter="2/4", tempo=tempo), 0), tmp_path / "a.mid")
    result = render(tmp_path / "a.mid", tmp_path / "a.wav")
    assert 2 * 60 / tempo < result.seconds < 2 * 60 / tempo + 10


def test_bad_midi_is_named(tmp_path: Path) -> None:
    (tmp_path / "text.mid").write_text("not MIDI at all", encoding="utf-8")
    (tmp_path / "empty.mid").write_bytes(b"")
    (tmp_path / "film.mid").write_bytes(b"MThd\0\0\0\6\0\0\0\1\xe7\x28")
    (tmp_path / "type2.mid").write_bytes(b"MThd\0\0\0\6\0\2\0\1\1\xe0")
    one_note(tmp_path / "silent.mid", mido.Message("program_change", program=3))
    for name, message in {
        "none.mid": "cannot be read",
        "text.mid": "no MIDI file",
        "empty.mid": "no MIDI file",
        "film.mid": "film frames",
        "type2.mid": "type 2",
        "silent.mid": "holds no notes",
    }.items():
        with pytest.raises(RenderError, match=message) as caught:
            render(tmp_path / name, tmp_path / "out.wav")
        assert name in str(caught.value)
        assert "\n" not in str(caught.value)
        assert isinstance(caught.value, TriadError)
    assert not (tmp_path / "out.wav").exists()


def test_a_piece_of_days_is_refused(tmp_path: Path) -> None:
    source = one_note(tmp_path / "days.mid", ON, OFF.copy(time=480 * 3000), tempo=16_000_000)
    with pytest.raises(RenderError, match=r"lasts 13\.3 hours: at most 6"):
        render(source, tmp_path / "days.wav")


def test_a_bad_soundfont_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = one_note(tmp_path / "note.mid", ON, OFF)
    good = find_soundfont().path.read_bytes()[:3000]
    (tmp_path / "text.sf2").write_text("hello", encoding="utf-8")
    (tmp_path / "cut.sf2").write_bytes(good)
    (tmp_path / "hollow.sf2").write_bytes(b"RIFF\x04\0\0\0sfbk")
    for name, message in {
        "none.sf2": "cannot be read",
        "text.sf2": "no SoundFont",
        "cut.sf2": "cut short: 3000 of",
        "hollow.sf2": "corrupt",
    }.items():
        with pytest.raises(RenderError, match=message):
            render(source, tmp_path / "out.wav", soundfont=tmp_path / name)
    monkeypatch.setenv(SOUNDFONT_VARIABLE, str(tmp_path / "text.sf2"))
    with pytest.raises(RenderError, match="no SoundFont"):
        render(source, tmp_path / "out.wav")
    assert "no SoundFont" in doctor().problem
    assert not (tmp_path / "out.wav").exists()


def test_a_bad_library_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(LIBRARY_VARIABLE, str(tmp_path / "libnone.so"))
    with pytest.raises(RenderError, match=f"{LIBRARY_VARIABLE}=.*libnone.so is no usable FluidSynth"):
        find_library()
    assert doctor().library is None


def test_no_library_at_all_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("composer.render.library._candidates", lambda: iter(()))
    with pytest.raises(RenderError, match="pip install pygame-ce"):
        find_library()


def test_a_file_that_stays_silent_is_told(tmp_path: Path) -> None:
    source = one_note(tmp_path / "quiet.mid", mido.Message("control_change", control=7, value=0), ON, OFF)
    result = render(source, tmp_path / "quiet.wav")
    assert result.loudness_lufs is None
    assert result.warnings[-1].endswith(f"has no sound for any note of {source}")


def test_the_variable_chooses_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    found = find_library()
    monkeypatch.setenv(LIBRARY_VARIABLE, found.path)
    assert (find_library().path, find_library().source) == (found.path, "environment")


def test_what_cannot_be_written_is_named_and_leaves_nothing(tmp_path: Path) -> None:
    source = one_note(tmp_path / "note.mid", ON, OFF)
    (tmp_path / "file").write_text("no folder", encoding="utf-8")
    with pytest.raises(RenderError, match=r"out\.wav cannot be written"):
        render(source, tmp_path / "file" / "out.wav")
    with pytest.raises(RenderError, match="cannot be written"):
        render(source, tmp_path / "out.wav", stems=tmp_path / "file")
    with pytest.raises(RenderError, match=r"no known audio ending: choose one of \.wav"):
        render(source, tmp_path / "out.aiff")
    with pytest.raises(RenderError, match="no encoding '12': choose one of 16, 24, float"):
        render(source, tmp_path / "out.wav", encoding="12")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "note.mid"]


def test_every_soundfont_is_listed_and_a_piano_alone_is_not_preferred(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundled = next(path for path, source in installed_soundfonts() if source == "bundled")
    monkeypatch.setattr("composer.render.soundfont.FOLDERS", (str(tmp_path), str(tmp_path / "none")))
    for name in ("Piano.sf3", "text.txt"):
        (tmp_path / name).write_bytes(b"")
    assert list(installed_soundfonts()) == [(bundled, "bundled"), (tmp_path / "Piano.sf3", "installed")]
    (tmp_path / "FluidR3_GM.sf2").write_bytes(bundled.read_bytes())
    found = doctor()
    assert found.soundfonts[0] == f"{tmp_path / 'FluidR3_GM.sf2'} (installed)"
    assert found.soundfont.startswith(found.soundfonts[0][:-1])
    assert len(found.soundfonts) == 3


def test_a_soundfonts_digest_is_kept_and_made_anew_when_it_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    font = tmp_path / "a.sf2"
    data = b"RIFF\x04\0\0\0sfbk"
    font.write_bytes(data)
    digest = find_soundfont(font).sha256
    assert digest == hashlib.sha256(data).hexdigest()
    assert digest in (tmp_path / "cache" / "triad" / "soundfonts.json").read_text(encoding="utf-8")
    font.write_bytes(data + b"\0")
    assert find_soundfont(font).sha256 == hashlib.sha256(data + b"\0").hexdigest()


def test_the_doctor_hears_a_note() -> None:
    found = doctor()
    assert found.problem is None
    assert found.peak_dbfs > -60
    assert "FluidSynth 2." in found.library
