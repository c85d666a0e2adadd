"""Rendering beside FluidSynth's command line and ``PrettyMIDI.fluidsynth``: times real time, by CPU time.

A process each, start and SoundFont included, on the same file and SoundFont.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

import mido
import torch

from benchmarks.measure import Row, cpu_rates, row
from composer.arrangement import arrange
from composer.environment import Conditions, play, uniform_policy
from composer.environment.settings import shipped_vocabulary
from composer.export import write_midi
from composer.render import find_soundfont, render

TRIAD = "Triad: mix measured, mastered, written"
COMMAND_LINE = "fluidsynth command line"
PRETTY_MIDI = "PrettyMIDI.fluidsynth, mono, in memory"


def measure(*, quick: bool) -> list[Row]:
    """The rows of this room; those of the peers are missing where the system has no FluidSynth."""
    font = str(find_soundfont().path)
    with tempfile.TemporaryDirectory() as name:
        piece, sound = str(Path(name) / "piece.mid"), str(Path(name) / "piece.wav")
        conditions = Conditions.uniform(1, bars=16 if quick else 72)
        score, _ = play(shipped_vocabulary(), conditions, uniform_policy(torch.Generator().manual_seed(0)))
        write_midi(arrange(score, 0, style="pop"), Path(piece))
        _double(Path(piece))
        seconds = render(piece, sound, soundfont=font).seconds
        commands = {TRIAD: [sys.executable, "-m", "flows.cli", "render", piece, "-o", sound, "--soundfont", font]}
        program = shutil.which("fluidsynth")
        if program:
            commands[COMMAND_LINE] = [program, "-ni", "-q", "-F", sound, "-r", "44100", font, piece]
            theirs = f"import pretty_midi; pretty_midi.PrettyMIDI({piece!r}).fluidsynth(44100, {font!r})"
            commands[PRETTY_MIDI] = [sys.executable, "-c", theirs]
        rates = cpu_rates(commands, seconds, runs=3 if quick else 5)
    return [row("rendering", what, "x real time, CPU", found) for what, found in rates.items()]


def _double(piece: Path) -> None:
    """Give three more instruments the lines of the first three: eight tracks of a five-track arrangement."""
    file = mido.MidiFile(piece)
    for track, channel, program in zip(file.tracks[1:4], (13, 14, 15), (73, 24, 61), strict=True):
        voices = [message.copy(channel=channel) if hasattr(message, "channel") else message for message in track]
        file.tracks.append(
            mido.MidiTrack(
                message.copy(program=program) if message.type == "program_change" else message for message in voices
            )
        )
    file.save(piece)
