from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from agents.config import TrainConfig
from agents.trio import Trio
from composer.corpus import Corpus
from composer.evaluation.rl_tuner import ROWS
from composer.rewards.rl_tuner import RULES, autocorrelations, events, rule_credits, rule_rewards
from flows.composing import Model
from flows.errors import FlowError
from flows.home import Home
from flows.music import music_of
from flows.rl_tuner import THEORY_DIAL, compare_with_rl_tuner, learn_rules, rules_folder, tuner_config, two_bars
from flows.rules import FARTHEST_MEAN, HALF_STEP_AFTER, MULTIPLIER_RATE, WEIGHT_RANGE, WEIGHT_STEP, RulesJudge
from tests.composer.pieces import piece, random_pieces
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


def test_the_multipliers_grow_by_the_mean_autocorrelation_and_are_kept() -> None:
    score = random_pieces(8, 1, bars=2)
    event = events(score)
    counted = autocorrelations(event).mean(1).clamp(-FARTHEST_MEAN, FARTHEST_MEAN)
    judge, other = RulesJudge(), RulesJudge()
    judge(score)
    assert torch.allclose(judge.tensors()["multipliers"], MULTIPLIER_RATE * counted)
    other.restore(judge.tensors())
    plain = rule_rewards(rule_credits(event), judge.weights)
    second = judge(score).rewards
    assert torch.equal(other(score).rewards, second)
    # What the multipliers take from rhythm and melody lies at the last sixteenth; the chords follow no rule.
    taken = (plain - second)[1:].sum(2)
    assert torch.allclose(taken, (plain - second)[1:, :, -1])
    expected = (MULTIPLIER_RATE * counted[:, None] * autocorrelations(event)).sum(0).float()
    assert torch.allclose(taken[0], expected, atol=1e-5)
    assert float(second[0].abs().sum()) == 0.0


def test_what_falls_short_of_its_goal_pays_more_from_batch_to_batch_and_what_is_beyond_it_less() -> None:
    judge = RulesJudge()
    scale = piece(
        "60 62 64 65 67 69 71 72 71 69 67 65 64 62 60 59 60 62 64 65 67 69 71 72 71 69 67 65 64 62 60 59", "C*8"
    )
    judge(scale)
    first = {name: rule.weight for name, rule in RULES.items()}
    # Always in a motif, in key, from the tonic: beyond the goals. Its highest and lowest notes come twice, and it
    # ends as it began: too often for a rule that asks for a few repeated motifs. It has no leap.
    grown = {name for name, weight in judge.weights.items() if abs(weight) > abs(first[name])}
    shrunk = {name for name, weight in judge.weights.items() if abs(weight) < abs(first[name])}
    assert grown == {"unique maximum", "unique minimum"}
    assert {"in a motif", "in a repeated motif", "not in key", "starts on the tonic"} <= shrunk
    assert "leaps resolved" not in grown | shrunk
    assert "autocorrelation" not in grown | shrunk
    assert judge.weights["unique maximum"] == pytest.approx(first["unique maximum"] * (1 + WEIGHT_STEP))
    judge(scale)
    second = 1 + WEIGHT_STEP / (1 + 1 / HALF_STEP_AFTER)
    assert judge.weights["unique maximum"] == pytest.approx(first["unique maximum"] * (1 + WEIGHT_STEP) * second)
    for _ in range(400):
        judge(scale)
    assert judge.weights["unique maximum"] == pytest.approx(first["unique maximum"] * WEIGHT_RANGE)
    assert judge.weights["not in key"] == pytest.approx(first["not in key"] / WEIGHT_RANGE)
