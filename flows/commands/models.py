"""``triad models`` lists the registered versions; ``triad rollback`` gives the place back to the champion before."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import click

from flows.commands.common import json_option, show
from flows.commands.styles import aligned

_COLUMNS = ("model", "version", "aliases", "made", "gate", "gain", "interval", "corpus", "commit", "seed")


@click.command()
@click.argument("style", required=False)
@json_option
def models(style: str | None, as_json: bool) -> None:
    """List the registered models of STYLE, or of all styles: who is the champion, and what the gate said."""
    from flows.home import Home
    from flows.registry import model_name, versions
    from flows.tracking import Tracker

    found = versions(Tracker(Home.here()), model_name(style) if style else None)
    none = ["no registered model yet: 'triad retrain' makes one"]
    show({"versions": found}, aligned(_COLUMNS, [_row(version) for version in found]) if found else none, as_json)


@click.command()
@click.argument("style")
@json_option
def rollback(style: str, as_json: bool) -> None:
    """Make the former champion of STYLE the champion again; a second rollback undoes the first."""
    from flows.home import Home
    from flows.registry import model_name
    from flows.registry import rollback as roll_back
    from flows.tracking import Tracker

    name = model_name(style)
    before, now = roll_back(Tracker(Home.here()), name)
    told = {"model": name, "champion_before": before, "champion": now}
    show(told, [f"{name}: version {now} is the champion again, version {before} is not any more"], as_json)


def _row(version: dict[str, Any]) -> dict[str, object]:
    tags = version["tags"]
    ends = [tags.get(f"gate_{end}") for end in ("low", "high")]
    return {
        "model": version["name"],
        "version": version["version"],
        "aliases": ", ".join(version["aliases"]) or None,
        "made": datetime.fromtimestamp(version["created"] / 1000, UTC).strftime("%Y-%m-%d %H:%M"),
        "gate": tags.get("gate"),
        "gain": tags.get("gate_gain"),
        "interval": f"[{ends[0]}, {ends[1]}]" if all(ends) else None,
        "corpus": tags.get("corpus_digest"),
        "commit": (tags.get("commit") or "")[:8] or None,
        "seed": tags.get("seed"),
    }
