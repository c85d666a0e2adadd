"""Writing around what is given: parts of a score are settled, the agents write the rest.

An agent sees the past only, yet a chord must fit the notes that are given to come. So many drafts are written side by
side, and each is weighed by how probable the agents' own policies find what is given: the chord under which they
would have sung the given notes anyway is the better chord. Where all drafts of a piece stand at the same place and
few of them carry most of the weight, the heavy ones are copied over the light ones (a particle filter: Gordon,
Salmond and Smith 1993; for sequence models Lew et al. 2023, https://arxiv.org/abs/2306.03081).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from agents import agent as acting
from agents import policy
from agents.seeding import generator
from agents.sight import Sight
from agents.trio import Trio, read_dials, to_cpu
from composer.environment import PARTS, Conditions, Coordinator, Given, Guide
from composer.rewards import RewardWeights, agent_rewards, reward_terms
from composer.score import Score
from composer.view import View
from composer.vocabulary import AGENTS, CHORD

# Drafts are drawn again once they weigh as little as this share of them would at equal weights.
_FEW = 0.5
_NEVER = -12.0  # log-probability of what an agent would hardly do: one odd note must not decide all


@dataclass(frozen=True, slots=True)
class Answers:
    """Several ways to complete a piece, the best first.

    Attributes:
        score: K pieces.
        earned: (K,) float32, what the agents earn a bar by their reward terms.
        fit: (K,) float32, mean log-probability of a given note or cell under the agents' policies; 0 where none is
            given.
    """

    score: Score
    earned: Tensor
    fit: Tensor


def complete(
    trio: Trio,
    given: Given,
    *,
    answers: int = 1,
    drafts: int = 16,
    seed: int = 0,
    dial: float | Mapping[str, float] = 1.0,
) -> Answers:
    """Write what is free around what is given.

    Args:
        trio: who writes.
        given: one piece, its plan included.
        answers: how many different ways.
        drafts: written for each answer, of which the one that earns most is kept.
        seed: of all random choices.
        dial: from style to theory, as in :meth:`agents.trio.Trio.compose`.

    Returns:
        at most ``answers`` pieces, all different; fewer where the same piece was found again. What was given stands
        in them as it was.

    Raises:
        AgentError: if a dial is out of range.
        EnvironmentConditionError: if the agents know no rhythm in the piece's metre.
    """
    if len(given.score) != 1 or answers < 1 or drafts < 1:
        raise ValueError("give one piece, and ask for at least one answer and one draft")
    given = replace(given, score=given.score.trimmed(), **{part: _cut(given, part) for part in PARTS})
    written, fit = _write(trio, given, answers, drafts, seed, dial)
    exact = given.select(torch.zeros(len(written), dtype=torch.int64)).laid_over(written)
    rewards = agent_rewards(reward_terms(View(exact), trio.reference), RewardWeights(terms=trio.config.rewards))
    earned = rewards.sum((0, 2)) / exact.bars
    best = earned.view(answers, drafts).argmax(1) + drafts * torch.arange(answers)
    order = best[earned[best].argsort(descending=True, stable=True)]
    kept: dict[bytes, int] = {}
    for row in order.tolist():
        kept.setdefault(_content(exact, row), row)
    rows = torch.tensor(list(kept.values()))
    return Answers(exact.select(rows), earned[rows], fit[rows])


@torch.inference_mode()
def _write(
    trio: Trio, given: Given, answers: int, drafts: int, seed: int, dial: float | Mapping[str, float]
) -> tuple[Score, Tensor]:
    """All drafts of all answers, and how well each fits what is given."""
    count, dials = answers * drafts, read_dials(dial)
    rows = torch.zeros(count, dtype=torch.int64)
    vocabulary, sights = trio.vocabulary, Sight.of_agents(trio.config)
    guide = Guide(vocabulary, given.select(rows))
    coordinator = Coordinator(vocabulary)
    coordinator.begin(Conditions.of(given.score).select(rows))
    randoms = [generator(seed, "complete", name) for name in AGENTS]
    lots = generator(seed, "drafts")
    sounding, weight, fit, notes = (torch.zeros(count) for _ in range(4))
    sounding = sounding.long()
    while not coordinator.finished:
        turn = coordinator.turn
        if bool((turn == CHORD).all()) and bool((coordinator.time == coordinator.time[0]).all()):
            chosen = _survivors(weight.view(answers, drafts), lots)
            if chosen is not None:
                coordinator.copy_rows(chosen)
                sounding, fit, notes = sounding[chosen], fit[chosen], notes[chosen]
                weight = torch.zeros(count)
        observation, legal = coordinator.observe(), guide.legal(coordinator)
        settled, wanted = guide.decide(coordinator, legal, sounding)
        heard = guide.heard(coordinator) & settled
        actions = wanted.clone()
        for index, agent in enumerate(trio.agents):
            free = ((turn == index) & ~settled).nonzero().flatten()
            weighed = ((turn == index) & heard).nonzero().flatten()
            asked = torch.cat([free, weighed])
            if not len(asked):
                continue
            seen, open_ = sights[index].see(observation, asked), legal[asked, : vocabulary.sizes[index]]
            prior = acting.log_prior(agent, seen, open_)
            chances = acting.preferences(agent, seen, prior, dials[index])
            actions[free] = policy.draw(chances[: len(free)], randoms[index])
            known = chances[len(free) :].gather(1, wanted[weighed][:, None])[:, 0].log().clamp(min=_NEVER)
            weight[weighed] += known
            fit[weighed] += known
            notes[weighed] += 1
        changed = (turn == CHORD) & (actions > 0)
        sounding = torch.where(changed, actions, sounding)
        coordinator.step(actions)
    return to_cpu(coordinator.score()), fit / notes.clamp(min=1)


def _survivors(weight: Tensor, lots: torch.Generator) -> Tensor | None:
    """(answers * drafts,) the draft each goes on from, by log-weights (answers, drafts); None if all may stay."""
    answers, drafts = weight.shape
    share = torch.softmax(weight, 1)
    few = 1 / share.square().sum(1) < _FEW * drafts
    if not bool(few.any()):
        return None
    # Systematic resampling: a draft of weight w goes on in floor or ceil of w * drafts copies.
    points = (torch.rand(answers, 1, generator=lots) + torch.arange(drafts)) / drafts
    drawn = torch.searchsorted(share.cumsum(1).contiguous(), points.contiguous()).clamp(max=drafts - 1)
    own = torch.arange(drafts).expand(answers, drafts)
    return (torch.where(few[:, None], drawn, own) + drafts * torch.arange(answers)[:, None]).flatten()


def _cut(given: Given, part: str) -> Tensor:
    mask: Tensor = getattr(given, part)
    return mask[:, : int(given.score.beats.max())]


def _content(score: Score, row: int) -> bytes:
    return b"".join(getattr(score, part)[row].numpy().tobytes() for part in ("chord", "cell", "pitch", "groove"))
