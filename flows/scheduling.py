"""One person's schedule: the retraining served in the foreground, by a Prefect server of its own on the loopback.

Where the environment names a Prefect server (``PREFECT_API_URL``) that one keeps the schedule, and none is started. A
team uses ``prefect.yaml`` with a work pool and a worker instead.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from flows.engine import settle
from flows.errors import FlowError
from flows.home import Home
from flows.servers import LOOPBACK, check_free, serving


def serve(home: Home, cron: str, timezone: str, parameters: Mapping[str, Any], port: int) -> None:
    """Retrain whenever ``cron`` says so, one retraining at a time, until the process is interrupted.

    Args:
        home: whose Prefect database keeps the schedule.
        cron: minute, hour, day of the month, month, weekday.
        timezone: of the hours, such as ``Europe/Berlin``.
        parameters: of the flow ``retrain``.
        port: of the loopback, for the Prefect server.

    Raises:
        FlowError: if the schedule or the time zone makes no sense, or no server can be started.
    """
    settle(home)
    from prefect.client.schemas.schedules import CronSchedule
    from pydantic import ValidationError

    try:
        when = CronSchedule(cron=cron, timezone=timezone)
    except ValidationError as error:
        reason = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise FlowError(
            f'{reason}: give minute, hour, day of the month, month and weekday, such as "0 3 * * *", '
            "and a time zone such as Europe/Berlin"
        ) from None
    with _server(home, port):
        from flows.retrain import retrain

        retrain.serve(
            name="schedule",
            schedules=[when],
            parameters=dict(parameters),
            description="Learn anew from what the folder holds, and promote what came of it only if it is better.",
            limit=1,
        )


@contextmanager
def _server(home: Home, port: int) -> Iterator[None]:
    if os.environ.get("PREFECT_API_URL"):
        yield
        return
    check_free(port)
    with serving(
        "Prefect",
        ["prefect", "server", "start", "--host", LOOPBACK, "--port", str(port)],
        port,
        health="/api/health",
        log=home.root / "prefect-server.log",
        environment={"PREFECT_SERVER_ANALYTICS_ENABLED": "false"},
    ):
        address = f"http://{LOOPBACK}:{port}"
        os.environ["PREFECT_API_URL"] = f"{address}/api"
        from prefect.settings import PREFECT_API_URL, temporary_settings

        try:
            with temporary_settings({PREFECT_API_URL: f"{address}/api"}):
                yield
        finally:
            del os.environ["PREFECT_API_URL"]
