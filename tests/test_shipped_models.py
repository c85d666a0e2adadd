"""The models that come with Triad, whichever are there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from composer.corpus import bundled_corpus, read_corpus
from flows.cards import Card
from flows.cli import cli
from flows.composing import Model
from flows.requests import Request
from flows.styles import StyleModel, shipped_models
from scripts.train_styles import recipes

FOUND = shipped_models()
MOST_MEGABYTES = 4.0

every_style = pytest.mark.parametrize("shipped", FOUND, ids=lambda model: model.style)


@pytest.mark.skipif(not FOUND, reason="no model is in agents/models yet")
def test_every_style_of_the_recipes_ships() -> None:
    assert {model.style for model in FOUND} == set(recipes())


@every_style
def test_it_makes_music_where_nothing_was_trained(
    shipped: StyleModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRIAD_HOME", str(tmp_path / "home"))
    done = CliRunner().invoke(
        cli, ["compose", "--style", shipped.style, "--bars", "8", "--format", "mid", "-o", str(tmp_path / "out")]
    )
    assert done.exit_code == 0, done.stderr
    piece = json.loads((tmp_path / "out" / "piece-0-1.json").read_text())
    assert (piece["style"], piece["model"]["source"]) == (shipped.style, "the model that comes with Triad")


@every_style
def test_other_seeds_give_other_pieces(shipped: StyleModel) -> None:
    model = Model.load(shipped.folder)
    pieces = [model.compose(Request(bars=8, seed=seed))[0] for seed in range(3)]
    assert len({piece.pitch.numpy().tobytes() for piece in pieces}) == 3


@every_style
def test_it_is_small_and_says_where_it_comes_from(shipped: StyleModel) -> None:
    assert shipped.megabytes < MOST_MEGABYTES
    known = shipped.provenance
    assert known["style"] == shipped.style
    assert known["commit"]
    assert "/" not in known["corpus_source"] + known["corpus_file"]


@every_style
def test_its_card_is_made_from_its_data(shipped: StyleModel) -> None:
    """Nobody wrote into it by hand, and it speaks of these weights."""
    text = (shipped.folder / "CARD.md").read_text(encoding="utf-8")
    assert Card.from_json(shipped.card).markdown(shipped.description) == text
    head = yaml.safe_load(text.split("---\n")[1])
    assert (head["license"], head["model-index"][0]["name"]) == ("mit", f"triad-{shipped.style}")


@every_style
def test_its_card_says_what_the_recipe_says(shipped: StyleModel) -> None:
    recipe = recipes()[shipped.style]
    card = shipped.card
    said = (card["data"], card["licence"], card["attribution"], card["judged"])
    assert said == (recipe.data, recipe.licence, recipe.attribution, 200)
    assert shipped.provenance["seed"] == recipe.seed
    assert recipe.may_be_copied or card["copying"]["pieces/longest"] <= card["copying"]["real/longest"]


@every_style
def test_its_agents_beat_their_prior_and_chance(shipped: StyleModel) -> None:
    figures = shipped.card["figures"]
    assert figures["agents/reward"] > figures["prior/reward"] > figures["random/reward"]
    assert figures["agents/overlap"] > figures["random/overlap"]
    assert figures["agents/distinct"] == 1.0


@pytest.mark.parametrize(
    "shipped", [model for model in FOUND if recipes()[model.style].bundled], ids=lambda model: model.style
)
def test_it_learned_from_the_music_that_ships(shipped: StyleModel) -> None:
    bundled = recipes()[shipped.style].bundled
    corpus, _ = read_corpus(bundled_corpus(bundled))
    assert shipped.provenance["corpus_digest"] == corpus.digest
