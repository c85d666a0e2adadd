"""A comparison for reading: one document of sections, as Markdown or as one HTML page that needs nothing else."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from jinja2 import Environment, PackageLoader, StrictUndefined

from composer.evaluation.comparison import REAL_AGAINST_REAL, YARDSTICKS, Comparison
from composer.evaluation.evaluation import Estimate
from composer.evaluation.figures import COORDINATION, FIGURES, Figure, Goal
from composer.evaluation.plots import plots
from composer.evaluation.tables import cell, markdown_table
from composer.rewards import GROUPS, TERMS

MET, MISSED = "met", "not met"


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the document.

    Attributes:
        title: its heading.
        paragraphs: what is said.
        plot: name of the picture shown, if any.
        header: of the table, if there is one.
        rows: of the table.
    """

    title: str
    paragraphs: tuple[str, ...] = ()
    plot: str | None = None
    header: tuple[str, ...] = ()
    rows: tuple[tuple[object, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """One goal, and what came of it.

    Attributes:
        figure: what is asked.
        found: its value.
        real: the same of real music against real music.
        ratio: of the two.
        goal: what it should come to.
        met: whether it does; None where either is not known.
    """

    figure: Figure
    found: Estimate
    real: float | None
    ratio: float | None
    goal: Goal
    met: bool | None


def verdicts(comparison: Comparison) -> tuple[Verdict, ...]:
    """Every goal of the judged set."""
    made = []
    for figure in FIGURES:
        found, real = comparison.estimate(comparison.head, figure), comparison.real(figure)
        ratio = comparison.ratio(comparison.head, figure)
        for goal in figure.goals:
            met = goal.met(found.mean, real) if found.mean is not None and real is not None else None
            made.append(Verdict(figure, found, real, ratio, goal, met))
    return tuple(made)


@dataclass(frozen=True)
class Report:
    """The document.

    Attributes:
        title: its heading.
        comparison: what it tells of.
        about: lines on where the sets come from.
    """

    title: str
    comparison: Comparison
    about: tuple[str, ...] = ()

    @cached_property
    def plots(self) -> dict[str, bytes]:
        """PNG data by name; the Markdown refers to ``NAME.png`` beside it."""
        return plots(self.comparison)

    def to_json(self) -> dict[str, object]:
        """A JSON object: the goals with their outcome, and :meth:`Comparison.to_json`."""
        goals = [
            {
                "figure": verdict.figure.key,
                "value": verdict.found.mean,
                "real": verdict.real,
                "goal": verdict.goal.text,
                "met": verdict.met,
            }
            for verdict in verdicts(self.comparison)
        ]
        return {"title": self.title, "about": list(self.about), "goals": goals, **self.comparison.to_json()}

    def markdown(self, *, pictures: bool = True) -> str:
        """The document as Markdown, with or without references to its pictures."""
        parts = [f"# {self.title}\n"]
        for section in self._sections:
            if not pictures and section.plot:
                continue
            parts += [f"## {section.title}\n"] if section.title else []
            parts += [f"{paragraph}\n" for paragraph in section.paragraphs]
            parts += [f"![{section.title}]({section.plot}.png)\n"] if section.plot else []
            parts += [markdown_table(section.header, section.rows)] if section.header else []
        return "\n".join(parts)

    def html(self) -> str:
        """The document as one page; pictures are inside."""
        environment = Environment(loader=PackageLoader(__package__, "."), autoescape=True, undefined=StrictUndefined)
        environment.filters["cell"] = cell
        return environment.get_template("report.html").render(
            title=self.title,
            sections=self._sections,
            plots={name: base64.b64encode(data).decode("ascii") for name, data in self.plots.items()},
            classes={MET: "met", MISSED: "missed"},
        )

    @cached_property
    def _sections(self) -> tuple[Section, ...]:
        found = self.comparison
        made = [
            Section("", self.about),
            _goals(found),
            _figures(found),
            _ratios(found),
            *_coordination(found),
            Section("Overlap of feature distributions", plot="overlap"),
            Section("A classifier between set and real music", plot="classifier"),
            Section("Self-similarity: how like a bar is to the one so many bars before", plot="similarity"),
            Section(f"Features of {found.head} farthest from real music, with their overlap", plot="features"),
            _terms(found),
            *(_farthest(found, name) for name in found.runs if name != REAL_AGAINST_REAL),
        ]
        return tuple(made)


def _quoted(found: Estimate) -> str:
    """A mean, and its interval where there is one."""
    ends = "" if found.low is None or found.high is None else f" [{cell(found.low)}, {cell(found.high)}]"
    return cell(found.mean) + ends


def _goals(found: Comparison) -> Section:
    made = verdicts(found)
    known = [verdict for verdict in made if verdict.met is not None]
    rows = [
        (
            verdict.figure.name,
            _quoted(verdict.found),
            verdict.real,
            verdict.ratio,
            verdict.goal.text,
            None if verdict.met is None else MET if verdict.met else MISSED,
        )
        for verdict in made
    ]
    first = found.runs[found.head]
    return Section(
        f"Goals: {found.head}",
        (
            f"{sum(bool(verdict.met) for verdict in known)} of {len(known)} goals met. {len(first)} run(s) of "
            f"{first[0].pieces} pieces each, judged against {first[0].against} real ones kept out of training; "
            "with several runs the interval is Student's 95 % interval over them, with one that within the set.",
        ),
        header=("figure", found.head, "real against real", "ratio", "goal", "outcome"),
        rows=tuple(rows),
    )


def _figures(found: Comparison) -> Section:
    pieces = ("pieces", *(sum(run.pieces for run in runs) // len(runs) for runs in found.runs.values()))
    runs = ("runs", *(len(runs) if name not in YARDSTICKS else None for name, runs in found.runs.items()))
    rows = [(figure.name, *(_quoted(found.estimate(name, figure)) for name in found.runs)) for figure in FIGURES]
    return Section(
        "Sets beside each other",
        (
            "Reward is 0 where a piece does as the training pieces do on average. Copied runs are notes in a row "
            "that stand in a training piece, in any key. Training pieces are compared with the other training "
            "songs: they show what more music of the kind that was learned from comes to, but for the reward, which "
            "knows them as copies.",
        ),
        header=("figure", *found.runs),
        rows=(runs, pieces, *rows),
    )


def _ratios(found: Comparison) -> Section:
    rows = [(figure.name, *(found.ratio(name, figure) for name in found.runs)) for figure in FIGURES if figure.scale]
    return Section("The same as a ratio to real against real", header=("figure", *found.runs), rows=tuple(rows))


def _coordination(found: Comparison) -> list[Section]:
    """What the judged agents have more of than other sets with as many runs, and than the yardstick of one."""
    others = [name for name in found.runs if name not in (found.head, *YARDSTICKS)]
    if not others:
        return []
    rows = [
        (figure.name, *(_quoted(found.difference(found.head, name, figure)) for name in others))
        for figure in COORDINATION
    ]
    return [
        Section(
            f"What {found.head} have more of than others",
            (
                "Differences, with Welch's 95 % interval where both sides have several runs. Agents that listen to "
                "each other fit melody to harmony better than to the same harmony two bars later, and earn more.",
            ),
            header=("figure", *others),
            rows=tuple(rows),
        )
    ]


def _terms(found: Comparison) -> Section:
    def mean(name: str, term: str) -> float | None:
        means = [known for run in found.runs[name] if (known := run.terms[term].mean) is not None]
        return sum(means) / len(means) if means else None

    rows = [
        (f"{group}: {term}", *(mean(name, term) for name in found.runs))
        for group in GROUPS
        for term, row in TERMS.items()
        if row.group == group
    ]
    return Section("Reward terms, mean a bar (0: as the corpus)", header=("term", *found.runs), rows=tuple(rows))


def _farthest(found: Comparison, name: str) -> Section:
    run = found.runs[name][0]
    rows: Sequence[tuple[object, ...]] = [
        (feature, figure.overlap, figure.mean, figure.real, figure.shift)
        for feature, figure in ((feature, run.features[feature]) for feature in run.farthest)
    ]
    telling = run.classification.telling if run.classification else ()
    words = ", ".join(f"{row.feature} ({row.area:.2f})" for row in telling)
    return Section(
        f"Farthest from real music: {name}",
        (f"Most telling by themselves, with the chance that a piece has more of it than a real one: {words}.",)
        if words
        else (),
        header=("feature", "overlap", "here", "real", "shift in real deviations"),
        rows=tuple(rows),
    )


def headline(comparison: Comparison) -> str:
    """One line on how the judged set fares beside the others: overlap, classifier, reward, goals."""

    def said(name: str) -> str:
        overlap, told, reward = (comparison.estimate(name, key).mean for key in ("overlap", "classifier", "reward"))
        return f"{cell(overlap)} / {cell(told)} / {'–' if reward is None else f'{reward:+.2f}'}"

    made = [verdict for verdict in verdicts(comparison) if verdict.met is not None]
    others = ", ".join(f"{name} {said(name)}" for name in comparison.runs if name != comparison.head)
    return (
        f"{comparison.head} meet {sum(bool(verdict.met) for verdict in made)} of {len(made)} goals: "
        f"overlap with real music / classifier / reward a bar {said(comparison.head)} ({others})"
    )
