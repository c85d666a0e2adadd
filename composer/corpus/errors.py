"""What can go wrong while a corpus is read: with the whole of it, or with one file."""

from __future__ import annotations

from composer.errors import TriadError


class CorpusError(TriadError):
    """A folder or corpus file that gives no corpus; one line with the remedy."""


class Unusable(Exception):  # noqa: N818 - it drops one file and carries on: a verdict, not an error
    """Why one file gives no piece.

    Attributes:
        reason: the kind of reason, the same words for all such files, so that they can be counted.
        detail: what was found in this file.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.reason}: {self.detail}"
