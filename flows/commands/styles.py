"""``triad styles``: what music can be asked for, and what is known of each model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

from flows.commands.common import json_option, show

_COLUMNS = ("style", "from", "corpus", "pieces", "licence", "MB", "seed", "overlap", "real", "reward", "prior")
_FIGURES = {
    "overlap": "agents/overlap",
    "real": "real_against_real/overlap",
    "reward": "agents/reward",
    "prior": "prior/reward",
}


@click.command()
@json_option
def styles(as_json: bool) -> None:
    """List the styles of music: those that come with Triad and those trained here, the newest first."""
    from flows.home import Home
    from flows.styles import own_models, shipped_models

    found = [*shipped_models(), *own_models(Home.here())]
    told = [
        {
            "style": model.style,
            "from": "Triad" if model.shipped else "here",
            "corpus": model.provenance.get("corpus_source"),
            "pieces": model.provenance.get("corpus_pieces"),
            "licence": model.card.get("licence"),
            "MB": round(model.megabytes, 1),
            "seed": model.provenance.get("seed"),
            **{name: model.card.get("figures", {}).get(figure) for name, figure in _FIGURES.items()},
            "folder": str(model.folder),
        }
        for model in found
    ]
    none = ["no style yet: 'triad train' learns one from the music that comes with Triad, --corpus DIR from yours"]
    explained = [
        "",
        "overlap: of feature distributions with real music, 0..1 (real: real music with itself); reward a bar: 0 as "
        "real music (prior: the style alone). 'triad compose --style NAME' takes the newest trained here, else "
        "Triad's.",
    ]
    show({"styles": told}, [*aligned(_COLUMNS, told), *explained] if told else none, as_json)


def aligned(columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """A table for the terminal: a line of column names and one for each row."""
    cells = [tuple(columns), *(tuple(_shown(row[name]) for name in columns) for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(columns))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]


def _shown(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:.2f}" if isinstance(value, float) and abs(value) < 100 else str(value)
