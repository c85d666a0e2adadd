"""The public-domain music that ships with Triad: one folder of plain MIDI files for each style."""

from __future__ import annotations

from pathlib import Path

from composer.corpus.errors import CorpusError

_FOLDER = Path(__file__).parent / "bundled"


def bundled_styles() -> tuple[str, ...]:
    """The styles that ship, by name."""
    return tuple(sorted(path.name for path in _FOLDER.iterdir() if path.is_dir()))


def bundled_corpus(name: str | None = None) -> Path:
    """The folder of a bundled style, or of all of them.

    Raises:
        CorpusError: if no style has that name.
    """
    if name is None:
        return _FOLDER
    if name not in bundled_styles():
        raise CorpusError(f"unknown style {name!r}: choose one of {', '.join(bundled_styles())}, or name a folder")
    return _FOLDER / name
