"""``triad render``: several files and formats at once, tags, and one bad file among good ones."""

import json
from pathlib import Path

import mido
import pytest
import soundfile
from click.testing import CliRunner, Result

from flows.cli import cli
from flows.composing import Model, write_pieces
from flows.requests import Request


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["render", *map(str, arguments)])


def song(path: Path, pitch: int = 60) -> Path:
    file = mido.MidiFile(type=0, ticks_per_beat=480)
    file.tracks.append(
        mido.MidiTrack(
            [
                mido.MetaMessage("track_name", name="A Song"),
                mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(150)),
                mido.MetaMessage("key_signature", key="Em"),
                mido.Message("note_on", note=pitch, velocity=90),
                mido.Message("note_off", note=pitch, time=480),
            ]
        )
    )
    file.save(path)
    return path


def test_all_formats_of_one_pass_carry_the_same_sound_and_tags(tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = run(song(tmp_path / "a.mid"), "-o", out, "--format", "wav,flac,ogg,mp3", "--lufs", -20, "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert [Path(path).name for path in told["files"]] == ["a.wav", "a.flac", "a.ogg", "a.mp3"]
    assert told["tags"] == {"title": "A Song", "key": "E minor", "tempo": 150.0, "seed": None, "model": None}
    assert told["loudness_lufs"] == pytest.approx(-20.0, abs=0.01)
    for path in told["files"]:
        with soundfile.SoundFile(path) as file:
            assert file.title == "A Song"
            assert file.comment.startswith("key: E minor; tempo: 150; rendered by FluidSynth 2.")
            assert told["soundfont_sha256"] in file.comment
    assert (soundfile.read(out / "a.wav")[0] == soundfile.read(out / "a.flac")[0]).all()


def test_a_composed_piece_says_who_wrote_it(tmp_path: Path) -> None:
    request = Request(bars=2, seed=7, policy="random", key="D")
    (piece,) = write_pieces(Model.none(), request, tmp_path, formats=("mid", "wav", "flac"))
    wanted = (piece["title"], f"key: {piece['request']['key']}; tempo: ", "; seed: 7; model: random none; ")
    assert run(tmp_path / "piece-7-1", "-o", tmp_path / "again.ogg").exit_code == 0
    for name in ("piece-7-1.wav", "piece-7-1.flac", "again.ogg"):
        with soundfile.SoundFile(tmp_path / name) as file:
            assert (file.title, *(part in file.comment for part in wanted[1:])) == (wanted[0], True, True)


def test_several_files_go_side_by_side_and_a_bad_one_is_named(tmp_path: Path) -> None:
    (tmp_path / "bad.mid").write_text("no music", encoding="utf-8")
    files = [song(tmp_path / "a.mid"), tmp_path / "bad.mid", song(tmp_path / "b.mid", 72)]
    done = run(*files, "-o", tmp_path / "out", "--jobs", 2, "--format", "flac", "--json")
    assert done.exit_code == 2
    told = json.loads(done.stdout)
    assert [Path(each["path"]).name for each in told["rendered"]] == ["a.flac", "b.flac"]
    assert [each["midi"] for each in told["failed"]] == [str(tmp_path / "bad.mid")]
    assert "bad.mid is no MIDI file" in done.stderr
    alone = run(files[0], "-o", tmp_path / "alone.flac", "--json")
    assert json.loads(alone.stdout)["audio_sha256"] == told["rendered"][0]["audio_sha256"]


def test_what_cannot_be_asked_for_is_said_in_one_line(tmp_path: Path) -> None:
    source = song(tmp_path / "a.mid")
    (tmp_path / "other").mkdir()
    for arguments, message in (
        ((source, "-o", tmp_path / "a", "--format", "wav,aiff"), "unknown format 'aiff'"),
        ((source, "-o", tmp_path / "a", "--format", "mid"), "mid is no recording"),
        ((source, "-o", tmp_path / "a.mp3", "--bits", "24"), "no encoding '24'"),
        ((tmp_path / "none", "-o", tmp_path / "a.wav"), "none: no such file"),
        ((source, song(tmp_path / "other" / "a.mid"), "-o", tmp_path / "a"), "two files are named a"),
    ):
        done = run(*arguments)
        assert done.exit_code == 2
        assert message in done.stderr
        assert done.stderr.count("\n") == 1
