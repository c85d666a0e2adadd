"""Judging models: their pieces beside baselines, ablations and real music. Knows no Prefect and no MLflow."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from agents.config import AgentConfig, TrainConfig
from agents.seeding import derive, generator
from agents.training import planned
from agents.trio import Trio
from composer.corpus import Corpus
from composer.environment import Conditions
from composer.evaluation import Comparison, Markov, Report, compare
from composer.rewards import RewardWeights
from composer.score import Score
from composer.theory import METERS
from composer.vocabulary import AGENTS, Vocabulary
from flows.composing import Model
from flows.errors import FlowError
from flows.home import Home
from flows.revision import triad_version
from flows.stages import HELD_OUT, CorpusFile, read_corpus

AGENTS_SET, PRIOR_SET, RANDOM_SET, MARKOV_SET = "agents", "prior", "random", "order-3 Markov"
# What of an agent was taken away, by what is said of models without it.
_TAKEN_AWAY: Mapping[str, Callable[[AgentConfig], bool]] = {
    "without prior": lambda agent: agent.prior == "uniform",
    "independent": lambda agent: agent.partners == "hidden",
    "tabular": lambda agent: agent.learner == "tabular",
}
# Settings in which models may differ and still be runs of the same variant.
_FREE = ("seed", "device", "checkpoint_every")


@dataclass(frozen=True, slots=True)
class Music:
    """Excerpts of real pieces as a vocabulary can say them, with their plans: like is compared with like.

    Attributes:
        score: (E,) the excerpts.
        songs: (E,) the piece of the corpus each was cut from.
    """

    score: Score
    songs: tuple[int, ...]

    @classmethod
    def of(cls, corpus: Corpus, vocabulary: Vocabulary, bars: int) -> Music:
        """The excerpts of ``bars`` bars in the metres the vocabulary knows.

        Raises:
            CorpusError: if no piece is long enough, or none is in such a metre.
        """
        known = corpus.of_meters([METERS[index].name for index in vocabulary.meters()])
        return cls(planned(vocabulary, known.excerpts(bars)), tuple(known.excerpt_rows(bars).tolist()))


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


def draw_conditions(training: Score, count: int, random: torch.Generator) -> Conditions:
    """What ``count`` pieces to judge are written under: as pieces that were learned from."""
    return Conditions.of(training).select(torch.randint(len(training), (count,), generator=random))


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
    found, training, real = _music(models[0], trio, home, corpus, held_out)
    by_prior = next((runs for runs in trios.values() if any(agent.prior for agent in runs[0].agents)), ())

    def conditions(run: int) -> Conditions:
        return draw_conditions(training.score, count, generator(seed, "conditions", str(run)))

    def composed(runs: Sequence[Trio], policy: Any) -> list[Score]:
        return [
            one.compose(conditions(run), policy=policy, seed=derive(seed, policy, str(run)))
            for run, one in enumerate(runs)
        ]

    sets = {name: composed(runs, "agents") for name, runs in trios.items()}
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
        f"Learned from {found.style} ({found.digest}): {len(training.score)} excerpts of {trio.config.bars} bars. "
        f"Judged by {len(real.score)} excerpts of {len(set(real.songs))} pieces kept out of training"
        f"{f' ({held_out.name})' if held_out else ''}, {count} pieces composed a run, seed {seed}, "
        f"Triad {triad_version()}.",
    )
    return Report(f"Evaluation: {found.style}", comparison, about), found


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


def _music(
    model: Model, trio: Trio, home: Home, corpus: Path | None, held_out: Path | None
) -> tuple[CorpusFile, Music, Music]:
    """What was learned from and what to judge by."""
    known = model.provenance
    kept = home.corpora / str(known.get("corpus_file", ""))
    if corpus is None and not kept.is_file():
        raise FlowError(
            f"the corpus {known.get('corpus_source')} ({known.get('corpus_digest')}) that {model.source} learned "
            f"from is not in {home.corpora}: give it with --corpus"
        )
    found = read_corpus(corpus or kept, known.get("style"), home)
    whole = Corpus.load(Path(found.path))
    learned, kept_out = whole.split(HELD_OUT)
    if whole.digest == known.get("corpus"):
        learned = whole
    elif learned.digest != known.get("corpus"):
        raise FlowError(
            f"{found.source} holds the corpus {found.digest}, but the model learned from "
            f"{known.get('corpus_digest')}: give that one, for other music may not have been kept out of training"
        )
    wanted = known.get("held_out_digest")
    if held_out is not None:
        kept_out = Corpus.load(Path(read_corpus(held_out, None, home).path))
        if kept_out.digest in (whole.digest, learned.digest):
            raise FlowError(f"{held_out} is what {model.source} learned from: give music it does not know")
    elif learned is whole:
        but = f" and kept out the music {wanted}" if wanted else ""
        raise FlowError(
            f"{model.source} learned from all of {found.source}{but}: give music it does not know with --held-out"
        )
    if wanted is not None and kept_out.digest != wanted:
        raise FlowError(
            f"{held_out or found.source} holds the music {kept_out.digest}, but {model.source} kept out {wanted}: "
            "give that one with --held-out"
        )
    training, real = (Music.of(part, trio.vocabulary, trio.config.bars) for part in (learned, kept_out))
    return found, training, real
