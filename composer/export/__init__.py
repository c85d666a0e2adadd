"""Export: an arrangement as files: MIDI, a piano-roll picture and a page to listen to.

This room reads arrangements and recordings; it knows no score, no style and no synthesizer.
"""

from composer.export.errors import ExportError
from composer.export.listening_page import write_listening_page
from composer.export.midi import write_midi
from composer.export.piano_roll import write_piano_roll
from composer.export.sound_picture import write_sound_picture

__all__ = ["ExportError", "write_listening_page", "write_midi", "write_piano_roll", "write_sound_picture"]
