"""Judging models: their pieces beside baselines, ablations and real music. Knows no Prefect and no MLflow."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from agents.config import AgentConfig, TrainConfig
from agents.seeding import derive, generator
from agents.trio import Trio
from composer.environment import Conditions
from composer.evaluation import Comparison, Markov, Report, compare
from composer.rewards import RewardWeights
from composer.score import Score
from composer.vocabulary import AGENTS
from flows.composing import Model
from flows.errors import FlowError
from flows.home import Home
from flows.music import Excerpts, draw_conditions, music_of
from flows.revision import triad_version
from flows.stages import CorpusFile

AGENTS_SET, PRIOR_SET, RANDOM_SET, MARKOV_SET = "agents", "prior", "random", "order-3 Markov"
# What the ear does for the agents: their first drafts, none of which it chose.
FIRST_DRAFTS_SET = "first drafts"
# What of an agent was taken away, by what is said of models without it.
_TAKEN_AWAY: Mapping[str, Callable[[AgentConfig], bool]] = {
    "without prior": lambda agent: agent.prior == "uniform",
    "independent": lambda agent: agent.partners == "hidden",
    "tabular": lambda agent: agent.learner == "tabular",
}
# Settings in which models may differ and still be runs of the same variant.
_FREE = ("seed", "device", "checkpoint_every")


def variant(config: TrainConfig) -> str:
    """What a model is called by what was taken away from its agents; ``agents`` where nothing was."""
    said = []
    for words, taken in _TAKEN_AWAY.items():
        names = [name for name, agent in zip(AGENTS, config.agents, strict=True) if taken(agent)]
        said += [words if len(names) == len(AGENTS) else f"{' and '.join(names)} {words}"] if names else []
    learning = [name for name, agent in zip(AGENTS, config.agents, strict=True) if agent.learns]
    if len(learning) < len(AGENTS):
        said.append(f"frozen partners, {' and '.join(learning) or 'nobody'} learns")
    return ", ".join(said) or AGENTS_SET


def judge_models(
    models: Sequence[Model],
    home: Home,
    *,
    corpus: Path | None = None,
    held_out: Path | None = None,
    count: int = 200,
    seed: int = 0,
) -> tuple[Report, CorpusFile]:
    """Judge models beside their priors, random pieces, an order-3 Markov model and what becomes of real music.

    Models whose settings differ only in the seed are runs of one variant. The variant ``agents`` is judged by the
    goals, or the first model's where there is none; others stand beside it.

    Args:
        models: to judge, all of one corpus.
        home: where the corpus they learned from is cached.
        corpus: that corpus, where it is kept elsewhere: a folder or a corpus file.
        held_out: real music to judge by, a folder or a corpus file, instead of the tenth of the corpus that the
            models did not learn from.
        count: pieces of each run; also the most real ones on one side.
        seed: of all draws.

    Raises:
        FlowError: if the corpus is not there any more, another one is given, or the models do not go together.
    """
    trios = _trios(models)
    trio = next(iter(trios.values()))[0]
    music = music_of(models[0], home, corpus, held_out)
    training, real = (
        Excerpts.of(part, trio.vocabulary, trio.config.bars) for part in (music.training, music.held_out)
    )
    by_prior = next((runs for runs in trios.values() if any(agent.prior for agent in runs[0].agents)), ())

    def conditions(run: int) -> Conditions:
        return draw_conditions(training.score, count, generator(seed, "conditions", str(run)))

    def composed(runs: Sequence[Trio], policy: Any, drafts: int | None = None) -> list[Score]:
        return [
            one.compose(conditions(run), policy=policy, seed=derive(seed, policy, str(run)), drafts=drafts)
            for run, one in enumerate(runs)
        ]

    sets = {name: composed(runs, "agents") for name, runs in trios.items()}
    first = next(iter(trios.values()))
    sets |= {FIRST_DRAFTS_SET: composed(first, "agents", 1)} if first[0].ear is not None else {}
    sets |= {PRIOR_SET: composed(by_prior, "prior")} if by_prior else {}
    sets[RANDOM_SET] = composed([trio], "random")
    sets[MARKOV_SET] = [Markov(training.score).compose(conditions(0), generator(seed, "Markov"))]
    comparison = compare(
        sets,
        held_out=real.score,
        training=training.score,
        songs=real.songs,
        training_songs=training.songs,
        reference=trio.reference,
        seed=seed,
        weights=RewardWeights(terms=trio.config.rewards),
    )
    said = [
        f"{name}: {len(runs)} model(s), seed {', '.join(str(one.config.seed) for one in runs)}"
        for name, runs in trios.items()
    ]
    digests = ", ".join(sorted(model.digest for model in models))
    about = (
        f"Models {digests}: {'; '.join(said)}.",
        f"Learned from {music.file.style} ({music.file.digest}): {len(training.score)} excerpts of "
        f"{trio.config.bars} bars. "
        f"Judged by {len(real.score)} excerpts of {len(set(real.songs))} pieces kept out of training"
        f"{f' ({held_out.name})' if held_out else ''}, {count} pieces composed a run, seed {seed}, "
        f"Triad {triad_version()}.",
    )
    return Report(f"Evaluation: {music.file.style}", comparison, about), music.file


def figures(comparison: Comparison) -> dict[str, float]:
    """The figures a tracker keeps, by ``<set>/<figure>``; the report holds the rest."""
    return {f"{short(name)}/{key}": value for name, row in comparison.figures().items() for key, value in row.items()}


def short(name: str) -> str:
    """The name of a set as part of a metric's."""
    return re.sub(r"[^A-Za-z0-9-]+", "_", name)


def _trios(models: Sequence[Model]) -> dict[str, list[Trio]]:
    """The models by variant, the one to judge first.

    Raises:
        FlowError: if models of one variant differ in more than the seed, or models cannot be compared.
    """
    found: dict[str, list[Trio]] = {}
    first: Model | None = None
    seen: dict[str, str] = {}
    for model in models:
        if model.trio is None:
            raise FlowError("there is no model to judge")
        first = first or model
        assert first.trio is not None
        if model.digest in seen:
            raise FlowError(f"{model.source} and {seen[model.digest]} are the same model: name each once")
        seen[model.digest] = model.source
        for what, mine, other in (
            ("corpus", model.provenance.get("corpus"), first.provenance.get("corpus")),
            ("held-out music", *(one.provenance.get("held_out_digest") for one in (model, first))),
            ("vocabulary", model.trio.vocabulary.digest, first.trio.vocabulary.digest),
            ("bars", model.trio.config.bars, first.trio.config.bars),
        ):
            if mine != other:
                raise FlowError(
                    f"{model.source} was trained with the {what} {mine}, {first.source} with {other}: "
                    "judge them in two reports"
                )
        runs = found.setdefault(variant(model.trio.config), [])
        if runs and (differing := _differing(runs[0].config, model.trio.config)):
            raise FlowError(
                f"{model.source} differs from other models of its kind ({variant(model.trio.config)}) in "
                f"{differing}, not only in the seed: judge them in two reports"
            )
        runs.append(model.trio)
    return dict(sorted(found.items(), key=lambda item: item[0] != AGENTS_SET))


def _differing(one: TrainConfig, other: TrainConfig) -> str | None:
    """The first setting in which two configurations of one variant differ."""
    mine, theirs = one.to_json(), other.to_json()
    return next((name for name in mine if name not in _FREE and mine[name] != theirs[name]), None)
