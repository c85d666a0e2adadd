"""Every number a training run can be told: frozen, validated, to and from JSON.

Knows neither torch nor music, so that a bad value is reported before anything heavy is loaded.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import field
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from agents.errors import AgentError

_STRICT = ConfigDict(extra="forbid")

Positive = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(ge=0, le=1)]
Above0 = Annotated[float, Field(gt=0, allow_inf_nan=False)]


@dataclass(frozen=True, config=_STRICT)
class AgentConfig:
    """How one agent learns. The defaults are soft DQN against a frozen prior (KL control)."""

    learner: Literal["dqn", "tabular"] = "dqn"
    """What holds the action values: a network, or a table over a few slots of the observation."""
    prior: Literal["corpus", "uniform"] = "corpus"
    """What the policy is held to: a frozen network trained on the corpus, or the uniform choice."""
    target: Literal["soft", "hard"] = "soft"
    """The value of a next state: temperature * logsumexp(log prior + q / temperature), or the largest q."""
    partners: Literal["seen", "hidden"] = "seen"
    """Whether values and prior know what the other two agents chose just now and before."""
    learns: bool = True
    """An agent that does not learn stays at its prior."""
    exploration: Literal["boltzmann", "epsilon"] = "boltzmann"
    """How actions are drawn: from prior * exp(q / temperature), or the best one but for a share epsilon."""
    double: bool = True
    """Choose next actions by the online network and value them by the target network."""
    dueling: bool = True
    """Split the network's head into a state value and centred advantages."""
    hidden: Positive = 128
    """Width of the networks."""
    learning_rate: Above0 = 1e-3
    """Step size of fused Adam."""
    batch_size: Positive = 512
    """Transitions in one gradient step."""
    updates: Positive = 16
    """Gradient steps in one iteration."""
    replay_capacity: Positive = 15_000
    """Transitions remembered: those of the last iteration or two. Rewards move with the balance, and old ones mislead
    (on the pop songs a classifier tells agents with 200,000 from real music more often by .02)."""
    discount: Share = 0.99
    """Gamma for one sixteenth; between two decisions it is raised to the sixteenths between them."""
    polyak: Annotated[float, Field(gt=0, le=1)] = 0.03
    """Share of the online network that the target network takes over after each gradient step."""
    huber_delta: Above0 = 1.0
    """TD error beyond which the loss grows linearly."""
    temperature: Above0 = 0.5
    """Temperature at the start, in units of reward."""
    kl_target: Annotated[float, Field(ge=0)] = 0.075
    """KL from policy to prior, in nats a decision, that the temperature is steered to; 0 leaves it as it is."""
    kl_step: Annotated[float, Field(ge=0, le=0.5)] = 0.06
    """Largest relative change of the temperature in one iteration."""
    epsilon_start: Share = 1.0
    """Share of uniform random actions at the start (epsilon exploration only)."""
    epsilon_end: Share = 0.05
    """Share of uniform random actions after the decay."""
    epsilon_decay: Positive = 2_000_000
    """Decisions of all agents together over which epsilon falls linearly."""
    table_rate: Annotated[float, Field(gt=0, le=1)] = 0.1
    """Step size of tabular Q-learning."""


@dataclass(frozen=True, config=_STRICT)
class PriorConfig:
    """How a frozen prior is learned from the corpus."""

    hidden: Positive = 128
    """Width of the network. Twice as wide lowers the held-out error by .01 nats and doubles the time of composing."""
    learning_rate: Above0 = 2e-3
    """Step size of fused AdamW at the start; it falls along a cosine to nothing."""
    weight_decay: Annotated[float, Field(ge=0)] = 0.1
    """Decoupled weight decay."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.2
    """Share of the observation's slots hidden in each training example."""
    batch_size: Positive = 1024
    """Decisions in one gradient step."""
    epochs: Positive = 12
    """Epochs at most."""
    epoch_steps: Positive = 20
    """Gradient steps in an epoch at least: a small corpus is passed over several times."""
    patience: Positive = 3
    """Epochs without a better held-out error after which training stops."""
    held_out: Annotated[float, Field(gt=0, lt=1)] = 0.1
    """Share of the pieces whose error decides when to stop."""


@dataclass(frozen=True, config=_STRICT)
class TrainConfig:
    """A training run. It stops at whichever of ``steps`` and ``minutes`` is reached first."""

    seed: Annotated[int, Field(ge=0)] = 0
    """What all random generators of the run are derived from."""
    steps: Positive | None = None
    """Decisions of all agents together after which training stops, at the end of that iteration."""
    minutes: Above0 | None = None
    """Minutes of learning after which training stops, over all resumptions, priors not counted."""
    pieces: Positive = 128
    """Pieces composed side by side in one iteration."""
    bars: Positive = 16
    """Length of every piece."""
    checkpoint_every: Positive = 30
    """Iterations between two checkpoints."""
    device: str = "cpu"
    """Where tensors live: cpu, cuda, cuda:1, ..."""
    rewards: dict[str, dict[str, float]] = field(default_factory=dict)
    """Weights of reward terms by term and agent, such as ``{"cadence": {"melody": 0.5}}``; others keep theirs."""
    balance: Share = 0.03
    """How quickly the mixture of intervals, durations, chords and the like is held at the corpus' (see
    :class:`composer.rewards.Balance`), in units of reward a nat and iteration; 0 lets it go."""
    averaging: Annotated[float, Field(ge=0, lt=1)] = 0.9
    """Share that the average of the agents' models keeps at each iteration: the finished model is that average
    (Polyak and Juditsky 1992), for the last iteration's weights are one throw of many; 0 takes them as they are."""
    drafts: Positive = 4
    """Drafts of every piece among which the finished model's ear chooses; 1 composes without an ear."""
    theory: Annotated[float, Field(ge=0)] = 0.25
    """What a unit of reward a bar is worth to that choice, in log-odds that a draft is real music. On two pop trios a
    classifier told the chosen drafts from songs that were learned from with .62 at 0, .65 at a half and .69 at 1 (one
    draft: .70); the reward a bar was .39, .57 and .75 (those songs: .14)."""
    plans: bool = True
    """Whether pieces have form plans, real ones as new ones; else nothing is planned."""
    restraint: Above0 = 1.0
    """Temperatures of the finished model, as a multiple of those learned at: above 1 it keeps nearer to the corpus
    than it explored."""
    priors: PriorConfig = field(default_factory=PriorConfig)
    """How the three priors are learned."""
    chord: AgentConfig = field(default_factory=lambda: AgentConfig(kl_target=0.078))
    """The chord agent. The budgets raise the reward above real music's and keep the pieces among real ones."""
    rhythm: AgentConfig = field(default_factory=lambda: AgentConfig(kl_target=0.039))
    """The rhythm agent; its choices bear a smaller budget: rests and syncopation die first."""
    melody: AgentConfig = field(default_factory=lambda: AgentConfig(kl_target=0.078))
    """The melody agent."""

    @property
    def agents(self) -> tuple[AgentConfig, AgentConfig, AgentConfig]:
        """The three agents' configurations in the order of their turns."""
        return self.chord, self.rhythm, self.melody

    def to_json(self) -> dict[str, Any]:
        """A JSON object; :meth:`from_json` reads it back."""
        data: dict[str, Any] = _ADAPTER.dump_python(self, mode="json")
        return data

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> TrainConfig:
        """The configuration a JSON object describes; fields left out keep their defaults.

        The three agents differ in their default KL budgets, so an agent's object is laid over that agent's defaults.

        Raises:
            AgentError: if a field is unknown or its value out of range; the message names the first such field.
        """
        laid: dict[str, Any] = dict(data)
        defaults = _ADAPTER.dump_python(cls(), mode="json")
        for name in ("chord", "rhythm", "melody", "priors"):
            if isinstance(laid.get(name), Mapping):
                laid[name] = {**defaults[name], **laid[name]}
        try:
            return _ADAPTER.validate_json(json.dumps(laid), strict=True)
        except (ValidationError, TypeError) as error:
            raise AgentError(f"training configuration: {_first(error)}") from None


_ADAPTER = TypeAdapter(TrainConfig)


def _first(error: ValidationError | TypeError) -> str:
    if isinstance(error, TypeError):
        return str(error)
    fault = error.errors()[0]
    place = ".".join(str(part) for part in fault["loc"]) or "the whole"
    return f"{place}: {fault['msg'].lower()}, got {fault['input']!r}"
