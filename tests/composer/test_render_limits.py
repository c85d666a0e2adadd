"""At the edges: full disks, nearly empty pieces, very long ones, very slow and very fast ones."""

import resource
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import mido
import numpy as np
import pytest
import soundfile

from composer.render import RenderError, find_soundfont, render

RATE = 44_100
FRAME_BYTES = 8
# A file that may grow no longer fails as on a full disk: Python ignores the signal and raises OSError.
LIMITED = """
import resource, sys
from composer.render import RenderError, render
source, target, limit = sys.argv[1], sys.argv[2], int(sys.argv[3])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
try:
    render(source, target, encoding="float" if target.endswith("wav") else None)
except RenderError as error:
    print(error)
"""


def notes(path: Path, count: int, *, bpm: float, apart: int = 4 * 480) -> Path:
    """``count`` notes, one every ``apart`` ticks, of at most a quarter; a quarter has 480 ticks."""
    # MIDI writes no tempo below 3.6: a slower quarter note is four of the file's.
    slow = 4 if bpm < 4 else 1
    length = min(480, apart // 2)
    track = mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(bpm * slow))])
    for number in range(count):
        track += [
            mido.Message("note_on", note=60, velocity=90, time=apart - length if number else 0),
            mido.Message("note_off", note=60, time=length),
        ]
    file = mido.MidiFile(type=0, ticks_per_beat=480 // slow)
    file.tracks.append(track)
    file.save(path)
    return path


def test_a_disk_that_fills_up_is_named_and_leaves_nothing(tmp_path: Path) -> None:
    source = notes(tmp_path / "a.mid", 1, bpm=120)
    frames = render(source, tmp_path / "a.wav").frames
    (tmp_path / "a.wav").unlink()
    # While rendering, and while encoding: a float file holds its frames and a header besides.
    for limit, during in ((100_000, "File too large"), (frames * FRAME_BYTES, "encoder")):
        done = subprocess.run(
            [sys.executable, "-c", LIMITED, source, tmp_path / "a.wav", str(limit)],
            capture_output=True,
            text=True,
            check=True,
        )
        assert "a.wav cannot be written (" in done.stdout
        assert during in done.stdout
        assert done.stdout.endswith("choose a folder you may write to with room left\n")
        assert done.stdout.count("\n") == 1
        assert done.stderr == ""
        assert [path.name for path in tmp_path.iterdir()] == ["a.mid"]


def test_a_disk_without_room_is_named_before_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = notes(tmp_path / "a.mid", 2, bpm=1)  # 4 min between them and one more minute
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=10_000_000))
    with pytest.raises(RenderError, match=r"106 MB are needed for the work and 10 MB are free"):
        render(source, tmp_path / "a.wav")
    assert [path.name for path in tmp_path.iterdir()] == ["a.mid"]


def test_a_folder_without_leave_to_write_is_named(tmp_path: Path) -> None:
    with pytest.raises(RenderError, match=r"/proc/a\.wav cannot be written"):
        render(notes(tmp_path / "a.mid", 1, bpm=120), "/proc/a.wav")


@pytest.mark.parametrize(("bpm", "seconds"), [(1.0, 60.0), (999.0, 60 / 999)])
def test_one_note_at_tempo_1_and_999_lasts_as_long_as_it_should(tmp_path: Path, bpm: float, seconds: float) -> None:
    result = render(notes(tmp_path / "a.mid", 1, bpm=bpm), tmp_path / "a.wav")
    assert result.notes == 1
    assert seconds < result.seconds < seconds + 10


def test_ten_thousand_bars_are_rendered_to_the_last(tmp_path: Path) -> None:
    # A bar of 1/8 at 999 a minute lasts 30 ms: 5 min in all.
    source = notes(tmp_path / "a.mid", 10_000, bpm=999, apart=240)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    result = render(source, tmp_path / "a.flac", soundfont=find_soundfont().path)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    end = 9_999.5 * 0.5 * 60 / 999
    assert result.notes == 10_000
    assert end < result.seconds < end + 10
    assert grown < 150 * 1024
    with soundfile.SoundFile(tmp_path / "a.flac") as file:
        file.seek(round((end - 0.25 * 60 / 999) * RATE))
        assert np.abs(file.read(RATE // 10)).max() > 0.05


def test_ten_thousand_bars_at_tempo_1_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RenderError, match=r"lasts 666\.6 hours: at most 6"):
        render(notes(tmp_path / "a.mid", 10_000, bpm=1), tmp_path / "a.wav")
