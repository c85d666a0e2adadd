"""Styles of music: which are there, where their models lie, how they are arranged. Standard library only.

A style is a name for music, such as ``folk``. It has a corpus where its music comes with Triad, a model where one
comes with Triad or was trained here, and an arrangement: the one of its name, or pop.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from flows.errors import FlowError
from flows.home import MODEL_FILE, Home, read_object

DEFAULT_STYLE = "folk"
DEFAULT_MINUTES = 3.0
FALLBACK_ARRANGEMENT = "pop"
CARD_FILE = "card.json"
_PACKAGES = Path(__file__).parent.parent
SHIPPED = _PACKAGES / "agents" / "models"
_ARRANGEMENTS_FOLDER = _PACKAGES / "composer" / "arrangement" / "styles"
_BUNDLED_FOLDER = _PACKAGES / "composer" / "corpus" / "bundled"
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


@dataclass(frozen=True)
class StyleModel:
    """A model of a style.

    Attributes:
        style: the name of the music it learned.
        folder: where it lies.
        shipped: whether it comes with Triad; else it was trained here.
    """

    style: str
    folder: Path
    shipped: bool

    @property
    def source(self) -> str:
        """What it is called where a piece says who wrote it."""
        return "the model that comes with Triad" if self.shipped else str(self.folder)

    @cached_property
    def description(self) -> dict[str, Any]:
        """What its files say of it; empty where they are damaged."""
        return read_object(self.folder / MODEL_FILE)

    @property
    def provenance(self) -> dict[str, Any]:
        """What was written down about its training."""
        found = self.description.get("provenance")
        return found if isinstance(found, dict) else {}

    @cached_property
    def card(self) -> dict[str, Any]:
        """The facts of its model card (:mod:`flows.cards`); empty where it was not judged since it last learned."""
        found = read_object(self.folder / CARD_FILE)
        return found if found.get("model") == self.description.get("sha256") else {}

    @property
    def megabytes(self) -> float:
        """What its files take on disk, in 10^6 bytes."""
        return sum(path.stat().st_size for path in self.folder.iterdir() if path.is_file()) / 1e6


def shipped_models() -> list[StyleModel]:
    """The models that come with Triad, by style."""
    found = (path.parent for path in sorted(SHIPPED.glob(f"*/{MODEL_FILE}")))
    return [StyleModel(folder.name, folder, shipped=True) for folder in found]


def own_models(home: Home) -> Iterator[StyleModel]:
    """The models trained here, the one finished last first."""
    for folder in home.finished_models():
        provenance = StyleModel("", folder, shipped=False).provenance
        yield StyleModel(str(provenance.get("style", "unnamed")), folder, shipped=False)


def model_of_style(style: str, home: Home) -> StyleModel:
    """The model of a style: the one trained here last, else the one that comes with Triad.

    Raises:
        FlowError: if there is none; the message lists the styles there are.
    """
    shipped = shipped_models()
    own = list(own_models(home))
    for model in (*own, *shipped):
        if model.style == style:
            return model
    raise FlowError(
        f"unknown style {style!r}: with Triad {_listed(shipped)}, trained here {_listed(own)}; "
        f"'triad train --style {style} --corpus DIR' adds it"
    )


def model_unless_named(home: Home) -> StyleModel:
    """The model of whoever names none: the one trained here last, else one that comes with Triad.

    Raises:
        FlowError: if there is none at all.
    """
    shipped = {model.style: model for model in shipped_models()}
    found = next(own_models(home), None) or shipped.get(DEFAULT_STYLE) or next(iter(shipped.values()), None)
    if found is None:
        raise FlowError(
            f"no model yet in {home.models}: run 'triad train' or 'triad pipeline' first, name a model's folder, "
            "or compose with --policy random, which needs none"
        )
    return found


def check_style_name(style: str) -> None:
    """See that a name can be a style's: it names folders and registered models.

    Raises:
        FlowError: if it cannot.
    """
    if not _NAME.fullmatch(style):
        raise FlowError(
            f"style {style!r}: a style is named in lower-case letters, digits and single hyphens, such as "
            f"{style_name(style)!r}"
        )


def style_name(text: str) -> str:
    """A style's name from any words: lower-case letters, digits and hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "corpus"


def style_of_folder(folder: Path) -> str:
    """A style's name from a folder's or a corpus file's."""
    return style_name(folder.resolve().stem)


def arrangement_for(style: str) -> str:
    """The arrangement a style of music is given: the one of its name, or pop."""
    return style if style in arrangements() else FALLBACK_ARRANGEMENT


def arrangements() -> tuple[str, ...]:
    """The arrangements that come with Triad, by name."""
    return tuple(sorted(path.stem for path in _ARRANGEMENTS_FOLDER.glob("*.toml")))


def bundled_styles() -> tuple[str, ...]:
    """The styles whose music comes with Triad, by name."""
    return tuple(sorted(path.name for path in _BUNDLED_FOLDER.iterdir() if path.is_dir()))


def _listed(models: list[StyleModel]) -> str:
    return ", ".join(sorted({model.style for model in models})) or "none"
