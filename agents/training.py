"""The training loop: compose a batch of pieces, judge them, remember every decision, learn, steer the temperatures.

One iteration reads top to bottom in :meth:`Training.iterate`. Everything that changes while training lies in
:class:`Training` and goes into a checkpoint, so that a run cut off anywhere goes on from its last checkpoint and ends
with the same weights, bit for bit, as one that was never disturbed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from agents import agent as acting
from agents import losses, policy
from agents.agent import Agent, Choice
from agents.checkpoint import prefixed, read_bundle, under, write_bundle
from agents.config import TrainConfig
from agents.errors import AgentError, CheckpointError
from agents.judging import CorpusJudge, Judge
from agents.networks import Network
from agents.prior import examples_of, learn_prior
from agents.records import Record
from agents.replay import Replay
from agents.seeding import derive, generator
from agents.sight import Sight
from agents.trio import Trio, agent_sizes, to_cpu
from composer.corpus import Corpus
from composer.ear import Ear
from composer.environment import Conditions, Decisions, columns, follow, play, relations
from composer.form import analyse
from composer.rewards import Reference, RewardWeights
from composer.score import Score
from composer.theory import METERS
from composer.vocabulary import AGENTS, Vocabulary

JudgeFactory = Callable[[Reference], Judge]

# Plans kept with a model: enough that no two pieces of an evening need to share one.
MOST_PLANS = 1024
# Excerpts, and as many drafts, that an ear is fitted on: ten of each for every feature it hears.
MOST_HEARD = 1024

# What a run may be told differently when it goes on: when to stop, how often to save and how to leave the model.
_FREE = ("steps", "minutes", "checkpoint_every", "restraint", "drafts", "theory")


def train(
    corpus: Corpus,
    config: TrainConfig,
    directory: Path,
    *,
    resume: bool = True,
    provenance: Mapping[str, Any] | None = None,
    judged_by: JudgeFactory | None = None,
) -> Iterator[Record]:
    """Train a trio on ``corpus``, step by step as the records are asked for.

    When the last record has been taken, ``directory / "model"`` holds the model (:meth:`Trio.load`). On the way
    ``directory / "checkpoint"`` holds the state to go on from.

    Args:
        corpus: what is learned from; keep held-out pieces out of it.
        config: how, and when to stop.
        directory: of this run.
        resume: go on from a checkpoint in ``directory``; else begin anew.
        provenance: a JSON object to keep with the model, such as the commit and the corpus' name.
        judged_by: how pieces are judged, given the corpus statistics; Triad's reward terms by default.

    Yields:
        first the epochs of the three priors, then four records an iteration: each agent and the trio.

    Raises:
        AgentError: if the configuration has no end, or the corpus is too small.
        CheckpointError: if ``directory`` holds a checkpoint of another corpus or configuration, or is not writable.
    """
    if config.steps is None and config.minutes is None:
        raise AgentError("training has no end: set steps or minutes")
    judged_by = judged_by or _by_terms(config)
    checkpoint = directory / "checkpoint"
    if resume and (checkpoint / "checkpoint.json").exists():
        training = Training.load(checkpoint, config, corpus.digest, judged_by)
    else:
        vocabulary = Vocabulary.from_scores(corpus.scores)
        # The agents are measured by what their vocabulary can say. What is saved is what is trained on: the JSON
        # rounds its counts.
        excerpts = sayable(vocabulary, corpus.excerpts(config.bars), plans=config.plans)
        reference = Reference.from_json(Reference.from_scores(excerpts).to_json())
        kept = torch.randperm(len(excerpts), generator=generator(config.seed, "plans"))[:MOST_PLANS]
        priors = yield from learn_priors(vocabulary, corpus, config)
        trio = Trio.create(vocabulary, priors, config, reference, Conditions.of(excerpts).select(kept), provenance)
        training = Training(trio, corpus.digest, judged_by(reference))
        training.save(checkpoint)
    while not training.done:
        yield from training.iterate()
        if training.iteration % config.checkpoint_every == 0:
            training.save(checkpoint)
    training.save(checkpoint)
    with_ear(training.model(), corpus).save(directory / "model")


def with_ear(trio: Trio, corpus: Corpus) -> Trio:
    """The trio with an ear that knows its drafts from excerpts of the corpus it learned from.

    Where its settings ask for one draft, or there are too few excerpts, it has none.
    """
    config = trio.config
    excerpts = corpus.of_meters([METERS[index].name for index in trio.vocabulary.meters()]).excerpts(config.bars)
    if config.drafts == 1 or len(excerpts) < 2:
        return replace(trio, ear=None)
    random = generator(config.seed, "ear")
    real = excerpts.select(torch.randperm(len(excerpts), generator=random)[:MOST_HEARD])
    real = sayable(trio.vocabulary, real, plans=False)
    asked = trio.plans.select(torch.randint(len(trio.plans), (len(real),), generator=random))
    drafts = trio.compose(asked, seed=derive(config.seed, "ear"), drafts=1)
    return replace(trio, ear=Ear.fitted(real, drafts))


class Training:
    """Everything that changes while three agents learn.

    Attributes:
        trio: the agents.
        replays: what each has done, as it remembers it.
        iteration: iterations done.
        steps: decisions taken by all agents together.
        seconds: time spent in iterations, over all resumptions.
    """

    def __init__(self, trio: Trio, corpus_digest: str, judge: Judge) -> None:
        config = trio.config
        self.trio = trio
        self.iteration = 0
        self.steps = 0
        self.seconds = 0.0
        self._corpus_digest = corpus_digest
        self._judge = judge
        self._draws = generator(config.seed, "conditions")
        self._sights = Sight.of_agents(config)
        self._averages = [_copied(agent) for agent in trio.agents]
        self.replays = tuple(
            Replay(
                agent.replay_capacity,
                len(columns(index)),
                trio.vocabulary.sizes[index],
                config.device,
            )
            for index, agent in enumerate(config.agents)
        )

    @property
    def done(self) -> bool:
        """Whether the configured steps or minutes are used up."""
        config = self.trio.config
        return (config.steps is not None and self.steps >= config.steps) or (
            config.minutes is not None and self.seconds >= 60 * config.minutes
        )

    def epsilon(self, index: int) -> float:
        """Share of random actions of the agent of turn ``index`` at this moment; 0 if it explores otherwise."""
        config = self.trio.agents[index].config
        if config.exploration != "epsilon" or not config.learns:
            return 0.0
        return policy.linear_decay(config.epsilon_start, config.epsilon_end, self.steps / config.epsilon_decay)

    def iterate(self) -> list[Record]:
        """Compose, judge, remember and learn once; gives a record for each agent and one for the trio."""
        began = time.perf_counter()
        config, trio = self.trio.config, self.trio
        epsilons = [self.epsilon(index) for index in range(len(AGENTS))]
        score, decisions, choices = self._compose(epsilons)
        judgement = self._judge(to_cpu(score))
        rewards = judgement.rewards.to(config.device)
        self.iteration += 1
        self.steps += len(decisions)

        records = []
        for index, (name, agent) in enumerate(zip(AGENTS, trio.agents, strict=True)):
            # Decisions come step by step; an agent's episodes are its decisions piece by piece.
            mine = (decisions.turn == index).nonzero().flatten()
            order = torch.sort(decisions.piece[mine], stable=True).indices
            own = decisions.select(mine[order])
            prior, wanted = choices[index].log_prior, choices[index].policy
            kl = float(losses.policy_kl(wanted, prior).mean())
            metrics = {
                **(self._learn(index, own, prior[order], rewards[index]) if agent.config.learns else {}),
                "temperature": agent.temperature,
                "epsilon": epsilons[index],
                "kl": kl,
                "entropy": float(losses.policy_entropy(wanted).mean()),
                "reward": float(rewards[index].sum(1).mean()),
                "decisions": len(own) / config.pieces,
            }
            if agent.config.learns:
                agent.temperature = policy.steered(
                    agent.temperature, kl, agent.config.kl_target, agent.config.kl_step
                )
            records.append(Record("learn", name, self.iteration, metrics))
        self._average()

        seconds = time.perf_counter() - began
        self.seconds += seconds
        together = {
            "steps": float(self.steps),
            "steps_per_second": len(decisions) / seconds,
            "seconds": self.seconds,
            **{f"reward/{term}": credit for term, credit in judgement.terms.items()},
        }
        return [*records, Record("learn", "trio", self.iteration, together)]

    def _learn(self, index: int, own: Decisions, log_prior: Tensor, rewards: Tensor) -> dict[str, float]:
        """Remember an agent's decisions, piece by piece, and learn; gives the means of its learning figures."""
        agent, replay = self.trio.agents[index], self.replays[index]
        reward, discount = losses.semi_markov_returns(rewards, own.piece, own.time, agent.config.discount)
        replay.push(self._sights[index].see(own.observation), log_prior, own.action, reward, discount)
        learned = [
            agent.update(replay.sample(agent.config.batch_size, agent.generator)) for _ in range(agent.config.updates)
        ]
        return {key: float(torch.stack([row[key] for row in learned]).mean()) for key in learned[0]}

    @torch.inference_mode()
    def _compose(self, epsilons: list[float]) -> tuple[Score, Decisions, list[Choice]]:
        """One batch of pieces; every agent's choices in the order its decisions were taken."""
        config, trio = self.trio.config, self.trio
        sizes = trio.vocabulary.sizes
        taken: list[list[Choice]] = [[], [], []]

        def decide(turn: Tensor, observation: Tensor, legal: Tensor) -> Tensor:
            actions = torch.zeros_like(turn)
            for index, agent in enumerate(trio.agents):
                rows = (turn == index).nonzero().flatten()
                if len(rows):
                    choice = acting.act(
                        agent,
                        self._sights[index].see(observation, rows),
                        legal[rows, : sizes[index]],
                        epsilon=epsilons[index],
                    )
                    actions[rows] = choice.action
                    taken[index].append(choice)
            return actions

        rows = torch.randint(len(trio.plans), (config.pieces,), generator=self._draws)
        score, decisions = play(trio.vocabulary, trio.plans.select(rows).to(config.device), decide)
        choices = [
            Choice(*(torch.cat([getattr(choice, column.name) for choice in own]) for column in fields(Choice)))
            for own in taken
        ]
        return score, decisions, choices

    def _average(self) -> None:
        """Take the models as they are now into their averages; before any learning there is nothing to average."""
        keep = self.trio.config.averaging if self.iteration > 1 else 0.0
        for average, agent in zip(self._averages, self.trio.agents, strict=True):
            for name, tensor in agent.model_tensors().items():
                average[name].lerp_(tensor, 1 - keep)

    def model(self) -> Trio:
        """The average of the trio over its last iterations, at the temperatures to compose at.

        Its provenance is brought up to date.
        """
        own = {
            "corpus": self._corpus_digest,
            "seed": self.trio.config.seed,
            "iterations": self.iteration,
            "steps": self.steps,
            "torch": torch.__version__,
        }
        found, config = self.trio, self.trio.config
        model = Trio.create(
            found.vocabulary,
            [agent.prior for agent in found.agents],
            config,
            found.reference,
            found.plans,
            {**found.provenance, **own},
        )
        for agent, average, learning in zip(model.agents, self._averages, found.agents, strict=True):
            agent.restore(average)
            agent.temperature = learning.temperature * config.restraint
        return model

    def save(self, directory: Path) -> None:
        """Write a checkpoint into ``directory``, in place of the last one."""
        tensors = {**self.trio.tensors(), "conditions.generator": self._draws.get_state()}
        tensors |= prefixed("judge", self._judge.tensors())
        parts = zip(AGENTS, self.trio.agents, self.replays, self._averages, strict=True)
        for name, agent, replay, average in parts:
            tensors |= prefixed(f"{name}.learning", agent.learning_tensors())
            tensors |= prefixed(f"{name}.average", average)
            tensors |= prefixed(f"{name}.replay", replay.tensors())
        description = {
            **self.trio.describe(),
            "corpus_digest": self._corpus_digest,
            "iteration": self.iteration,
            "steps": self.steps,
            "seconds": self.seconds,
        }
        write_bundle(directory, "checkpoint", tensors, description)

    @classmethod
    def load(
        cls,
        directory: Path,
        config: TrainConfig,
        corpus_digest: str,
        judged_by: JudgeFactory,
    ) -> Training:
        """The run that was saved in ``directory``, to go on until ``config`` says stop.

        Raises:
            CheckpointError: if it was of another corpus or configuration, or is damaged.
        """
        tensors, description = read_bundle(directory, "checkpoint")
        other = "give another directory, or train anew without resuming"
        trio = Trio.rebuild(tensors, description, directory)
        saved, wanted = trio.config.to_json(), config.to_json()
        differing = [name for name in wanted if name not in _FREE and saved[name] != wanted[name]]
        if differing:
            name = differing[0]
            raise CheckpointError(
                f"the checkpoint in {directory} was made with {name} {saved[name]}, not {wanted[name]}: {other}"
            )
        if description.get("corpus_digest") != corpus_digest:
            raise CheckpointError(
                f"the checkpoint in {directory} learned from the corpus {description.get('corpus_digest')}, "
                f"not {corpus_digest}: {other}"
            )
        training = cls(replace(trio, config=config), corpus_digest, judged_by(trio.reference))
        try:
            parts = zip(AGENTS, trio.agents, training.replays, training._averages, strict=True)
            for name, agent, replay, average in parts:
                agent.restore(under(name, tensors), under(f"{name}.learning", tensors))
                for key, tensor in under(f"{name}.average", tensors).items():
                    average[key].copy_(tensor)
                replay.restore(under(f"{name}.replay", tensors))
            training._draws.set_state(tensors["conditions.generator"])
            training._judge.restore(under("judge", tensors))
            training.iteration, training.steps = int(description["iteration"]), int(description["steps"])
            training.seconds = float(description["seconds"])
        except (KeyError, RuntimeError) as error:
            reason = str(error).splitlines()[-1].strip()
            raise CheckpointError(f"the checkpoint in {directory} lacks or misfits {reason}: {other}") from None
        return training


def learn_priors(
    vocabulary: Vocabulary, corpus: Corpus, config: TrainConfig
) -> Generator[Record, None, list[Network | None]]:
    """Learn the three priors from real pieces; yields a record an epoch, returns the networks.

    An agent whose prior is uniform has none to learn: None.

    Raises:
        AgentError: if there are fewer than two pieces.
    """
    if len(corpus) < 2:
        raise AgentError(f"a prior needs at least two pieces, the corpus has {len(corpus)}: add more files")
    order = torch.randperm(len(corpus), generator=generator(config.seed, "held out"))
    kept = min(max(round(config.priors.held_out * len(corpus)), 1), len(corpus) - 1)
    held_out, training = (
        lessons(vocabulary, corpus.select(sorted(rows.tolist())), config.bars, plans=config.plans)
        for rows in (order[:kept], order[kept:])
    )
    sights = Sight.of_agents(replace(config, device="cpu"))
    priors: list[Network | None] = []
    for index, name in enumerate(AGENTS):
        if config.agents[index].prior == "uniform":
            priors.append(None)
            continue
        epochs = learn_prior(
            examples_of(index, vocabulary, training, sights[index]),
            examples_of(index, vocabulary, held_out, sights[index]),
            agent_sizes(index, vocabulary),
            config.priors,
            seed=derive(config.seed, name, "prior"),
            device=config.device,
            relations=relations(index, vocabulary),
        )
        for epoch in epochs:
            metrics = {"nll": epoch.nll, "training_nll": epoch.training_nll, "best_nll": epoch.best}
            yield Record("prior", name, epoch.number, metrics)
        priors.append(epoch.network)
    return priors


@torch.inference_mode()
def lessons(vocabulary: Vocabulary, corpus: Corpus, bars: int, *, plans: bool = True) -> Decisions:
    """The decisions that write the pieces of a corpus again, each under the plan it follows, or without ``plans``.

    Pieces are written as a whole and, where they are longer, again as excerpts of ``bars`` bars: what an agent
    shall write must have plans like those it learned under.
    """
    sets = [corpus.scores]
    if bool((corpus.scores.bars > bars).any()):
        sets.append(corpus.excerpts(bars))
    written = [follow(vocabulary, sayable(vocabulary, pieces, plans=plans))[1] for pieces in sets]
    return Decisions(*(torch.cat([getattr(part, field.name) for part in written]) for field in fields(Decisions)))


def planned(vocabulary: Vocabulary, scores: Score) -> Score:
    """Real pieces as the vocabulary can say them, with the plans they follow."""
    return sayable(vocabulary, scores, plans=True)


def sayable(vocabulary: Vocabulary, scores: Score, *, plans: bool) -> Score:
    """Real pieces as the vocabulary can say them, with the plans they follow where ``plans`` are wanted."""
    found, _ = follow(vocabulary, scores)
    return analyse(found) if plans else found


def _copied(agent: Agent) -> dict[str, Tensor]:
    return {name: tensor.detach().clone() for name, tensor in agent.model_tensors().items()}


def _by_terms(config: TrainConfig) -> JudgeFactory:
    weights = RewardWeights(terms=config.rewards)
    return lambda reference: CorpusJudge(reference, weights, config.balance)
