"""Rendering in times real time, beside ``PrettyMIDI.fluidsynth`` on the same file and SoundFont."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pretty_midi
import torch

from benchmarks.measure import Row, rate, row
from composer.arrangement import arrange
from composer.environment import Conditions, play, uniform_policy
from composer.environment.settings import shipped_vocabulary
from composer.export import write_midi
from composer.render import find_soundfont, render


def measure(*, quick: bool) -> list[Row]:
    """The rows of this room. The peer needs a FluidSynth installed in the system; without one its row is missing."""
    font = find_soundfont().path
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        conditions = Conditions.uniform(1, bars=16 if quick else 64)
        score, _ = play(shipped_vocabulary(), conditions, uniform_policy(torch.Generator().manual_seed(0)))
        arrangement = arrange(score, 0, style="pop")
        write_midi(arrangement, folder / "piece.mid")

        def ours() -> int:
            return int(render(folder / "piece.mid", folder / "piece.wav", soundfont=font).seconds)

        rows = [row("rendering", "Triad, mix measured and written", "x real time", rate(ours, runs=3))]
        try:
            import fluidsynth  # noqa: F401 # fails where the system has no FluidSynth
        except ImportError:
            return rows
        midi = pretty_midi.PrettyMIDI(str(folder / "piece.mid"))

        def theirs() -> int:
            return len(midi.fluidsynth(fs=44100, sf2_path=str(font))) // 44100

        return [
            *rows,
            row("rendering", "PrettyMIDI.fluidsynth, mono, in memory", "x real time", rate(theirs, runs=3)),
        ]
