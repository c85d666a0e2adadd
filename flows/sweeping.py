"""A search for better training settings, as plain functions: its space, its study, its trials.

Optuna proposes and remembers; a trial is several trainings with the same settings and different seeds, and its value
their mean quality beside the music they learned from. Held-out music decides nothing here, so that it can still judge
what the search finds. Knows no Prefect and no MLflow.
"""

from __future__ import annotations

import copy
import logging
import tomllib
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

import optuna
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from agents.config import TrainConfig
from flows.errors import FlowError
from flows.home import Home
from flows.retraining import rounds
from flows.stages import CorpusFile, parted, short_digest, train_model, training_folder

# A trial is given up after a seed when its mean is below the median of the others' after as many seeds.
FIRST_TRIALS = 4
_SEED_OF_SAMPLER = 0


class Parameter(BaseModel):
    """One dimension of the search.

    Attributes:
        settings: which training settings it sets, such as ``"melody.kl_target"``; all to the same value.
        low, high: its range; both or none.
        log: whether it is drawn on a logarithmic scale.
        choices: its values, where it has no range.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    settings: Annotated[tuple[str, ...], Field(min_length=1)]
    low: float | None = None
    high: float | None = None
    log: bool = False
    choices: tuple[float | int | str | bool, ...] = ()

    @model_validator(mode="after")
    def _one_kind(self) -> Parameter:
        ranged = self.low is not None and self.high is not None
        if ranged == bool(self.choices) or (self.low is None) != (self.high is None):
            raise ValueError("give low and high, or choices")
        if ranged and not (self.low or 0.0) < (self.high or 0.0):
            raise ValueError(f"low {self.low} is not below high {self.high}")
        return self


Space = Mapping[str, Parameter]
_SPACE = TypeAdapter(dict[str, Parameter])


def read_space(path: Path | None) -> Space:
    """The space in a TOML file; Triad's own where none is named.

    Raises:
        FlowError: naming the file and the parameter that is not in order.
    """
    where = "the space" if path is None else str(path)
    try:
        text = (
            files("flows").joinpath("sweep_space.toml").read_text("utf-8")
            if path is None
            else path.read_text("utf-8")
        )
        space = _SPACE.validate_python(tomllib.loads(text))
    except OSError as error:
        raise FlowError(f"{path} cannot be read ({error.strerror}): name a TOML file") from None
    except tomllib.TOMLDecodeError as error:
        raise FlowError(f"{where} is no valid TOML: {error}") from None
    except ValidationError as error:
        fault = error.errors()[0]
        place = ".".join(str(part) for part in fault["loc"])
        raise FlowError(f"{where}: {place}: {fault['msg'].removeprefix('Value error, ')}") from None
    if not space:
        raise FlowError(f"{where} has no parameter: write a table for each, as in flows/sweep_space.toml")
    # Each setting has to be one there is, at both ends of its range.
    for name, parameter in space.items():
        for value in parameter.choices or (parameter.low, parameter.high):
            try:
                TrainConfig.from_json(settings_of({name: value}, space, {}))
            except Exception as error:
                raise FlowError(f"{where}: {name} = {value}: {error}") from None
    return space


def settings_of(values: Mapping[str, Any], space: Space, base: Mapping[str, Any]) -> dict[str, Any]:
    """The training settings of a trial: ``base`` with the trial's values laid over it."""
    found = copy.deepcopy(dict(base))
    for name, value in values.items():
        for setting in space[name].settings:
            *path, last = setting.split(".")
            place = found
            for part in path:
                place = place.setdefault(part, {})
            place[last] = value
    return found


def open_study(home: Home, name: str) -> optuna.Study:
    """The study of that name, begun or gone on with, kept in a database of the home.

    Trials that were cut off are asked again: their seeds go on from their checkpoints.
    """
    # Optuna tells of every trial on stderr by itself; the flow does that.
    optuna.logging.set_verbosity(logging.WARNING)
    home.root.mkdir(parents=True, exist_ok=True)
    study = optuna.create_study(
        storage=f"sqlite:///{home.root / 'sweeps.db'}",
        study_name=name,
        direction="maximize",
        sampler=optuna.samplers.TPESampler(seed=_SEED_OF_SAMPLER, constant_liar=True),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=FIRST_TRIALS, n_warmup_steps=0),
        load_if_exists=True,
    )
    for trial in study.get_trials(states=(optuna.trial.TrialState.RUNNING,)):
        study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
        study.enqueue_trial(trial.params)
    return study


def study_name(style: str, digest: str, space: Space, base: Mapping[str, Any], seeds: Sequence[int]) -> str:
    """The same music, space, further settings and seeds are the same study."""
    given = [digest, {name: row.model_dump(mode="json") for name, row in space.items()}, dict(base), list(seeds)]
    return f"{style}-{short_digest(given)}"


def suggest(trial: optuna.Trial, space: Space) -> dict[str, Any]:
    """The values Optuna proposes for a trial."""
    return {
        name: trial.suggest_categorical(name, list(row.choices))
        if row.choices
        else trial.suggest_float(name, float(row.low or 0.0), float(row.high or 0.0), log=row.log)
        for name, row in space.items()
    }


def seed_run(
    corpus: CorpusFile, settings: Mapping[str, Any], seed: int, count: int, home: Home
) -> dict[str, float | str]:
    """One complete training and its quality: what a worker does, wherever it runs.

    Returns:
        ``quality``, ``overlap`` and ``reward`` beside the music that was learned from, and the model's folder.
    """
    from flows.composing import Model

    config = TrainConfig.from_json({**settings, "seed": seed})
    folder = training_folder(home, corpus, config)
    model = train_model(corpus, config, folder)
    training, _ = parted(corpus, None)
    [[found]] = rounds([Model.load(model)], training, training, rounds=1, count=count, seed=seed)
    return {"quality": found.quality, "overlap": found.overlap, "reward": found.reward, "folder": str(folder)}
