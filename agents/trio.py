"""The trio: three trained agents with everything composing needs, in memory and on disk."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from agents import agent as acting
from agents.agent import Agent, Behaviour
from agents.checkpoint import prefixed, read_bundle, under, write_bundle
from agents.config import AgentConfig, TrainConfig
from agents.dqn import DQN
from agents.errors import AgentError, CheckpointError
from agents.networks import Network
from agents.seeding import derive, generator
from agents.sight import Sight
from agents.tabular import Tabular
from composer.ear import Ear
from composer.environment import SLOTS, Conditions, columns, play, relations, slot_sizes
from composer.errors import TriadError
from composer.form import draw_plan
from composer.plan import WIDTH
from composer.rewards import Reference, RewardWeights, agent_rewards, reward_terms
from composer.score import Score
from composer.view import View
from composer.vocabulary import AGENTS, CHORD, DONE, MELODY, RHYTHM, Vocabulary

# Up to so many pieces are written abreast: there the number of questions to the networks costs more than their size.
ABREAST = 128

# The slots a tabular agent tells states apart by; more would be visited too seldom.
TABLE_SLOTS: Mapping[int, tuple[str, ...]] = {
    CHORD: ("mode", "beat of the bar", "chord", "chord 4 bars ago"),
    RHYTHM: ("a note sounds on", "beat of the bar", "cell 1 beats ago", "cell 4 bars ago"),
    MELODY: ("mode", "chord", "pitch 1 notes ago"),
}


@dataclass(frozen=True, slots=True)
class Trio:
    """Three agents that write one score.

    Attributes:
        vocabulary: what they may choose.
        agents: the chord, rhythm and melody agent.
        config: how they were trained.
        reference: the corpus statistics their rewards were centred on.
        plans: the conditions of the training pieces, form plans among them, for new pieces to be drawn from.
        provenance: a JSON object that says where the model comes from.
        ear: chooses among drafts; None where there is none.
    """

    vocabulary: Vocabulary
    agents: tuple[Agent, Agent, Agent]
    config: TrainConfig
    reference: Reference
    plans: Conditions
    provenance: Mapping[str, Any]
    ear: Ear | None = None

    @classmethod
    def create(
        cls,
        vocabulary: Vocabulary,
        priors: Sequence[Network | None],
        config: TrainConfig,
        reference: Reference,
        plans: Conditions,
        provenance: Mapping[str, Any] | None = None,
    ) -> Trio:
        """Agents that have learned nothing yet: their policy is their prior."""
        chord, rhythm, melody = (
            make_agent(index, vocabulary, config.agents[index], priors[index], config.seed, config.device)
            for index in range(len(AGENTS))
        )
        return cls(vocabulary, (chord, rhythm, melody), config, reference, plans, dict(provenance or {}))

    def plan(self, conditions: Conditions, *, seed: int = 0, form: str | None = None) -> Conditions:
        """The same conditions with a form plan for each piece, drawn from the training pieces' plans.

        They are those of pieces in the same metre and mode where there are any, else in the same metre, else of all.

        Args:
            conditions: what is settled besides; plans in them are replaced.
            seed: of the draws.
            form: such as ``"AABA"`` or ``"intro verse chorus"``; drawn where none is given.

        Raises:
            FormError: if the form cannot be read or does not fit a piece's length.
        """
        random = generator(seed, "plan")
        drawn, bank = [], self.plans
        asked = zip(conditions.meter.tolist(), conditions.mode.tolist(), conditions.bars.tolist(), strict=True)
        for meter, mode, bars in asked:
            fits = bank.meter == meter
            fits = fits if bool(fits.any()) else torch.ones_like(fits)
            closer = fits & (bank.mode == mode)
            rows = closer if bool(closer.any()) else fits
            drawn.append(draw_plan(bank.plan[rows], bars, random, form=form))
        plan = torch.nn.utils.rnn.pad_sequence(drawn, batch_first=True)
        return replace(conditions, plan=plan.to(conditions.meter.device))

    def compose(
        self,
        conditions: Conditions,
        *,
        policy: Behaviour = "agents",
        seed: int = 0,
        greedy: bool = False,
        dial: float | Mapping[str, float] = 1.0,
        drafts: int | None = None,
    ) -> Score:
        """Write one piece for each row of ``conditions``; the same arguments give the same pieces.

        Args:
            conditions: metre, mode, length, key and tempo of each piece.
            policy: the learned policy, the priors alone, or every legal action alike.
            seed: of all random choices.
            greedy: always take the most probable action.
            dial: from style to theory, for all agents or by agent name: a policy is ``prior * exp(dial * Q / tau)``,
                so 0 is the prior alone, 1 the policy as trained, and more leans to what the rewards ask for.
            drafts: written of each piece, of which the one is kept that sounds most like real music and earns most
                (:meth:`liking`). As many as the settings say where the agents have an ear and a say (a dial
                above 0, and draws), else one.

        Returns:
            the pieces, on the CPU.

        Raises:
            AgentError: if a dial is negative or not finite, or names an unknown agent.
        """
        if drafts is None:
            heard = self.ear is not None and policy == "agents" and not greedy and any(read_dials(dial))
            drafts = self.config.drafts if heard else 1
        if drafts > 1:
            rows = torch.arange(len(conditions))
            written = self._write(
                conditions.select(rows.repeat_interleave(drafts)), policy=policy, seed=seed, greedy=greedy, dial=dial
            )
            best = self.liking(written).view(len(conditions), drafts).argmax(1)
            return written.select(rows * drafts + best)
        return self._write(conditions, policy=policy, seed=seed, greedy=greedy, dial=dial)

    def liking(self, score: Score) -> Tensor:
        """(B,) float32: how much the trio likes each piece, in log-odds.

        What its ear says for real music, and what the agents earn a bar at the rate of ``config.theory``.
        """
        view = View(score)
        rewards = agent_rewards(reward_terms(view, self.reference), RewardWeights(terms=self.config.rewards))
        earned = self.config.theory * rewards.sum((0, 2)) / score.bars
        return earned if self.ear is None else earned + self.ear.hear(score)

    def _write(
        self,
        conditions: Conditions,
        *,
        policy: Behaviour,
        seed: int,
        greedy: bool,
        dial: float | Mapping[str, float],
    ) -> Score:
        device = self.config.device
        dials = read_dials(dial)
        randoms = [generator(seed, "compose", name, device=device) for name in AGENTS]
        sights = Sight.of_agents(self.config)
        sizes = self.vocabulary.sizes

        def decide(turn: Tensor, observation: Tensor, legal: Tensor) -> Tensor:
            actions = torch.zeros_like(turn)
            for index in set(turn.tolist()) - {DONE}:
                rows = (turn == index).nonzero().flatten()
                actions[rows] = acting.perform(
                    self.agents[index],
                    sights[index].see(observation, rows),
                    legal[rows, : sizes[index]],
                    randoms[index],
                    behaviour=policy,
                    greedy=greedy,
                    dial=dials[index],
                )
            return actions

        with torch.inference_mode():
            score, _ = play(self.vocabulary, conditions.to(device), decide, abreast=1 < len(conditions) <= ABREAST)
        return to_cpu(score)

    def save(self, directory: Path) -> None:
        """Write what composing needs (a few megabytes) into ``directory``; a model there is replaced.

        Raises:
            CheckpointError: if the directory cannot be written.
        """
        write_bundle(directory, "model", self.tensors(), self.describe())

    @classmethod
    def load(cls, directory: Path, *, vocabulary: Vocabulary | None = None, device: str = "cpu") -> Trio:
        """The model in ``directory``.

        Args:
            directory: where :meth:`save` wrote it.
            vocabulary: refuse a model of any other one.
            device: where to compose.

        Raises:
            CheckpointError: if there is no model, or it is damaged, or of another version or vocabulary.
        """
        tensors, description = read_bundle(directory, "model")
        trio = cls.rebuild(tensors, description, directory, device=device)
        if vocabulary is not None and vocabulary.digest != trio.vocabulary.digest:
            raise CheckpointError(
                f"the model in {directory} has the vocabulary {trio.vocabulary.digest}, not {vocabulary.digest}: "
                "use the corpus it was trained on, or train a model of your own"
            )
        return trio

    def tensors(self) -> dict[str, Tensor]:
        """Values and priors of all agents and the plans, by name."""
        found = prefixed("plans", {field.name: getattr(self.plans, field.name) for field in fields(Conditions)})
        for name, agent in zip(AGENTS, self.agents, strict=True):
            found |= prefixed(name, agent.model_tensors())
            if agent.prior is not None:
                found |= prefixed(f"{name}.prior", agent.prior.state_dict())
        return found | (prefixed("ear", self.ear.tensors()) if self.ear is not None else {})

    def describe(self) -> dict[str, Any]:
        """A JSON object that together with :meth:`tensors` says everything; :meth:`rebuild` reads it back."""
        return {
            "vocabulary": self.vocabulary.to_json(),
            "vocabulary_digest": self.vocabulary.digest,
            "slots": _slots(self.vocabulary),
            "temperatures": [agent.temperature for agent in self.agents],
            "config": self.config.to_json(),
            "provenance": dict(self.provenance),
            "reference": self.reference.to_json(),
            "ear": list(self.ear.names) if self.ear is not None else [],
        }

    @classmethod
    def rebuild(
        cls,
        tensors: Mapping[str, Tensor],
        description: Mapping[str, Any],
        directory: Path,
        *,
        device: str | None = None,
    ) -> Trio:
        """The trio that :meth:`tensors` and :meth:`describe` speak of.

        Args:
            tensors: values and priors.
            description: the JSON object.
            directory: where they were found, for messages.
            device: where the agents shall live; where they lived if None.

        Raises:
            CheckpointError: if the two do not fit each other or this version.
        """
        again = "train a new model with this version"
        try:
            vocabulary = Vocabulary.from_json(description["vocabulary"])
            config = TrainConfig.from_json(description["config"])
            reference = Reference.from_json(description["reference"])
            if device is not None:
                config = replace(config, device=device)
            if vocabulary.digest != description["vocabulary_digest"]:
                raise CheckpointError(
                    f"the model in {directory} names the vocabulary {description['vocabulary_digest']} "
                    f"but holds {vocabulary.digest}: {again}"
                )
            if description["slots"] != _slots(vocabulary):
                raise CheckpointError(f"the model in {directory} observes other slots than this version: {again}")
            priors = [
                _read_prior(index, vocabulary, under(f"{name}.prior", tensors), config)
                for index, name in enumerate(AGENTS)
            ]
            temperatures = [float(tau) for tau in description["temperatures"]]
            if len(temperatures) != len(AGENTS) or not all(0 < tau < math.inf for tau in temperatures):
                raise CheckpointError(
                    f"the model in {directory} has the temperatures {temperatures}, "
                    f"not {len(AGENTS)} positive numbers: {again}"
                )
            found = under("plans", tensors)
            plans = Conditions(*(found[field.name] for field in fields(Conditions)))
            if plans.plan.shape[2] != WIDTH:
                raise CheckpointError(f"the model in {directory} plans other things than this version: {again}")
            trio = cls.create(vocabulary, priors, config, reference, plans, description["provenance"])
            for name, agent, tau in zip(AGENTS, trio.agents, temperatures, strict=True):
                agent.restore(under(name, tensors))
                agent.temperature = tau
            if names := tuple(description.get("ear", ())):
                trio = replace(trio, ear=Ear.restored(names, under("ear", tensors)))
        except CheckpointError:
            raise
        except TriadError as error:
            raise CheckpointError(f"the model in {directory} is of another version ({error}): {again}") from None
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            reason = str(error).splitlines()[-1].strip()
            raise CheckpointError(f"the model in {directory} lacks or misfits {reason}: {again}") from None
        return trio


def make_agent(
    index: int, vocabulary: Vocabulary, config: AgentConfig, prior: Network | None, seed: int, device: str
) -> Agent:
    """The agent of turn ``index``, untrained."""
    sizes, actions = agent_sizes(index, vocabulary), vocabulary.sizes[index]
    own = derive(seed, AGENTS[index])
    if config.prior == "uniform":
        prior = None
    if config.learner == "dqn":
        related = relations(index, vocabulary)
        return DQN(sizes, actions, config, prior=prior, seed=own, device=device, relations=related)
    names = [SLOTS[column].name for column in columns(index)]
    looked_at = [names.index(name) for name in TABLE_SLOTS[index]]
    return Tabular(sizes, actions, config, looked_at=looked_at, prior=prior, seed=own, device=device)


def agent_sizes(index: int, vocabulary: Vocabulary) -> tuple[int, ...]:
    """Number of values of each slot that the agent of turn ``index`` sees."""
    sizes = slot_sizes(vocabulary)
    return tuple(sizes[column] for column in columns(index))


def to_cpu(score: Score) -> Score:
    """The score with its tensors on the CPU."""
    return Score(*(getattr(score, field.name).cpu() for field in fields(score)))


def _slots(vocabulary: Vocabulary) -> list[list[Any]]:
    return [[slot.name, list(slot.agents), slot.size(vocabulary)] for slot in SLOTS]


def _read_prior(
    index: int, vocabulary: Vocabulary, tensors: Mapping[str, Tensor], config: TrainConfig
) -> Network | None:
    if not tensors:
        return None
    network = Network(
        agent_sizes(index, vocabulary),
        vocabulary.sizes[index],
        hidden=config.priors.hidden,
        dueling=False,
        generator=generator(0, "overwritten"),
        relations=relations(index, vocabulary),
    )
    network.load_state_dict(dict(tensors))
    return network.requires_grad_(False).to(config.device)


def read_dials(dial: float | Mapping[str, float]) -> tuple[float, ...]:
    """The dial of each agent in the order of their turns; 1 for those left out.

    Raises:
        AgentError: if one is negative or not finite, or names an unknown agent.
    """
    by_name = dial if isinstance(dial, Mapping) else dict.fromkeys(AGENTS, dial)
    for name, value in by_name.items():
        if name not in AGENTS:
            raise AgentError(f"unknown agent {name!r} in the dial: choose from {', '.join(AGENTS)}")
        if not 0 <= value < math.inf:
            raise AgentError(f"the dial of {name} is {value}: give 0 (style alone), 1 (as trained) or more (theory)")
    return tuple(by_name.get(name, 1.0) for name in AGENTS)
