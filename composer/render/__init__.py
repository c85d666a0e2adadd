"""Rendering: a MIDI file and a SoundFont become a recording, by FluidSynth in this process.

This room reads MIDI from files only: it knows neither scores nor arrangements, and imports no learner, tracker or
orchestrator. Nothing heavier than numpy and soundfile is loaded.
"""

from composer.render.errors import RenderError
from composer.render.examine import Diagnosis, doctor
from composer.render.library import Library, find_library
from composer.render.render import LOUDNESS, render
from composer.render.report import Render
from composer.render.soundfont import SoundFont, find_soundfont, installed_soundfonts
from composer.render.tags import Tags

__all__ = [
    "LOUDNESS",
    "Diagnosis",
    "Library",
    "Render",
    "RenderError",
    "SoundFont",
    "Tags",
    "doctor",
    "find_library",
    "find_soundfont",
    "installed_soundfonts",
    "render",
]
