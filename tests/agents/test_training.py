from collections import Counter
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest
import torch

from agents.checkpoint import read_bundle
from agents.config import TrainConfig
from agents.dqn import DQN
from agents.errors import AgentError, CheckpointError
from agents.networks import Network
from agents.records import Record
from agents.training import Training, lessons, train
from agents.trio import Trio
from composer.environment import SLOTS, Conditions
from composer.vocabulary import AGENTS, CHORD
from tests.agents.music import simple_judge, simple_reward, small_config, small_corpus, without_clock
from tests.composer.examples import VOCABULARY


def run(directory: Path, config: TrainConfig | None = None, *, resume: bool = True) -> list[Record]:
    return list(train(small_corpus(), config or small_config(), directory, resume=resume, judged_by=simple_judge))


def assert_same_state(first: Path, second: Path) -> None:
    (tensors, description), (others, other) = (
        read_bundle(directory / "checkpoint", "checkpoint") for directory in (first, second)
    )
    assert tensors.keys() == others.keys()
    for name in tensors:
        assert torch.equal(tensors[name], others[name]), name
    for changing in ("seconds", "config"):
        description.pop(changing)
        other.pop(changing)
    assert description == other


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Record]]:
    """One undisturbed run."""
    directory = tmp_path_factory.mktemp("whole")
    return directory, run(directory)


def test_a_run_tells_what_is_worth_logging(whole: tuple[Path, list[Record]]) -> None:
    _, records = whole
    priors = [record for record in records if record.phase == "prior"]
    assert [record.agent for record in priors if record.step == 1] == list(AGENTS)
    assert all({"nll", "training_nll", "best_nll"} == set(record.metrics) for record in priors)
    learned = [record for record in records if record.phase == "learn"]
    assert [record.agent for record in learned[:4]] == [*AGENTS, "trio"]
    assert [record.step for record in learned] == [1 + index // 4 for index in range(len(learned))]
    expected = {"loss", "mean_q", "td_error", "temperature", "kl", "entropy", "epsilon", "reward", "decisions"}
    assert set(learned[0].metrics) == expected
    assert {"steps", "steps_per_second", "seconds"} == set(learned[3].metrics)


def test_a_run_stops_at_the_first_iteration_that_fills_its_steps(whole: tuple[Path, list[Record]]) -> None:
    steps = [record.metrics["steps"] for record in whole[1] if record.agent == "trio"]
    assert steps[-1] >= 2000 > steps[-2]


def test_the_first_policy_is_the_prior(whole: tuple[Path, list[Record]]) -> None:
    first = [record for record in whole[1] if record.phase == "learn"][:3]
    assert [record.metrics["kl"] for record in first] == pytest.approx([0, 0, 0], abs=1e-6)


def test_same_seed_same_weights_bit_for_bit(whole: tuple[Path, list[Record]], tmp_path: Path) -> None:
    records = run(tmp_path)
    assert_same_state(whole[0], tmp_path)
    assert without_clock(records) == without_clock(whole[1])


def test_another_seed_gives_other_weights(whole: tuple[Path, list[Record]], tmp_path: Path) -> None:
    run(tmp_path, small_config(seed=8, steps=200))
    first, second = (Trio.load(directory / "model").tensors() for directory in (whole[0], tmp_path))
    assert not torch.equal(first["melody.prior.table"], second["melody.prior.table"])


@pytest.mark.parametrize("records_taken", [5, 8, 29])
def test_a_run_cut_off_anywhere_resumes_bit_for_bit(
    whole: tuple[Path, list[Record]], tmp_path: Path, records_taken: int
) -> None:
    """Cut off within the priors, after the first iteration, and between two checkpoints."""
    before = list(islice(iter_train(tmp_path), records_taken))
    after = run(tmp_path)
    assert_same_state(whole[0], tmp_path)
    # Replayed records carry the same numbers, so whoever logs them can tell them apart by their names.
    merged = {(record.phase, record.agent, record.step): record for record in without_clock([*before, *after])}
    assert list(merged.values()) == without_clock(whole[1])


def iter_train(directory: Path):  # type: ignore[no-untyped-def]
    return train(small_corpus(), small_config(), directory, judged_by=simple_judge)


def test_a_finished_run_can_be_told_to_go_on(whole: tuple[Path, list[Record]], tmp_path: Path) -> None:
    run(tmp_path, small_config(steps=1000))
    assert run(tmp_path, small_config(steps=1000)) == []
    records = run(tmp_path)
    assert_same_state(whole[0], tmp_path)
    assert records[0].phase == "learn"


def test_without_resuming_a_run_begins_anew(whole: tuple[Path, list[Record]], tmp_path: Path) -> None:
    run(tmp_path, small_config(seed=3, steps=500))
    run(tmp_path, resume=False)
    assert_same_state(whole[0], tmp_path)


def test_a_checkpoint_of_another_run_is_not_resumed(tmp_path: Path) -> None:
    run(tmp_path, small_config(steps=200))
    with pytest.raises(CheckpointError, match="was made with seed 7, not 9"):
        run(tmp_path, small_config(seed=9))
    with pytest.raises(CheckpointError, match="learned from the corpus"):
        list(train(small_corpus(1), small_config(), tmp_path, judged_by=simple_judge))


def test_networks_are_evaluated_for_the_agent_whose_turn_it_is_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counted work: acting costs one row of prior and one of values a decision, and learning asks no prior."""
    rows: Counter[int] = Counter()
    forward = Network.forward

    def counted(self: Network, observation: torch.Tensor, keep: torch.Tensor | None = None) -> torch.Tensor:
        rows[id(self)] += len(observation)
        return forward(self, observation, keep)

    training = train(small_corpus(), small_config(steps=1), tmp_path, judged_by=simple_judge)
    while next(training).phase == "prior":
        pass
    state = Training.load(
        tmp_path / "checkpoint",
        small_config(),
        small_corpus().digest,
        simple_judge,
    )
    monkeypatch.setattr(Network, "forward", counted)
    state.iterate()
    for agent, replay in zip(state.trio.agents, state.replays, strict=True):
        assert isinstance(agent, DQN)
        sampled = agent.config.updates * agent.config.batch_size
        assert rows[id(agent.prior)] == replay.size
        assert rows[id(agent.online)] == replay.size + 2 * sampled
        assert rows[id(agent.target)] == sampled


def test_training_needs_an_end(tmp_path: Path) -> None:
    with pytest.raises(AgentError, match="set steps or minutes"):
        run(tmp_path, replace(small_config(), steps=None))
    assert list(tmp_path.iterdir()) == []


def test_a_finished_model_is_more_restrained_than_it_learned(tmp_path: Path) -> None:
    for restraint in (1.4, 2.0):
        run(tmp_path, small_config(steps=300, restraint=restraint))
        learned = read_bundle(tmp_path / "checkpoint", "checkpoint")[1]["temperatures"]
        kept = [agent.temperature for agent in Trio.load(tmp_path / "model").agents]
        assert kept == pytest.approx([restraint * temperature for temperature in learned])


def test_one_piece_is_too_few_for_a_prior(tmp_path: Path) -> None:
    with pytest.raises(AgentError, match="at least two pieces, the corpus has 1"):
        list(train(small_corpus().select([0]), small_config(), tmp_path))


def test_priors_learn_from_whole_pieces_and_excerpts_each_under_its_own_plan() -> None:
    corpus = small_corpus().select([0, 1])
    decisions = lessons(VOCABULARY, corpus, 4)
    names = [slot.name for slot in SLOTS]
    left = decisions.observation[:, names.index("bars left")]
    first = decisions.time == 0
    # Two pieces of eight bars, four excerpts of four; the chord agent opens each of them.
    assert left[first & (decisions.turn == CHORD)].tolist() == [7, 7, 3, 3, 3, 3]
    assert (decisions.observation[:, names.index("planned section")] > 0).all()


def test_pieces_without_plans_are_learned_and_written_without(tmp_path: Path) -> None:
    corpus = small_corpus().select([0, 1])
    decisions = lessons(VOCABULARY, corpus, 8, plans=False)
    names = [slot.name for slot in SLOTS]
    # As long as the pieces are, so they are learned from once.
    assert int((decisions.time == 0)[decisions.turn == CHORD].sum()) == 2
    assert not decisions.observation[:, names.index("planned section")].any()
    run(tmp_path, small_config(plans=False))
    assert not Trio.load(tmp_path / "model").plans.plan.any()


def test_minutes_end_a_run(tmp_path: Path) -> None:
    records = run(tmp_path, replace(small_config(), steps=None, minutes=1e-6))
    assert [record.step for record in records if record.agent == "trio"] == [1]


def test_agents_learn_what_is_rewarded_and_stay_within_their_budgets(tmp_path: Path) -> None:
    learner = {"hidden": 64, "batch_size": 256, "updates": 4, "replay_capacity": 20_000, "learning_rate": 3e-3}
    config = small_config(
        steps=70_000,
        pieces=64,
        checkpoint_every=1000,
        priors={"hidden": 32, "batch_size": 256, "epochs": 3, "epoch_steps": 1},
        chord={**learner, "kl_target": 0.05},
        rhythm={**learner, "kl_target": 0.1, "temperature": 0.5},
        melody={**learner, "kl_target": 0.05},
    )
    records = [record for record in run(tmp_path, config) if record.phase == "learn"]
    rhythm = [record.metrics for record in records if record.agent == "rhythm"]
    last = rhythm[-3:]
    assert sum(row["reward"] for row in last) / 3 > rhythm[0]["reward"] + 2
    assert sum(row["kl"] for row in last) / 3 == pytest.approx(0.1, rel=0.4)
    # What was learned is in the saved model, and is the rhythm agent's.
    trio, conditions = Trio.load(tmp_path / "model"), Conditions.uniform(64, bars=4)
    earned = {
        policy: float(simple_reward(trio.compose(conditions, policy=policy, seed=1))[1].sum(1).mean())
        for policy in ("agents", "prior")
    }
    assert earned["agents"] > earned["prior"] + 1


def test_plain_and_tabular_agents_train_through_the_same_loop(tmp_path: Path) -> None:
    plain = {"prior": "uniform", "target": "hard", "exploration": "epsilon", "epsilon_decay": 1000}
    small = small_config(steps=1500).to_json()
    config = TrainConfig.from_json(
        {
            **small,
            "chord": {**small["chord"], **plain},
            "rhythm": {**small["rhythm"], **plain, "learner": "tabular"},
            "melody": {**small["melody"], "learner": "tabular"},
        }
    )
    records = run(tmp_path, config)
    assert {record.agent for record in records if record.phase == "prior"} == {"melody"}
    epsilons = [record.metrics["epsilon"] for record in records if record.agent == "chord"]
    assert epsilons[0] == 1.0
    assert epsilons[-1] == pytest.approx(0.05)
    trio = Trio.load(tmp_path / "model")
    assert len(trio.compose(Conditions.uniform(2, bars=4), seed=1)) == 2
    again = tmp_path / "again"
    list(islice(train(small_corpus(), config, again, judged_by=simple_judge), 20))
    run(again, config)
    assert_same_state(tmp_path, again)


def test_the_reward_terms_are_reported_one_by_one(tmp_path: Path) -> None:
    config = small_config(steps=300, rewards={"copying": {"melody": 0.0}})
    records = list(train(small_corpus(), config, tmp_path, provenance={"commit": "abc"}))
    together = next(record for record in records if record.agent == "trio")
    assert {"reward/copying", "reward/cadence"} <= set(together.metrics)
    provenance = Trio.load(tmp_path / "model").provenance
    assert provenance["commit"] == "abc"
    assert provenance["corpus"] == small_corpus().digest
    assert provenance["steps"] >= 300
