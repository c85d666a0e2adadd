import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from agents.config import TrainConfig
from agents.errors import AgentError, CheckpointError
from agents.networks import Network
from agents.seeding import generator
from agents.training import planned
from agents.trio import Trio, agent_sizes
from composer.environment import Conditions, follow, relations
from composer.rewards import Reference
from composer.score import Score, unplanned
from composer.vocabulary import AGENTS, Vocabulary
from tests.agents.music import small_config, small_corpus
from tests.composer.examples import VOCABULARY


def make_trio(config: TrainConfig | None = None) -> Trio:
    """Untrained agents with priors and values that are random but not flat."""
    config = config or small_config()
    priors = []
    for index, size in enumerate(VOCABULARY.sizes):
        random = generator(index, "test")
        related = relations(index, VOCABULARY)
        sizes = agent_sizes(index, VOCABULARY)
        prior = Network(sizes, size, hidden=16, dueling=False, generator=random, relations=related)
        with torch.no_grad():
            prior.head_weight.normal_(generator=random)
        priors.append(prior)
    trio = Trio.create(VOCABULARY, priors, config, reference(), plans(), {"commit": "abc"})
    for index, agent in enumerate(trio.agents):
        with torch.no_grad():
            agent.online.head_weight.normal_(generator=generator(index, "values"))  # type: ignore[attr-defined]
    return trio


def reference() -> Reference:
    return Reference.from_json(Reference.from_scores(small_corpus().excerpts(4)).to_json())


def plans() -> Conditions:
    return Conditions.of(planned(VOCABULARY, small_corpus().excerpts(4)))


def same(first: Score, second: Score) -> bool:
    return all(
        torch.equal(getattr(first, name), getattr(second, name))
        for name in ("chord", "cell", "pitch", "meter", "mode")
    )


CONDITIONS = Conditions.uniform(6, bars=4)


@pytest.fixture(scope="module")
def trio() -> Trio:
    return make_trio()


def test_composing_does_not_load_the_compiler(trio: Trio, tmp_path: Path) -> None:
    trio.save(tmp_path)
    code = (
        "import sys; from pathlib import Path; from agents.trio import Trio; "
        "from composer.environment import Conditions; "
        "Trio.load(Path(sys.argv[1])).compose(Conditions.uniform(1, bars=1)); "
        "sys.exit('torch._dynamo' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False).returncode == 0


@pytest.mark.parametrize("policy", ["agents", "prior", "random"])
def test_a_seed_decides_a_piece(trio: Trio, policy: str) -> None:
    first, again, other = (trio.compose(CONDITIONS, policy=policy, seed=seed) for seed in (1, 1, 2))
    assert same(first, again)
    assert not same(first, other)


def test_every_piece_is_one_the_vocabulary_can_say(trio: Trio) -> None:
    conditions = Conditions(
        meter=torch.tensor([0, 1, 0, 3]),
        mode=torch.tensor([0, 1, 0, 1]),
        bars=torch.tensor([4, 2, 1, 3]),
        tonic=torch.tensor([0, 2, 4, 5]),
        tempo=torch.tensor([90.0, 100.0, 110.0, 120.0]),
        accompanied=torch.ones(4, dtype=torch.bool),
        plan=unplanned(4, 4),
    )
    score = trio.compose(conditions, seed=3)
    assert same(score, follow(VOCABULARY, score)[0])
    assert torch.equal(score.tonic, conditions.tonic)


def test_the_three_policies_differ(trio: Trio) -> None:
    written = [trio.compose(CONDITIONS, policy=policy, seed=1) for policy in ("agents", "prior", "random")]
    assert not same(written[0], written[1])
    assert not same(written[1], written[2])


def test_greedy_pieces_do_not_depend_on_the_seed(trio: Trio) -> None:
    first, second = (trio.compose(CONDITIONS, seed=seed, greedy=True) for seed in (1, 2))
    assert same(first, second)
    assert torch.equal(first.pitch[0], first.pitch[5])


def test_the_dial_goes_from_the_prior_over_the_policy_as_trained_to_the_best_values(trio: Trio) -> None:
    prior = trio.compose(CONDITIONS, policy="prior", seed=1)
    assert same(trio.compose(CONDITIONS, seed=1, dial=0), prior)
    assert same(trio.compose(CONDITIONS, seed=1, dial=1), trio.compose(CONDITIONS, seed=1))
    # Where only the values speak, nothing is left to chance.
    assert same(trio.compose(CONDITIONS, seed=1, dial=1e9), trio.compose(CONDITIONS, seed=2, dial=1e9))


def test_the_dial_can_be_set_for_one_agent(trio: Trio) -> None:
    prior = trio.compose(CONDITIONS, policy="prior", seed=1)
    chords_only = trio.compose(CONDITIONS, seed=1, dial={"rhythm": 0, "melody": 0})
    assert not same(chords_only, prior)
    assert same(chords_only, trio.compose(CONDITIONS, seed=1, dial={"chord": 1, "rhythm": 0, "melody": 0}))


@pytest.mark.parametrize(
    ("dial", "message"),
    [(-0.1, "dial of chord is -0.1"), (float("nan"), "nan"), ({"drums": 1.0}, "unknown agent 'drums'")],
)
def test_a_wrong_dial_is_named(trio: Trio, dial: float, message: str) -> None:
    with pytest.raises(AgentError, match=message):
        trio.compose(CONDITIONS, dial=dial)


def test_composing_leaves_the_agents_as_they_were(trio: Trio) -> None:
    before = [agent.generator.get_state() for agent in trio.agents]
    state = torch.random.get_rng_state()
    trio.compose(CONDITIONS, seed=5)
    assert all(torch.equal(agent.generator.get_state(), was) for agent, was in zip(trio.agents, before, strict=True))
    assert torch.equal(torch.random.get_rng_state(), state)


def test_a_saved_model_composes_the_same_pieces(trio: Trio, tmp_path: Path) -> None:
    trio.agents[1].temperature = 0.123456789
    trio.save(tmp_path)
    loaded = Trio.load(tmp_path)
    assert same(loaded.compose(CONDITIONS, seed=4), trio.compose(CONDITIONS, seed=4))
    assert loaded.vocabulary == VOCABULARY
    assert loaded.config == trio.config
    assert loaded.provenance == {"commit": "abc"}
    assert loaded.reference.to_json() == trio.reference.to_json()
    assert loaded.agents[1].temperature == 0.123456789


def test_a_model_is_two_files_and_saving_again_leaves_no_other(trio: Trio, tmp_path: Path) -> None:
    trio.save(tmp_path)
    make_trio(small_config(seed=8)).save(tmp_path)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert len(names) == 2
    assert names[1] == "model.json"
    assert Trio.load(tmp_path).config.seed == 8


def test_a_model_of_another_vocabulary_is_refused(trio: Trio, tmp_path: Path) -> None:
    trio.save(tmp_path)
    other = Vocabulary(VOCABULARY.chords[:3], VOCABULARY.cells, VOCABULARY.low, VOCABULARY.high)
    with pytest.raises(CheckpointError, match="has the vocabulary"):
        Trio.load(tmp_path, vocabulary=other)
    assert Trio.load(tmp_path, vocabulary=VOCABULARY).vocabulary == VOCABULARY


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"vocabulary_digest": "0" * 12}, "names the vocabulary 000000000000"),
        ({"slots": [["turn", [], 4]]}, "observes other slots"),
        ({"config": {"seed": -1}}, "another version .*seed"),
        ({"temperatures": None}, "lacks or misfits"),
        ({"temperatures": [0.5, 0.5]}, "not 3 positive numbers"),
        ({"temperatures": [0.5, 0.5, 0.0]}, "not 3 positive numbers"),
        ({"temperatures": [0.5, 0.5, "warm"]}, "lacks or misfits .*warm"),
        ({"vocabulary": {"chords": []}}, "another version"),
    ],
)
def test_a_model_that_does_not_fit_is_refused(trio: Trio, tmp_path: Path, change: dict, message: str) -> None:  # type: ignore[type-arg]
    trio.save(tmp_path)
    path = tmp_path / "model.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(CheckpointError, match=message) as caught:
        Trio.load(tmp_path)
    assert "\n" not in str(caught.value)


def test_agents_have_generators_of_their_own(trio: Trio) -> None:
    states = {bytes(agent.generator.get_state().numpy()) for agent in make_trio().agents}
    assert len(states) == len(AGENTS)
