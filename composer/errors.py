"""The one base of all errors a user can mend. Standard library only, so the command line loads it at once."""

from __future__ import annotations


class TriadError(ValueError):
    """Bad input: the message is one line that names the thing, what was expected and the remedy."""
