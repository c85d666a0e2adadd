"""Shows the deployment of prefect.yaml at work: a real Prefect server and worker, a schedule that fires twice.

``python -m scripts.prove_schedule`` takes a few minutes. Everything lives in a temporary folder and on the loopback;
the schedule is every 30 seconds and the training tiny, else it is the deployment that ships.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from scripts.deployed import scheduled_runs, server, wait_for, worker

TIMES = 2
PATIENCE_SECONDS = 400.0


def main() -> None:
    """Start the services, wait for two scheduled runs, and tell what was seen.

    Raises:
        SystemExit: if the schedule did not fire twice to a good end, or the automation is missing.
    """
    with tempfile.TemporaryDirectory(prefix="triad-") as name:
        folder = Path(name)
        with server(folder, 30, {"steps": 300}):

            def enough() -> list[dict[str, object]]:
                done = scheduled_runs("COMPLETED")
                return done if len(done) >= TIMES else []

            with worker(folder):
                runs = wait_for(f"{TIMES} scheduled runs that came to a good end", enough, PATIENCE_SECONDS)
            for run in runs:
                print(f"{run['expected_start_time']}  {run['state_name']:<10} {run['name']}")
            from prefect.automations import Automation  # reads the address of the server when it is imported

            automation = Automation.read(name="end zombie flow runs")
            print(f"automation: {automation.name}, enabled {automation.enabled}")


if __name__ == "__main__":
    main()
