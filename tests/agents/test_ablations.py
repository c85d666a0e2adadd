"""What is taken away from the agents to see what it was good for."""

import json
from itertools import islice
from pathlib import Path

import pytest
import torch

from agents.checkpoint import read_bundle
from agents.config import TrainConfig
from agents.sight import Sight
from agents.training import train
from agents.trio import Trio
from composer.environment import SLOTS, Conditions, columns, play, uniform_policy, writer
from composer.vocabulary import AGENTS, CHORD, MELODY, RHYTHM
from tests.agents.music import SMALL, simple_judge, small_config, small_corpus
from tests.agents.test_trio import make_trio, same
from tests.composer.examples import VOCABULARY

CONDITIONS = Conditions.uniform(4, bars=4)


def all_agents(**changes: object) -> TrainConfig:
    return small_config(**{name: {**SMALL, **changes} for name in AGENTS})


def test_every_slot_tells_of_one_agent_or_of_none() -> None:
    told = {slot.name: writer(slot) for slot in SLOTS}
    assert told["chord 8 bars ago"] == told["beats since the chord changed"] == CHORD
    assert told["cell"] == told["a note sounds on"] == told["steps to the next onset in the beat"] == RHYTHM
    assert told["pitch 2 notes ago"] == MELODY
    assert told["groove 2 bars ago"] == told["cell after the last two"] == RHYTHM
    assert told["pitch in the recalled bar"] == told["pitch a beat on in the recalled bar"] == MELODY
    assert {name for name, agent in told.items() if agent is None and not name.startswith("planned ")} == {
        *("turn", "mode", "meter", "beat of the bar", "bar of eight", "bars left", "step of the beat"),
        *("a groove is asked for", "cadence of the bar"),
    }
    # The plan is nobody's: it is settled before the first note.
    assert not any(agent is not None for name, agent in told.items() if name.startswith("planned "))


def test_an_agent_without_partners_reads_nothing_of_their_parts() -> None:
    random = torch.Generator().manual_seed(0)
    _, decisions = play(VOCABULARY, CONDITIONS, uniform_policy(random))
    hidden = Sight.of_agents(all_agents(partners="hidden"))
    seen = Sight.of_agents(all_agents())
    for index, (blind, seeing) in enumerate(zip(hidden, seen, strict=True)):
        own = decisions.of_agent(index).observation
        assert torch.equal(seeing.see(own), own[:, list(columns(index))])
        for place, column in enumerate(columns(index)):
            partners = writer(SLOTS[column]) not in (None, index)
            expected = torch.zeros_like(own[:, column]) if partners else own[:, column]
            assert torch.equal(blind.see(own)[:, place], expected), SLOTS[column].name


def test_the_music_of_a_lonely_agent_does_not_depend_on_the_others() -> None:
    # One piece alone: of several, the rhythm decides which of them draws first.
    one = Conditions.uniform(1, bars=8)
    alone, seeing = make_trio(all_agents(partners="hidden")), make_trio(all_agents())

    def moved(trio: Trio) -> bool:
        usual, other = (trio.compose(one, seed=3, dial={"rhythm": dial}) for dial in (1.0, 100.0))
        assert not torch.equal(usual.cell, other.cell)
        return not torch.equal(usual.chord, other.chord)

    assert moved(seeing)
    assert not moved(alone)


def test_lonely_agents_learn_resume_and_compose(tmp_path: Path) -> None:
    config = all_agents(partners="hidden")
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    list(train(small_corpus(), config, whole, judged_by=simple_judge))
    list(islice(train(small_corpus(), config, cut, judged_by=simple_judge), 20))
    list(train(small_corpus(), config, cut, judged_by=simple_judge))
    first, second = (read_bundle(folder / "checkpoint", "checkpoint")[0] for folder in (whole, cut))
    assert all(torch.equal(first[name], second[name]) for name in first)
    trio = Trio.load(whole / "model")
    assert trio.config.chord.partners == "hidden"
    assert len(trio.compose(CONDITIONS, seed=1)) == 4


def test_who_does_not_learn_stays_at_its_prior(tmp_path: Path) -> None:
    config = small_config(
        chord={**SMALL, "learns": False}, rhythm={**SMALL, "learns": False, "exploration": "epsilon"}
    )
    records = list(train(small_corpus(), config, tmp_path / "whole", judged_by=simple_judge))
    learned = {name: [r.metrics for r in records if (r.agent, r.phase) == (name, "learn")] for name in AGENTS}
    for name in ("chord", "rhythm"):
        assert all(metrics["kl"] == pytest.approx(0, abs=1e-6) for metrics in learned[name])
        assert {metrics["temperature"] for metrics in learned[name]} == {0.5}
        assert {metrics["epsilon"] for metrics in learned[name]} == {0.0}
        assert "loss" not in learned[name][0]
    assert learned["melody"][-1]["kl"] > 1e-4
    assert "loss" in learned["melody"][0]
    trio = Trio.load(tmp_path / "whole" / "model")
    one = Conditions.uniform(1, bars=8)
    by_prior, by_agents = (trio.compose(one, policy=policy, seed=2, drafts=1) for policy in ("prior", "agents"))
    assert torch.equal(by_prior.chord[:, :1], by_agents.chord[:, :1])
    assert torch.equal(by_prior.cell[:, :1], by_agents.cell[:, :1])
    # Cut off and gone on with, it ends alike.
    list(islice(train(small_corpus(), config, tmp_path / "cut", judged_by=simple_judge), 20))
    list(train(small_corpus(), config, tmp_path / "cut", judged_by=simple_judge))
    again = Trio.load(tmp_path / "cut" / "model")
    assert same(again.compose(CONDITIONS, seed=5), trio.compose(CONDITIONS, seed=5))


def test_agents_without_prior_learn_and_compose(tmp_path: Path) -> None:
    config = all_agents(prior="uniform", kl_target=0)
    records = list(train(small_corpus(), config, tmp_path, judged_by=simple_judge))
    assert {record.phase for record in records} == {"learn"}
    trio = Trio.load(tmp_path / "model")
    assert all(agent.prior is None for agent in trio.agents)
    # What the prior would play is then the uniform choice.
    assert same(*(trio.compose(CONDITIONS, policy=policy, seed=4) for policy in ("prior", "random")))


@pytest.mark.parametrize("path", sorted((Path(__file__).parents[2] / "benchmarks" / "ablations").glob("*.json")))
def test_the_settings_of_the_ablations_are_settings(path: Path) -> None:
    assert TrainConfig.from_json(json.loads(path.read_text())) != TrainConfig()
