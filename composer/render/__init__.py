"""Rendering: a MIDI file and a SoundFont become a recording, by FluidSynth in this process.

This room reads MIDI from files only: it knows neither scores nor arrangements, and imports no learner, tracker or
orchestrator. Nothing heavier than numpy and soundfile is loaded.
"""

from composer.render.errors import RenderError
from composer.render.library import Library, find_library
from composer.render.render import Diagnosis, Render, doctor, render
from composer.render.soundfont import SoundFont, find_soundfont, installed_soundfonts

__all__ = [
    "Diagnosis",
    "Library",
    "Render",
    "RenderError",
    "SoundFont",
    "doctor",
    "find_library",
    "find_soundfont",
    "installed_soundfonts",
    "render",
]
