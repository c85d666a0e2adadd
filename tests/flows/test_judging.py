"""Models judged together: which go together, what they are judged by, and what is written down."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner

from agents.config import TrainConfig
from agents.trio import Trio
from composer.corpus import Corpus
from composer.evaluation import headline
from composer.vocabulary import AGENTS
from flows import judging, stages
from flows.cli import cli
from flows.composing import Model
from flows.errors import FlowError
from flows.home import Home
from flows.judging import judge_models, variant
from flows.music import draw_conditions
from flows.reports import write_report
from tests.flows.conftest import AGENT, SETTINGS, write_tune


def loaded(folder: Path) -> Model:
    return Model.load(folder / "model")


@pytest.fixture(scope="module")
def judged(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """The home of a model with two more beside it: another seed, and agents that do not see each other."""
    home = Home(tmp_path_factory.mktemp("judged") / "home")
    shutil.copytree(trained, home.root)
    corpus = stages.read_corpus(home_corpus(home), "tunes", home)
    for name, settings in {
        "seed2": {"seed": 2},
        "independent": {"seed": 1, **{agent: {**AGENT, "partners": "hidden"} for agent in AGENTS}},
    }.items():
        config = TrainConfig.from_json({**SETTINGS, "steps": 600, **settings})
        stages.train_model(corpus, config, home.models / name)
    return home


def home_corpus(home: Home) -> Path:
    return home.corpora / str(loaded(home.models / "tunes").provenance["corpus_file"])


def names(*changes: dict[str, Any]) -> str:
    return variant(TrainConfig.from_json(dict(zip(AGENTS, changes, strict=True))))


def test_a_variant_is_named_after_what_was_taken_away() -> None:
    assert variant(TrainConfig()) == variant(TrainConfig(seed=5, bars=8)) == "agents"
    assert names(*[{"prior": "uniform"}] * 3) == "without prior"
    assert names(*[{"partners": "hidden"}] * 3) == "independent"
    assert names({"learns": False}, {"learns": False}, {}) == "frozen partners, melody learns"
    assert names({"partners": "hidden"}, {}, {"prior": "uniform"}) == "melody without prior, chord independent"
    assert names(*[{"partners": "hidden", "learns": False}] * 3) == "independent, frozen partners, nobody learns"


def test_conditions_are_those_of_what_was_learned(judged: Home) -> None:
    scores = Corpus.load(home_corpus(judged)).scores
    drawn = draw_conditions(scores, 50, torch.Generator().manual_seed(0))
    assert len(drawn) == 50
    known = set(zip(scores.meter.tolist(), scores.mode.tolist(), scores.tempo.tolist(), strict=True))
    assert set(zip(drawn.meter.tolist(), drawn.mode.tolist(), drawn.tempo.tolist(), strict=True)) <= known


def test_seeds_are_runs_and_ablations_stand_beside_them(judged: Home, tmp_path: Path) -> None:
    # The ablation is named first and still does not take the agents' place.
    models = [loaded(judged.models / name) for name in ("independent", "tunes", "seed2")]
    report, corpus = judge_models(models, judged, count=6)
    comparison = report.comparison
    assert list(comparison.runs) == [
        *("agents", "independent", "first drafts", "prior", "random", "order-3 Markov"),
        *("training pieces", "shuffled bars", "real against real"),
    ]
    assert [len(runs) for runs in list(comparison.runs.values())[:6]] == [2, 1, 2, 2, 1, 1]
    overlap = comparison.estimate("agents", "overlap")
    assert overlap.low < overlap.mean < overlap.high
    assert comparison.estimate("random", "overlap").low is None
    found = judging.figures(comparison)
    assert found["agents/overlap"] == overlap.mean
    assert found["random/reward"] < found["real_against_real/reward"]
    assert "order-3_Markov/alignment" in found
    assert headline(comparison).startswith("agents meet ")
    assert corpus.digest == models[0].provenance["corpus_digest"]
    files = write_report(report, tmp_path)
    assert {path.suffix for path in files} == {".md", ".html", ".json", ".png"}
    text = (tmp_path / "evaluation.md").read_text()
    assert "agents: 2 model(s), seed 1, 2; independent: 1 model(s), seed 1" in text
    assert "![" in text
    told = json.loads((tmp_path / "evaluation.json").read_text())
    assert told["figures"]["agents"]["overlap"]["mean"] == overlap.mean
    assert {goal["met"] for goal in told["goals"]} <= {True, False, None}
    page = (tmp_path / "evaluation.html").read_text()
    assert page.count("data:image/png;base64,") == 4
    assert 'src="http' not in page


def test_models_that_do_not_go_together(judged: Home, tmp_path: Path) -> None:
    first = loaded(judged.models / "tunes")
    assert first.trio is not None
    with pytest.raises(FlowError, match="are the same model"):
        judge_models([first, first], judged)

    def like(**changes: Any) -> Model:
        trio = replace(first.trio, config=replace(first.trio.config, **changes.pop("config", {})))
        return Model(replace(trio, provenance={**trio.provenance, **changes}), "other", "other")

    with pytest.raises(FlowError, match=r"differs from other models of its kind \(agents\) in steps"):
        judge_models([first, like(config={"steps": 99})], judged)
    with pytest.raises(FlowError, match=r"other was trained with the bars 8, .* with 4"):
        judge_models([first, like(config={"bars": 8})], judged)
    with pytest.raises(FlowError, match="other was trained with the corpus 0123"):
        judge_models([first, like(corpus="0123")], judged)
    with pytest.raises(FlowError, match="no model to judge"):
        judge_models([Model.none()], judged)


def test_other_music_is_refused_as_what_was_learned_from(judged: Home, tmp_path: Path) -> None:
    model = loaded(judged.models / "tunes")
    with pytest.raises(FlowError, match="--corpus"):
        judge_models([model], Home(tmp_path / "elsewhere"))
    with pytest.raises(FlowError, match="other music"):
        judge_models([model], judged, corpus=tunes_in(tmp_path / "other"))


def tunes_in(folder: Path, first: int = 20) -> Path:
    folder.mkdir()
    for number in range(first, first + 4):
        write_tune(folder / f"new-{number}.mid", number)
    return folder


def test_music_of_ones_own_to_judge_by(judged: Home, tmp_path: Path) -> None:
    model = loaded(judged.models / "tunes")
    folder = tunes_in(tmp_path / "held")
    report, _ = judge_models([model], judged, held_out=folder, count=4)
    assert "of 4 pieces kept out of training (held)" in report.about[1]
    with pytest.raises(FlowError, match="learned from"):
        judge_models([model], judged, held_out=home_corpus(judged))
    # A model that learned from all of its corpus names what it kept out.
    digest = stages.read_corpus(folder, None, judged).digest
    assert model.trio is not None
    learned = Corpus.load(home_corpus(judged))
    known = {**model.provenance, "corpus": learned.digest, "held_out_digest": digest}
    whole = Model(replace(model.trio, provenance=known), "w", "whole")
    with pytest.raises(FlowError, match=f"kept out the music {digest}: give music it does not know with --held-out"):
        judge_models([whole], judged)
    with pytest.raises(FlowError, match=f"but whole kept out {digest}"):
        judge_models([whole], judged, held_out=tunes_in(tmp_path / "third", 30))
    everything, _ = judge_models([whole], judged, held_out=folder, count=4)
    assert f"{len(learned.excerpts(4))} excerpts of 4 bars" in everything.about[1]
    assert f"{len(learned.split(stages.HELD_OUT)[0].excerpts(4))} excerpts of 4 bars" in report.about[1]


@pytest.mark.parametrize("option", ["--corpus", "--held-out"])
def test_music_that_is_not_there(judged: Home, option: str) -> None:
    told = CliRunner().invoke(cli, ["evaluate", str(judged.models / "tunes"), option, "nowhere"])
    assert told.exit_code == 2
    assert "nowhere: no such folder" in told.stderr


def test_a_model_saved_before_there_were_ablations_is_of_the_agents(judged: Home, tmp_path: Path) -> None:
    trio = Trio.load(judged.models / "tunes" / "model")
    saved = trio.config.to_json()
    for agent in AGENTS:
        del saved[agent]["partners"], saved[agent]["learns"]
    assert TrainConfig.from_json(saved) == trio.config
