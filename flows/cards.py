"""Model cards: what a model learned from, how, how well it does and where it falls short, as Markdown made from data.

Two files lie beside a model: ``card.json`` holds what the model's own description does not say, such as the licence
and the figures, and ``CARD.md`` is written from the two. Its head is the YAML block that model hubs read.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from agents.config import TrainConfig
from composer.theory import METERS
from flows.files import write_text
from flows.home import MODEL_FILE, read_object
from flows.styles import CARD_FILE

TEXT_FILE = "CARD.md"
NOT_STATED = "not stated"


@dataclass(frozen=True, slots=True)
class Card:
    """What a model card says beside the model's own description.

    Attributes:
        data: what music it learned from, in words.
        figures: of the evaluation, by ``<set>/<figure>`` (:func:`flows.judging.figures`).
        verdict: of the evaluation, one line.
        judged: pieces of each set that were judged.
        kept_out: how the music it was judged by was kept out of training.
        licence: of the data.
        model_licence: of the model, as model hubs name it.
        attribution: who made the data.
        learned: number of pieces it learned from, by metre.
        real: number of excerpts of kept-out music it was judged by.
        copying: longest run of notes that a piece shares with the training music, by figure; see :meth:`markdown`.
        farthest: features farthest from real music: name, overlap, mean here, mean of real music.
        limits: further limits, a sentence each.
    """

    data: str
    figures: Mapping[str, float]
    verdict: str
    judged: int
    kept_out: str = "a tenth of the pieces, chosen by their names"
    licence: str = NOT_STATED
    model_licence: str = "unknown"
    attribution: str = NOT_STATED
    learned: Mapping[str, int] = field(default_factory=dict)
    real: int | None = None
    copying: Mapping[str, float] = field(default_factory=dict)
    farthest: Sequence[tuple[str, float, float, float]] = ()
    limits: Sequence[str] = ()

    def to_json(self) -> dict[str, Any]:
        """A JSON object; :meth:`from_json` reads it back."""
        return {**asdict(self), "farthest": [list(row) for row in self.farthest], "limits": list(self.limits)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The card a JSON object describes."""
        rows = tuple((str(name), float(a), float(b), float(c)) for name, a, b, c in data["farthest"])
        own = {name: value for name, value in data.items() if name != "model"}
        return cls(**{**own, "farthest": rows, "limits": tuple(data["limits"])})

    def markdown(self, model: Mapping[str, Any]) -> str:
        """The card of the model that ``model`` describes (:meth:`agents.trio.Trio.describe`).

        ``copying`` is shown as a table of the figures ``<set>/<figure>``, sets being ``pieces`` and ``real``.
        """
        known: Mapping[str, Any] = model["provenance"]
        style = known["style"]
        return "\n".join(
            [
                *self._head(style, known),
                f"# {str(style).capitalize()}\n",
                "Three soft DQN agents that write one score (chords, rhythm, melody), held to priors learned from "
                "the data below.\n",
                f"    triad compose --style {style} -o pieces\n",
                "## Data\n",
                f"{self.data}\n",
                *_items(self._data(known)),
                "## Training\n",
                *_items(_training(model)),
                "## Figures\n",
                f"{self.judged} pieces of {model['config']['bars']} bars of each set"
                + (f" against {self.real} excerpts of kept-out music" if self.real else "")
                + f"; {self.verdict}.\n",
                *_table(self.figures, "figure"),
                *(["## Copying\n", _COPYING, *_table(self.copying, "notes")] if self.copying else []),
                "## Limits\n",
                *_items(self._limits(model)),
            ]
        )

    def _head(self, style: str, known: Mapping[str, Any]) -> Iterator[str]:
        results = [
            {"name": name, "type": name.replace("/", "_"), "value": round(value, 4)}
            for name, value in self.figures.items()
            if name.startswith("agents/")
        ]
        evaluated = {
            "task": {"type": "symbolic-music-generation"},
            "dataset": {"name": known["corpus_source"], "type": style},
            "metrics": results,
        }
        entries = {
            "license": self.model_licence,
            "library_name": "triad",
            "tags": ["music", "symbolic-music", "reinforcement-learning", "soft-dqn", style],
            "model-index": [{"name": f"triad-{style}", "results": [evaluated]}],
        }
        # What JSON writes is YAML too.
        yield "---"
        yield from (f"{name}: {json.dumps(value)}" for name, value in entries.items())
        yield "---\n"

    def _data(self, known: Mapping[str, Any]) -> Iterator[str]:
        yield f"licence of the data: {self.licence}"
        yield f"attribution: {self.attribution}"
        if self.learned:
            metres = ", ".join(f"{count} in {metre}" for metre, count in self.learned.items())
            yield f"learned from {sum(self.learned.values())} pieces: {metres}"
        yield f"kept out of training, to judge by: {self.kept_out}"
        yield f"corpus {known['corpus_source']}, digest {known['corpus_digest']}" + (
            f"; kept-out music {known['held_out_source']}, digest {known['held_out_digest']}"
            if "held_out_digest" in known
            else ""
        )
        yield (
            "what the model keeps of it: weights, a vocabulary of chords, rhythm cells and a pitch range, "
            "distributions of its features, and plans of form (section letters, which bar recalls which, cadences); "
            "none of its notes"
        )

    def _limits(self, model: Mapping[str, Any]) -> Iterator[str]:
        yield f"one training seed ({model['config']['seed']}): how the figures spread over seeds is not said here"
        yield f"trained on excerpts of {model['config']['bars']} bars; longer pieces were not judged"
        few = [metre for metre, count in self.learned.items() if count < _FEW_PIECES]
        if few:
            yield f"few pieces to learn from in {', '.join(few)}"
        unheard = [metre.name for metre in METERS if metre.name not in self.learned]
        if self.learned and unheard:
            yield f"heard nothing in {', '.join(unheard)}: it knows at most beats of that length from other metres"
        overlaps = [self.figures.get(f"{name}/overlap") for name in ("agents", "real_against_real")]
        if overlaps[0] is not None and overlaps[1] is not None:
            yield (
                f"its features overlap with real music's by {overlaps[0]:.3f}; real music overlaps with itself by "
                f"{overlaps[1]:.3f}"
            )
        for name, overlap, here, real in self.farthest:
            yield f"far from real music: {name}, overlap {overlap:.2f} (mean {here:.3g}, real music {real:.3g})"
        yield from self.limits


_FEW_PIECES = 30
_COPYING = (
    "Longest run of notes that stands in a training piece, in any key (notes are alike that have the interval to the "
    "note before and the time to the next in common); real: excerpts of kept-out music, measured alike.\n"
)


def write_card(folder: Path, card: Card) -> None:
    """Write ``card.json``, which names the weights it speaks of, and ``CARD.md`` beside the model in ``folder``."""
    model = read_object(folder / MODEL_FILE)
    write_text(folder / CARD_FILE, json.dumps({"model": model["sha256"], **card.to_json()}, indent=1) + "\n")
    write_text(folder / TEXT_FILE, card.markdown(model))


def _training(model: Mapping[str, Any]) -> Iterator[str]:
    known: Mapping[str, Any] = model["provenance"]
    words: Mapping[str, Any] = model["vocabulary"]
    yield f"seed {model['config']['seed']}, {known['iterations']} iterations, {known['steps']} decisions"
    settings = ", ".join(_differing(model["config"], TrainConfig().to_json()))
    yield f"settings other than the defaults: {settings or 'none'}"
    yield (
        f"vocabulary {model['vocabulary_digest']}: {len(words['chords'])} chords, "
        f"{len(words['cells'])} rhythm cells, {words['high'] - words['low'] + 1} pitches"
    )
    clean = "" if known.get("clean") else ", with changes not committed"
    yield f"Triad {known['version']}, commit {known['commit'] or 'unknown'}{clean}; torch {known['torch']}"


def _differing(settings: Mapping[str, Any], defaults: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """Each setting that is not as in ``defaults``, as ``name value``; the seed is told elsewhere."""
    for name, value in settings.items():
        usual = defaults.get(name)
        if isinstance(value, Mapping) and isinstance(usual, Mapping) and usual:
            yield from _differing(value, usual, f"{prefix}{name}.")
        elif value != usual and name != "seed":
            yield f"{prefix}{name} {json.dumps(value)}"


def _table(values: Mapping[str, float], title: str) -> Iterator[str]:
    """A Markdown table of figures named ``<set>/<figure>``: a row for each figure, a column for each set."""
    rows: dict[str, dict[str, float]] = {}
    for name, value in values.items():
        group, _, figure = name.partition("/")
        rows.setdefault(figure, {})[group] = value
    columns = dict.fromkeys(name.partition("/")[0] for name in values)
    yield f"| {' | '.join([title, *(name.replace('_', ' ') for name in columns)])} |"
    yield f"|---|{'---:|' * len(columns)}"
    for figure, row in rows.items():
        cells = [f"{row[name]:.4g}" if name in row else "" for name in columns]
        yield f"| {' | '.join([figure.replace('_', ' '), *cells])} |"
    yield ""


def _items(lines: Iterator[str]) -> Iterator[str]:
    yield from (f"- {line}" for line in lines)
    yield ""
