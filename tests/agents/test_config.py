import json
import subprocess
import sys
from dataclasses import replace

import pytest

from agents.config import AgentConfig, TrainConfig
from agents.errors import AgentError


def test_json_round_trip() -> None:
    config = TrainConfig(seed=3, minutes=2.5, melody=AgentConfig(kl_target=0.1, learner="tabular"))
    assert TrainConfig.from_json(json.loads(json.dumps(config.to_json()))) == config


def test_an_agent_given_in_part_keeps_its_own_defaults() -> None:
    config = TrainConfig.from_json({"chord": {"hidden": 64}, "priors": {"epochs": 3}})
    assert config.chord == replace(TrainConfig().chord, hidden=64)
    assert config.rhythm == TrainConfig().rhythm
    assert config.priors.hidden == TrainConfig().priors.hidden


def test_the_agents_differ_in_their_budgets_alone() -> None:
    budgets = [agent.kl_target for agent in TrainConfig().agents]
    assert budgets == [0.078, 0.039, 0.078]
    for agent in TrainConfig().agents:
        assert AgentConfig(kl_target=agent.kl_target) == agent


@pytest.mark.parametrize(
    ("data", "place"),
    [
        ({"pieces": 0}, "pieces"),
        ({"seed": "seven"}, "seed"),
        ({"chord": {"discount": 1.5}}, "chord.discount"),
        ({"melody": {"learner": "magic"}}, "melody.learner"),
        ({"colour": 1}, "colour"),
        ({"rhythm": {"temperature": 0}}, "rhythm.temperature"),
        ({"rhythm": 3}, "rhythm"),
    ],
)
def test_a_wrong_value_is_named_with_its_place(data: dict, place: str) -> None:  # type: ignore[type-arg]
    with pytest.raises(AgentError, match=rf"training configuration: {place}: .*got") as caught:
        TrainConfig.from_json(data)
    assert "\n" not in str(caught.value)


def test_reading_a_configuration_loads_no_torch() -> None:
    code = "import sys, agents.config; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
