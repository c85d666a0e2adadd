"""The one error this room raises for input or a machine it cannot render with."""

from __future__ import annotations

from composer.errors import TriadError


class RenderError(TriadError):
    """A MIDI file, SoundFont, library or output path that cannot be used; the message says what to do."""
