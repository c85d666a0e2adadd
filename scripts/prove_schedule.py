"""Shows the deployment of prefect.yaml at work: a real Prefect server and worker, a schedule that fires twice.

``python -m scripts.prove_schedule`` takes a few minutes. Everything lives in a temporary folder and on the loopback;
the schedule is every 30 seconds and the training tiny, else it is the deployment that ships.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from composer.corpus import bundled_corpus
from flows.servers import LOOPBACK, serving

ROOT = Path(__file__).parent.parent
AGENT = {"hidden": 8, "batch_size": 32, "updates": 1, "replay_capacity": 2000}
TINY = {
    **{"pieces": 4, "bars": 4, "priors": {"hidden": 8, "epochs": 1}},
    **dict.fromkeys(("chord", "rhythm", "melody"), AGENT),
}
TIMES = 2
PATIENCE_SECONDS = 400.0


def main() -> None:
    """Start the services, deploy, wait for two scheduled runs, and tell what was seen.

    Raises:
        SystemExit: if the schedule did not fire twice to a good end, or the automation is missing.
    """
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit("terminated"))  # the services end with us
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="triad-") as name:
        folder = Path(name)
        tunes = _some_tunes(folder / "tunes")
        os.environ.update(
            PREFECT_HOME=str(folder / "prefect"),
            PREFECT_API_URL=f"http://{LOOPBACK}:{port}/api",
            PREFECT_SERVER_ANALYTICS_ENABLED="false",
            TRIAD_HOME=str(folder / "home"),
            DO_NOT_TRACK="true",
            OMP_NUM_THREADS="1",
        )
        arguments = ["prefect", "server", "start", "--host", LOOPBACK, "--port", str(port)]
        log = folder / "server.log"
        with serving("Prefect", arguments, port, health="/api/health", log=log, environment={}):
            _quickened(folder, tunes)
            shutil.copy(ROOT / "docker" / "automations.yaml", folder)
            # As the worker's container starts.
            worker = subprocess.Popen(
                [str(ROOT / "docker" / "register.sh"), "prefect", "worker", "start", "--pool", "triad"],
                cwd=folder,
                env={
                    **os.environ,
                    "PYTHONPATH": str(ROOT),
                    "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
                    "TRIAD_DEPLOYMENT": str(folder),
                },
                stdout=(folder / "worker.log").open("w"),
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                runs = _wait()
            finally:
                os.killpg(worker.pid, signal.SIGTERM)
                worker.wait(60)
            if len(runs) < TIMES:
                print((folder / "worker.log").read_text()[-4000:])
                sys.exit(f"the schedule came to a good end {len(runs)} times, not {TIMES}")
            for run in runs:
                print(f"{run['expected_start_time']}  {run['state_name']:<10} {run['name']}")
            from prefect.automations import Automation  # reads the address of the server when it is imported

            automation = Automation.read(name="end zombie flow runs")
            print(f"automation: {automation.name}, enabled {automation.enabled}")


def _some_tunes(folder: Path) -> Path:
    folder.mkdir()
    for path in sorted(bundled_corpus("folk").rglob("*.mid"))[:40]:
        (folder / path.name).write_bytes(path.read_bytes())
    return folder


def _quickened(folder: Path, tunes: Path) -> None:
    """The shipped deployment with a tiny training every 30 seconds."""
    data = yaml.safe_load((ROOT / "prefect.yaml").read_text(encoding="utf-8"))
    (deployment,) = data["deployments"]
    deployment["schedules"] = [{"interval": 30, "slug": "often"}]
    deployment["parameters"] = {
        **{"corpus": str(tunes), "style": "folk", "settings": TINY},
        **{"seeds": 1, "steps": 300, "count": 4, "rounds": 2, "bars": 4},
    }
    (folder / "prefect.yaml").write_text(yaml.safe_dump(data), encoding="utf-8")


def _wait() -> list[dict[str, Any]]:
    """The scheduled runs that came to a good end, as soon as there are enough, or when patience ends."""
    end = time.monotonic() + PATIENCE_SECONDS
    done: list[dict[str, Any]] = []
    while len(done) < TIMES and time.monotonic() < end:
        time.sleep(5)
        runs = json.loads(_prefect(["flow-run", "ls", "--state-type", "COMPLETED", "--output", "json"]))
        done = [run for run in runs if run["auto_scheduled"]]  # what it renders on the way is a flow run as well
    return done


def _prefect(arguments: Sequence[str]) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "prefect", *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        sys.exit(f"prefect {' '.join(arguments)}: {done.stdout}{done.stderr}")
    return done.stdout


if __name__ == "__main__":
    main()
