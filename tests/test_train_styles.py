"""The script that makes the models that ship: read, train, pack, judge, describe."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from composer.corpus import Corpus, bundled_corpus
from composer.errors import TriadError
from flows.composing import Model
from flows.home import Home
from flows.judging import figures, judge_models
from flows.styles import shipped_models
from scripts.train_styles import Recipe, build, music, recipes
from tests.flows.conftest import SETTINGS, write_tune

TINY = Recipe(
    minutes=1,
    seed=3,
    settings={**SETTINGS, "steps": 200},
    data="Tunes of the tests.",
    licence="CC0",
    attribution="the tests",
    held_out=("*1.mid",),
    limits=("far too small",),
)


@pytest.fixture(scope="module")
def tunes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("music") / "tunes"
    folder.mkdir()
    for number in range(12):
        write_tune(folder / f"{number:02}.mid", number, bars=8 + 2 * number)
    return folder


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory, tunes: Path) -> Path:
    place = tmp_path_factory.mktemp("shelf")
    build("tiny", TINY, tunes, work=place / "work", shelf=place / "models", count=3)
    return place


def test_every_style_has_a_recipe_and_bundled_music_is_there() -> None:
    found = recipes()
    assert set(found) == {"chorale", "folk", "pop", "standards"}
    for recipe in found.values():
        if recipe.bundled is not None:
            assert bundled_corpus(recipe.bundled).is_dir()


def test_what_is_kept_out_of_pop_are_songs_601_to_700() -> None:
    from fnmatch import fnmatchcase

    names = [f"{song:03}/{song:03}.mid" for song in range(1, 910)]
    kept = [name for name in names if any(fnmatchcase(name, pattern) for pattern in recipes()["pop"].held_out)]
    assert kept == names[600:700]


def test_the_pieces_named_are_kept_out_and_the_rest_is_learned(tunes: Path, tmp_path: Path) -> None:
    learned, apart = music("tiny", TINY, tunes, Home(tmp_path))
    assert apart is not None
    assert Corpus.load(Path(apart.path)).names == ("01.mid", "11.mid")
    assert (learned.pieces, learned.style, Path(learned.source)) == (10, "tiny", tunes)
    whole, none = music("tiny", TINY.model_copy(update={"held_out": ()}), tunes, Home(tmp_path))
    assert (whole.pieces, none) == (12, None)
    inside, tenth = music("tiny", TINY.model_copy(update={"held_out": (), "metres": ("4/4",)}), tunes, Home(tmp_path))
    assert tenth is not None
    assert inside.pieces + tenth.pieces == 12
    with pytest.raises(TriadError, match="0 of 12 pieces"):
        music("tiny", TINY.model_copy(update={"held_out": ("song*",)}), tunes, Home(tmp_path))
    with pytest.raises(TriadError, match="no piece in 3/4"):
        music("tiny", TINY.model_copy(update={"metres": ("3/4",)}), tunes, Home(tmp_path))


def test_what_ships_is_a_packed_model_with_its_card(shelf: Path, tunes: Path) -> None:
    folder = shelf / "models" / "tiny"
    tensors = next(folder.glob("model-*.safetensors"))
    assert {path.name for path in folder.iterdir()} == {"model.json", tensors.name, "card.json", "CARD.md"}
    model, learned = Model.load(folder), Model.load(shelf / "work" / "tiny" / "model")
    assert (
        tensors.stat().st_size < 0.6 * next((shelf / "work" / "tiny" / "model").glob("*.safetensors")).stat().st_size
    )
    assert model.provenance == learned.provenance
    assert (model.style, model.provenance["corpus_source"]) == ("tiny", "tunes")
    assert "held_out_digest" in model.provenance
    card, text = json.loads((folder / "card.json").read_text()), (folder / "CARD.md").read_text()
    assert (card["licence"], card["learned"], card["judged"]) == ("CC0", {"4/4": 10}, 3)
    assert card["kept_out"] == "2 pieces, those named like *1.mid"
    assert {f"{name}/longest" for name in ("pieces", "real")} <= set(card["copying"])
    assert "agents/overlap" in card["figures"]
    assert "far too small" in text
    assert str(tunes.parent) not in text + (folder / "card.json").read_text() + (folder / "model.json").read_text()


def test_the_card_has_the_figures_of_the_packed_model(shelf: Path) -> None:
    model = Model.load(shelf / "models" / "tiny")
    home = Home(shelf / "work")
    report, _ = judge_models(
        [model],
        home,
        corpus=home.corpora / "tiny-training.safetensors",
        held_out=home.corpora / "tiny-held-out.safetensors",
        count=3,
        seed=TINY.seed,
    )
    card = json.loads((shelf / "models" / "tiny" / "card.json").read_text())
    assert card["figures"] == figures(report.comparison)


@pytest.mark.parametrize("fresh", [False, True])
def test_made_again_it_is_the_same(shelf: Path, tunes: Path, fresh: bool) -> None:
    folder = shelf / "models" / "tiny"
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    again = build("tiny", TINY, tunes, work=shelf / "work", shelf=shelf / "models", count=3, fresh=fresh)
    assert again == folder
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert [path.name for path in (shelf / "models").iterdir()] == ["tiny"]


def test_what_may_not_be_copied_and_is_does_not_ship(
    shelf: Path, tunes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = {"pieces/longest": 20.0, "real/longest": 19.0}
    monkeypatch.setattr("scripts.train_styles.copied", lambda *_: runs)
    guarded = TINY.model_copy(update={"may_be_copied": False})
    kept = (shelf / "models" / "tiny" / "CARD.md").read_text()
    with pytest.raises(TriadError, match="20 notes in a row"):
        build("tiny", guarded, tunes, work=shelf / "work", shelf=shelf / "models", count=3)
    assert (shelf / "models" / "tiny" / "CARD.md").read_text() == kept
    runs["real/longest"] = 20.0
    build("tiny", guarded, tunes, work=shelf / "work", shelf=shelf / "models", count=3)


def test_music_that_does_not_ship_must_be_given(tmp_path: Path) -> None:
    with pytest.raises(TriadError, match="--corpus"):
        build("pop", recipes()["pop"], None, work=tmp_path, shelf=tmp_path, count=2)


def test_a_made_model_is_found_as_a_style(shelf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flows.styles.SHIPPED", shelf / "models")
    (model,) = shipped_models()
    assert (model.style, model.card["attribution"]) == ("tiny", "the tests")
