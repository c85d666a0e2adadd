from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from agents.config import TrainConfig
from agents.trio import Trio
from composer.corpus import Corpus
from composer.evaluation.rl_tuner import ROWS
from flows.composing import Model
from flows.errors import FlowError
from flows.home import Home
from flows.music import music_of
from flows.rl_tuner import THEORY_DIAL, compare_with_rl_tuner, learn_rules, rules_folder, tuner_config, two_bars
from tests.flows.conftest import SETTINGS


@pytest.fixture
def model(trained: Path) -> Model:
    return Model.load(trained / "models" / "tunes" / "model")


def test_real_music_is_cut_into_pieces_of_two_bars(model: Model, trained: Path) -> None:
    music = music_of(model, Home(trained))
    cut = two_bars(music.held_out)
    assert cut.scores.bars.tolist() == [2] * len(cut)
    assert len(cut) == sum(bars // 2 for bars in music.held_out.scores.bars.tolist())
    assert cut.names[0] == f"{music.held_out.names[0]}, excerpt 1"
    # The first two bars of the first piece.
    assert torch.equal(cut.scores.pitch[0], music.held_out.scores.pitch[0, :32])


def test_music_in_minor_or_in_three_has_no_such_melodies(model: Model, trained: Path) -> None:
    corpus = music_of(model, Home(trained)).held_out
    minor = Corpus.of(type(corpus.scores)(*(
        torch.ones_like(corpus.scores.mode) if name == "mode" else getattr(corpus.scores, name)
        for name in corpus.scores.__dataclass_fields__
    )), corpus.meta)  # fmt: skip
    with pytest.raises(FlowError, match="4/4 in major"):
        two_bars(minor)


def test_the_trio_of_the_rules_is_trained_once_and_compared(model: Model, trained: Path, tmp_path: Path) -> None:
    music = music_of(model, Home(trained))
    small = {**SETTINGS, "bars": 2, "seed": 1, "steps": 200}
    config = TrainConfig.from_json(small)
    shares = []
    excerpts = two_bars(music.training)
    trio = learn_rules(model, excerpts, config, tmp_path, lambda share, detail: shares.append(share))
    assert shares[-1] == 1.0
    assert trio.provenance["rules"] == "RL Tuner"
    again = learn_rules(model, excerpts, config, tmp_path)
    assert [agent.temperature for agent in again.agents] == [agent.temperature for agent in trio.agents]
    kept = Trio.load(tmp_path / "model")
    assert [agent.temperature for agent in kept.agents] == [agent.temperature for agent in trio.agents]

    table = compare_with_rl_tuner(model, trio, two_bars(music.held_out), count=12, seed=3)
    found = json.loads(json.dumps(table.to_json()))
    assert found["melodies"] == 12
    for definition in found["definitions"].values():
        columns = definition["columns"]
        assert list(columns) == [
            *("Note RNN", "RL Tuner", "real music", "tunes, dial 1", "rules, dial 1", f"rules, dial {THEORY_DIAL:g}")
        ]
        assert columns["real music"]["distance"] == 0.0
        assert 0 <= columns["rules, dial 20"]["reached"] <= len(ROWS)
        assert set(definition) == {"columns", "halves"}
    assert (
        table.markdown() == compare_with_rl_tuner(model, trio, two_bars(music.held_out), count=12, seed=3).markdown()
    )
    assert "| rows reached of 11 | – | – | – |" in table.markdown()


def test_the_trio_of_the_rules_is_none_of_the_models_that_pieces_are_asked_of(
    model: Model, trained: Path, tmp_path: Path
) -> None:
    home = Home(tmp_path)
    music = music_of(model, Home(trained))
    folder = rules_folder(model, music, tuner_config(1), home.root)
    assert not folder.is_relative_to(home.models)
    assert folder != rules_folder(model, music, tuner_config(2), home.root)
