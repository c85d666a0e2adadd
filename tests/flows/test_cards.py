"""Model cards: made from data, read by people and by model hubs."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from flows.cards import Card, write_card
from flows.composing import Model

CARD = Card(
    data="Sixteen little tunes: none of them is old.",
    figures={
        "agents/overlap": 0.71234,
        "prior/overlap": 0.6,
        "real_against_real/overlap": 0.8,
        "agents/reward": -1.5,
    },
    verdict="the agents do well",
    judged=20,
    kept_out="2 pieces, a tenth",
    licence="CC0",
    model_licence="mit",
    attribution='nobody: "quoted" & <odd>',
    learned={"4/4": 100, "3/4": 4},
    real=7,
    copying={"pieces/longest": 9.0, "real/longest": 11.0},
    farthest=[("melody/leaps", 0.25, 1.5, 3.0)],
    limits=["it is only a test"],
)


@pytest.fixture
def description(trained: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((trained / "models" / "tunes" / "model" / "model.json").read_text())
    return found


def test_the_head_is_yaml_that_hubs_read(description: dict[str, Any]) -> None:
    _, head, _ = CARD.markdown(description).split("---\n", 2)
    told = yaml.safe_load(head)
    assert (told["license"], told["library_name"]) == ("mit", "triad")
    assert "tunes" in told["tags"]
    (index,) = told["model-index"]
    metrics = index["results"][0]["metrics"]
    assert [(metric["name"], metric["value"]) for metric in metrics] == [
        ("agents/overlap", 0.7123),
        ("agents/reward", -1.5),
    ]


def test_the_card_says_data_licence_seed_figures_and_limits(description: dict[str, Any]) -> None:
    text = CARD.markdown(description)
    for said in (
        "Sixteen little tunes",
        "licence of the data: CC0",
        'attribution: nobody: "quoted" & <odd>',
        "learned from 104 pieces: 100 in 4/4, 4 in 3/4",
        "kept out of training, to judge by: 2 pieces, a tenth",
        f"digest {description['provenance']['corpus_digest']}",
        "none of its notes",
        "seed 1,",
        "chord.hidden 8, chord.batch_size 32",
        "steps 600",
        "20 pieces of 4 bars of each set against 7 excerpts of kept-out music; the agents do well.",
        "| figure | agents | prior | real against real |",
        "| overlap | 0.7123 | 0.6 | 0.8 |",
        "| reward | -1.5 |  |  |",
        "| longest | 9 | 11 |",
        "few pieces to learn from in 3/4",
        "heard nothing in 2/4, 6/8, 9/8, 12/8",
        "overlap with real music's by 0.712; real music overlaps with itself by 0.800",
        "far from real music: melody/leaps, overlap 0.25 (mean 1.5, real music 3)",
        "it is only a test",
    ):
        assert said in text, said


def test_what_is_not_known_is_left_out(description: dict[str, Any]) -> None:
    text = Card(data="Tunes.", figures={"agents/overlap": 0.5}, verdict="Fair", judged=2).markdown(description)
    assert "licence of the data: not stated" in text
    assert "## Copying" not in text
    assert "pieces:" not in text
    assert "heard nothing" not in text
    assert "real music overlaps with itself" not in text


def test_a_card_beside_its_model_is_made_from_its_data(trained: Path, tmp_path: Path) -> None:
    Model.load(trained / "models" / "tunes" / "model").trio.save(tmp_path)  # type: ignore[union-attr]
    write_card(tmp_path, CARD)
    kept = Card.from_json(json.loads((tmp_path / "card.json").read_text()))
    assert kept.to_json() == CARD.to_json()
    assert kept.markdown(json.loads((tmp_path / "model.json").read_text())) == (tmp_path / "CARD.md").read_text()
    write_card(tmp_path, replace(CARD, verdict="the agents do badly"))
    assert "do badly" in (tmp_path / "CARD.md").read_text()
