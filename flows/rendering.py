"""MIDI files to recordings, several at once: each in a process of its own, so that one cannot take others with it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from composer.errors import TriadError
from composer.render import Render, Tags, render
from flows.errors import FlowError


@dataclass(frozen=True, slots=True)
class Order:
    """One file to render; ``outputs`` are the same recording in one or more formats."""

    midi: Path
    outputs: tuple[Path, ...]
    soundfont: Path | None = None
    encoding: str | None = None
    loudness: float | None = None
    stems: Path | None = None


def fill(order: Order) -> Render:
    """Render one file.

    Raises:
        RenderError: if it cannot be rendered or written.
    """
    return render(
        order.midi,
        order.outputs[0],
        also=order.outputs[1:],
        soundfont=order.soundfont,
        encoding=order.encoding,
        loudness=order.loudness,
        stems=order.stems,
        tags=tags_beside(order.midi),
    )


def fill_all(
    orders: Sequence[Order], jobs: int, progress: Callable[[int, int], None] | None = None
) -> list[Render | TriadError]:
    """Render many files, ``jobs`` at a time; in the order asked for, each its report or what was wrong with it."""
    done: dict[int, Render | TriadError] = {}
    with ProcessPoolExecutor(min(jobs, len(orders)), mp_context=get_context("spawn")) as pool:
        asked = {pool.submit(fill, order): number for number, order in enumerate(orders)}
        for future in as_completed(asked):
            number = asked[future]
            try:
                done[number] = future.result()
            except TriadError as error:
                done[number] = error
            except BrokenProcessPool:
                done[number] = FlowError(f"{orders[number].midi}: its process died; render it alone to see why")
            if progress is not None:
                progress(len(done), len(orders))
    return [done[number] for number in range(len(orders))]


def tags_beside(midi: Path) -> Tags | None:
    """Seed and model from the JSON file that ``triad compose`` wrote beside a piece, if this is still that piece."""
    try:
        piece = json.loads(midi.with_suffix(".json").read_text(encoding="utf-8"))
        if piece["midi_sha256"] == hashlib.sha256(midi.read_bytes()).hexdigest():
            return piece_tags(piece)
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return None


def piece_tags(piece: dict[str, Any]) -> Tags:
    """The tags of a composed piece, from the content of its JSON file."""
    return Tags(
        title=piece["title"],
        key=piece["key"],
        seed=piece["request"]["seed"],
        # What was only arranged has no model.
        model=f"{piece['style']} {piece['model']['digest']}" if "model" in piece else None,
    )
