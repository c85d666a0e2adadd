from __future__ import annotations

import re
from typing import Any

import pytest
from prefect.cache_policies import NO_CACHE
from prefect.states import Failed

from composer.corpus import CorpusError
from flows import pipeline, tasks

TASKS = (tasks.read_corpus, tasks.learn, tasks.register_model, tasks.judge, tasks.compose_and_render)
FLOWS = (pipeline.train, pipeline.evaluate, pipeline.render, pipeline.pipeline)


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_no_task_is_cached_by_what_it_is_given(task: Any) -> None:
    assert task.cache_policy == NO_CACHE


def test_only_reading_and_writing_is_tried_again_and_not_after_the_users_errors() -> None:
    assert {task.name for task in TASKS if task.retries} == {"read corpus", "register model", "compose and render"}
    worth = tasks.read_corpus.retry_condition_fn
    assert worth(tasks.read_corpus, None, Failed(data=OSError("disk is away")))
    assert not worth(tasks.read_corpus, None, Failed(data=CorpusError("no MIDI file")))


@pytest.mark.parametrize("flow", FLOWS, ids=lambda flow: flow.name)
def test_every_flow_and_parameter_is_described(flow: Any) -> None:
    assert flow.description
    for name, schema in flow.parameters.properties.items():
        assert re.match(r"[A-Z].*\.$", schema["description"], re.DOTALL), name


def test_a_training_has_an_end() -> None:
    assert pipeline.configured(1, None, None).minutes == 3.0
    assert pipeline.configured(1, None, 500).minutes is None
    assert pipeline.configured(1, None, None, {"steps": 7}).steps == 7
    both = pipeline.configured(2, 1.5, 500, {"minutes": 9.0, "bars": 8})
    assert (both.seed, both.minutes, both.steps, both.bars) == (2, 1.5, 500, 8)
