"""Which bundled music is learned from unless told otherwise, and how a style is arranged. Standard library only."""

from __future__ import annotations

import re
from pathlib import Path

DEFAULT_STYLE = "folk"
DEFAULT_MINUTES = 3.0
FALLBACK_ARRANGEMENT = "pop"
_COMPOSER = Path(__file__).parent.parent / "composer"
_ARRANGEMENTS_FOLDER = _COMPOSER / "arrangement" / "styles"
_BUNDLED_FOLDER = _COMPOSER / "corpus" / "bundled"


def arrangement_for(style: str) -> str:
    """The arrangement a style of music is given: the one of its name, or pop."""
    return style if (_ARRANGEMENTS_FOLDER / f"{style}.toml").is_file() else FALLBACK_ARRANGEMENT


def style_of_folder(folder: Path) -> str:
    """A style's name from a folder's: lower case letters, digits and hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", folder.resolve().stem.lower()).strip("-") or "corpus"


def bundled_styles() -> tuple[str, ...]:
    """The music that comes with Triad, by name."""
    return tuple(sorted(path.name for path in _BUNDLED_FOLDER.iterdir() if path.is_dir()))
