"""The error this room raises where a file cannot be written or read."""

from __future__ import annotations

from composer.errors import TriadError


class ExportError(TriadError):
    """An output path, or an input such as the audio of a listening page, that cannot be used."""
