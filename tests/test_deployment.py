"""What ``prefect.yaml`` and the automation say is what Prefect and the flow understand."""

from __future__ import annotations

import inspect
from pathlib import Path

import yaml
from prefect.client.schemas.schedules import CronSchedule
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture

from flows.retrain import retrain

ROOT = Path(__file__).parent.parent


def test_the_deployment_gives_the_flow_parameters_it_has() -> None:
    (deployment,) = yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]
    module, name = deployment["entrypoint"].rsplit(".", 1)
    assert (module, name) == (retrain.fn.__module__, retrain.fn.__name__)
    known = set(inspect.signature(retrain.fn).parameters)
    given = [deployment["parameters"], *(schedule.get("parameters", {}) for schedule in deployment["schedules"])]
    for parameters in given:
        assert set(parameters) <= known
        retrain.validate_parameters(parameters)
    assert deployment["concurrency_limit"] == {"limit": 1, "collision_strategy": "CANCEL_NEW"}


def test_there_is_a_short_schedule_by_night_and_a_long_one_by_week() -> None:
    (deployment,) = yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]
    schedules = {schedule["slug"]: schedule for schedule in deployment["schedules"]}
    assert set(schedules) == {"nightly", "weekly"}
    for schedule in schedules.values():
        CronSchedule(cron=schedule["cron"], timezone=schedule["timezone"])
    assert schedules["weekly"]["parameters"]["minutes"] > deployment["parameters"]["minutes"]


def test_the_automation_waits_for_three_beats() -> None:
    (given,) = yaml.safe_load((ROOT / "docker" / "automations.yaml").read_text())["automations"]
    automation = AutomationCore.model_validate(given)
    assert isinstance(automation.trigger, EventTrigger)
    assert automation.trigger.posture is Posture.Proactive
    assert automation.trigger.within.total_seconds() == 90
    assert automation.trigger.after == {"prefect.flow-run.heartbeat"}
