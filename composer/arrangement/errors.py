"""The error this room raises for a piece or a style it cannot arrange."""

from __future__ import annotations

from composer.errors import TriadError


class ArrangementError(TriadError):
    """An unknown or broken style, or a piece outside what an arrangement can hold."""
