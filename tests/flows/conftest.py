"""A home of its own for every test, a tiny corpus of real MIDI files, and a model trained on it once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import mido
import pytest

# Before anything imports them: nothing is sent anywhere, and a busy machine may take its time.
os.environ.update(
    DO_NOT_TRACK="true",
    OMP_NUM_THREADS="1",
    PREFECT_SERVER_ANALYTICS_ENABLED="false",
    PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS="120",
)

# A shell that starts the tests in the background has Ctrl-C ignored, and processes would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

AGENT = {"hidden": 8, "batch_size": 32, "updates": 1, "replay_capacity": 2000}
SETTINGS = {
    "pieces": 4,
    "bars": 4,
    "checkpoint_every": 2,
    "chord": AGENT,
    "rhythm": AGENT,
    "melody": AGENT,
    "priors": {"hidden": 8, "epochs": 1},
}
# Degrees of the major scale, two bars to a line, that six little tunes are made of.
LINES = ((0, 2, 4, 2, 5, 4, 2, 1), (4, 4, 2, 0, 1, 2, 3, 1), (0, 1, 2, 3, 4, 2, 1, 0), (7, 5, 4, 2, 3, 1, 2, 0))
SCALE = (60, 62, 64, 65, 67, 69, 71, 72)


def write_tune(path: Path, number: int, bars: int = 16) -> None:
    """A tune in quarter and eighth notes over block chords, as a notation program would export it."""
    file = mido.MidiFile(type=1, ticks_per_beat=480)
    melody, chords = mido.MidiTrack(), mido.MidiTrack()
    file.tracks += [melody, chords]
    melody.append(mido.MetaMessage("track_name", name="Melody"))
    melody.append(mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(100 + number)))
    melody.append(mido.MetaMessage("time_signature", numerator=4, denominator=4))
    chords.append(mido.MetaMessage("track_name", name="Chords"))
    for pair in range(bars // 2):
        line = LINES[(number + pair * (1 + number % 3)) % len(LINES)]
        for place, degree in enumerate(line):
            halves = (degree, min(degree + 1, 7)) if (place + number) % 3 == 0 else (degree,)
            for part in halves:
                melody.append(mido.Message("note_on", note=SCALE[part] + 12, velocity=80))
                melody.append(mido.Message("note_off", note=SCALE[part] + 12, velocity=0, time=480 // len(halves)))
        for root in ((0, 4, 7), (5, 9, 12)) if pair % 2 else ((0, 4, 7), (7, 11, 14)):
            for tone in root:
                chords.append(mido.Message("note_on", note=48 + tone, velocity=60, channel=1))
            for index, tone in enumerate(root):
                chords.append(
                    mido.Message("note_off", note=48 + tone, velocity=0, channel=1, time=1920 if index == 0 else 0)
                )
    file.save(path)


@pytest.fixture(scope="session")
def tunes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("music") / "tunes"
    folder.mkdir()
    for number in range(16):
        write_tune(folder / f"tune-{number:02}.mid", number)
    return folder


@pytest.fixture(scope="session")
def settings_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("settings") / "small.json"
    path.write_text(json.dumps(SETTINGS))
    return path


@pytest.fixture(autouse=True)
def _no_store_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "home"
    monkeypatch.setenv("TRIAD_HOME", str(folder))
    return folder


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory, tunes: Path) -> Path:
    """A home with a finished model in ``models/tunes``; read it, do not write to it."""
    from agents.config import TrainConfig
    from flows import stages
    from flows.home import Home

    home = Home(tmp_path_factory.mktemp("trained"))
    corpus = stages.read_corpus(tunes, None, home)
    config = TrainConfig.from_json({**SETTINGS, "seed": 1, "steps": 600})
    stages.train_model(corpus, config, home.models / "tunes")
    return home.root


def environment(home: Path) -> dict[str, str]:
    """Of a process at home in ``home``. MLflow leaves the store it was last told of in this process's environment."""
    return {
        **{name: value for name, value in os.environ.items() if name != "MLFLOW_TRACKING_URI"},
        "TRIAD_HOME": str(home),
    }


def triad(*arguments: object, home: Path, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run ``triad`` in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "flows.cli", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=300,
        env=environment(home),
    )
    if check:
        assert done.returncode == 0, done.stderr
    return done
