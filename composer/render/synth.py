"""Drives FluidSynth: a safe MIDI sequence and a SoundFont in, blocks of sound out. Knows no audio file.

One synthesizer a render, one thread, no audio driver. Every MIDI channel with notes has a dry stereo group of its own
and there is one effects unit, so that one pass gives the mix, the dry stems and the effects bus: mix = stems + bus.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from composer.render.errors import RenderError
from composer.render.library import Library
from composer.render.sequence import Sequence
from composer.render.soundfont import SoundFont

SAMPLE_RATE = 44_100
BLOCK_FRAMES = 2048  # larger ones fall out of the processor's cache
CHANNELS = 16
EFFECTS = 2  # reverb and chorus
TAIL_SECONDS = 10.0
SILENCE = 10 ** (-96 / 20)  # the step of a 16-bit file: what is softer than this is lost in it

# Reverb and chorus are pinned because their defaults changed in FluidSynth 2.4.
SETTINGS: Mapping[str, int | float | str] = {
    "synth.sample-rate": float(SAMPLE_RATE),
    "synth.gain": 0.5,
    "synth.polyphony": 256,
    "synth.cpu-cores": 1,
    "synth.threadsafe-api": 0,
    "synth.lock-memory": 0,
    "synth.dynamic-sample-loading": 1,
    "synth.midi-channels": CHANNELS,
    "synth.effects-channels": EFFECTS,
    "synth.effects-groups": 1,
    "synth.reverb.active": 1,
    "synth.reverb.room-size": 0.6,
    "synth.reverb.damp": 0.4,
    "synth.reverb.width": 0.8,
    "synth.reverb.level": 0.7,
    "synth.chorus.active": 1,
    "synth.chorus.nr": 3,
    "synth.chorus.level": 0.6,
    "synth.chorus.speed": 0.2,
    "synth.chorus.depth": 4.25,
    "player.timing-source": "sample",
    "player.reset-synth": 1,
}


@dataclass(frozen=True, slots=True)
class Block:
    """Up to 2048 frames of sound, float32 with full scale 1; the arrays are reused for the next block.

    Attributes:
        mix: (2, frames) everything.
        dry: (tracks, 2, frames) every MIDI channel with notes, without effects, in the order of the sequence.
        bus: (2, frames) reverb and chorus of all channels.
    """

    mix: NDArray[np.float32]
    dry: NDArray[np.float32]
    bus: NDArray[np.float32]


def synthesize(sequence: Sequence, soundfont: SoundFont, library: Library) -> Iterator[Block]:
    """The sound of ``sequence`` from its first tick to silence, at most 10 s after its end.

    Raises:
        RenderError: if FluidSynth refuses the SoundFont or the sequence.
    """
    api = library.api
    with ExitStack() as stack:
        settings = _made(api.new_fluid_settings(), "its settings")
        stack.callback(api.delete_fluid_settings, settings)
        groups = _groups(sequence.channels)
        for name, value in {**SETTINGS, "synth.audio-channels": groups, "synth.audio-groups": groups}.items():
            _set(api, settings, name, value)
        synth = _made(api.new_fluid_synth(settings), "a synthesizer")
        stack.callback(api.delete_fluid_synth, synth)
        if api.fluid_synth_sfload(synth, os.fsencode(soundfont.path), 1) < 0:
            raise RenderError(
                f"SoundFont {soundfont.path} is corrupt: FluidSynth {library.version} cannot load it;"
                " install it again or choose another with --soundfont"
            )
        player = _made(api.new_fluid_player(synth), "a player")
        stack.callback(api.delete_fluid_player, player)
        if api.fluid_player_add_mem(player, sequence.midi, len(sequence.midi)) != 0:
            raise RenderError(f"FluidSynth {library.version} refuses the MIDI sequence")
        if api.fluid_player_play(player) != 0:
            raise RenderError(f"FluidSynth {library.version} cannot start its player")
        stack.callback(api.fluid_player_stop, player)
        yield from _blocks(api, synth, sequence, groups)


def _blocks(api: ctypes.CDLL, synth: int, sequence: Sequence, groups: int) -> Iterator[Block]:
    dry = np.zeros((len(sequence.channels), 2, BLOCK_FRAMES), np.float32)
    wet = np.zeros((EFFECTS, 2, BLOCK_FRAMES), np.float32)
    places: list[int | None] = [None] * (2 * groups)  # FluidSynth passes over a group without a buffer
    for track, channel in zip(dry, sequence.channels, strict=True):
        group = channel % groups
        places[2 * group : 2 * group + 2] = [side.ctypes.data for side in track]
    dry_pointers = (ctypes.c_void_p * len(places))(*places)
    wet_pointers = (ctypes.c_void_p * (2 * EFFECTS))(*(side.ctypes.data for unit in wet for side in unit))
    last_note = round(sequence.last_note * SAMPLE_RATE)
    limit = round((sequence.end + TAIL_SECONDS) * SAMPLE_RATE)
    for start in range(0, limit, BLOCK_FRAMES):
        frames = min(BLOCK_FRAMES, limit - start)
        dry.fill(0.0)  # fluid_synth_process() adds to what is there
        wet.fill(0.0)
        if api.fluid_synth_process(synth, frames, 2 * EFFECTS, wet_pointers, 2 * groups, dry_pointers) != 0:
            raise RenderError(f"FluidSynth failed {start / SAMPLE_RATE:.1f} s into the piece")
        bus = wet.sum(0)
        mix = dry.sum(0) + bus
        if start >= last_note and float(np.abs(mix).max()) < SILENCE:
            return
        yield Block(mix[:, :frames], dry[:, :, :frames], bus[:, :frames])


def _groups(channels: Collection[int]) -> int:
    """The fewest groups that keep ``channels`` apart, where channel c plays in group c mod groups.

    FluidSynth clears and copies every group of every block, sound or none.
    """
    counts = range(max(1, len(channels)), CHANNELS)
    return next(
        (count for count in counts if len({channel % count for channel in channels}) == len(channels)), CHANNELS
    )


def _made(pointer: int | None, what: str) -> int:
    if not pointer:
        raise RenderError(f"FluidSynth could not create {what}: is there memory left?")
    return pointer


def _set(api: ctypes.CDLL, settings: int, name: str, value: float | str) -> None:
    key = name.encode()
    match value:
        case int():
            result = api.fluid_settings_setint(settings, key, value)
        case float():
            result = api.fluid_settings_setnum(settings, key, value)
        case _:
            result = api.fluid_settings_setstr(settings, key, value.encode())
    if result != 0:
        raise RenderError(f"FluidSynth refuses {name}={value}: install version 2.2 or later")
