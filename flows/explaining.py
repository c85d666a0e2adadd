"""A piece explained, on a page: one HTML file that fetches nothing."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

import jinja2

from agents.explaining import Explanation, explain
from composer.export.files import written_whole
from composer.score import Score
from composer.theory import METERS, Key
from composer.vocabulary import AGENTS
from flows.composing import Model
from flows.errors import FlowError
from flows.files import unwritable
from flows.partner import trio_of


def write_explanation(model: Model, score: Score, title: str, output: Path, name: str) -> list[Path]:
    """Explain one piece and write it down as JSON and as a page.

    Args:
        model: whose agents are asked.
        score: one piece.
        title: of the page.
        output: the folder, made if missing.
        name: of the files, without ending.

    Returns:
        the JSON file and the page.

    Raises:
        TriadError: if the agents know no rhythm in the piece's metre, or nothing can be written.
    """
    found = explain(trio_of(model), score)
    data, page = output / f"{name}.json", output / f"{name}.html"
    for path in (data, page):
        if path.is_dir():
            raise FlowError(f"{path} is a folder: move it away or choose another with -o")
    try:
        output.mkdir(parents=True, exist_ok=True)
        with written_whole(data) as draft:
            draft.write_text(json.dumps(found.to_json(), indent=1) + "\n", encoding="utf-8")
        with written_whole(page) as draft:
            draft.write_text(_page(found, score, title, model), encoding="utf-8")
    except OSError as error:
        raise unwritable(output, error) from None
    return [data, page]


def _page(found: Explanation, score: Score, title: str, model: Model) -> str:
    template = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined).from_string(
        files("flows").joinpath("explanation.html").read_text(encoding="utf-8")
    )
    key = Key(int(score.tonic[0]), int(score.mode[0])).name
    meter = METERS[int(score.meter[0])]
    terms = sorted({name for row in found.credit.values() for name in row})
    return template.render(
        title=title,
        subtitle=f"{key}, {meter.name}, {int(score.bars[0])} bars, as the agents of {model.style} see it",
        bar_steps=meter.bar_steps,
        steps=int(score.steps[0]),
        agents=AGENTS,
        credit={name: [found.credit[agent].get(name) for agent in AGENTS] for name in terms},
        totals=[sum(found.credit[agent].values()) for agent in AGENTS],
        # No text in the piece may close the script element it stands in.
        data=json.dumps(found.to_json(), separators=(",", ":")).replace("<", "\\u003c"),
    )
