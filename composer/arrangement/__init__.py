"""Arrangement: a piece of the shared score becomes tracks for instruments, in a style.

This room reads scores and writes :class:`Arrangement`; it knows no file format of music and no sound.
"""

from composer.arrangement.arrange import arrange
from composer.arrangement.errors import ArrangementError
from composer.arrangement.feel import louder
from composer.arrangement.model import (
    PPQ,
    STEP_TICKS,
    Arrangement,
    ChordSpan,
    Mix,
    Note,
    Section,
    Track,
)
from composer.arrangement.style import Style, load_style, style_names, with_swing

__all__ = [
    "PPQ",
    "STEP_TICKS",
    "Arrangement",
    "ArrangementError",
    "ChordSpan",
    "Mix",
    "Note",
    "Section",
    "Style",
    "Track",
    "arrange",
    "load_style",
    "louder",
    "style_names",
    "with_swing",
]
