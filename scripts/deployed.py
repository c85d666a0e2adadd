"""The deployment of prefect.yaml on this machine: a real Prefect server, and workers to start and to kill.

For the scripts that prove what is promised of it; everything lives in a folder of its own.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from composer.corpus import bundled_corpus
from flows.servers import LOOPBACK, serving

ROOT = Path(__file__).parent.parent
AGENT = {"hidden": 8, "batch_size": 32, "updates": 1, "replay_capacity": 2000}
TINY = {
    **{"pieces": 4, "bars": 4, "checkpoint_every": 2, "priors": {"hidden": 8, "epochs": 1}},
    **dict.fromkeys(("chord", "rhythm", "melody"), AGENT),
}


@contextmanager
def server(folder: Path, every: int, parameters: Mapping[str, Any]) -> Iterator[None]:
    """A server with the shipped deployment ready to be registered: a tiny training every so many seconds.

    Args:
        folder: for everything that is written.
        every: seconds between two scheduled runs.
        parameters: of the flow, besides a small folder of folk tunes and tiny settings.
    """
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit("terminated"))  # the services end with us
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port = probe.getsockname()[1]
    os.environ.update(
        PREFECT_HOME=str(folder / "prefect"),
        PREFECT_API_URL=f"http://{LOOPBACK}:{port}/api",
        PREFECT_SERVER_ANALYTICS_ENABLED="false",
        TRIAD_HOME=str(folder / "home"),
        DO_NOT_TRACK="true",
        OMP_NUM_THREADS="1",
    )
    data = yaml.safe_load((ROOT / "prefect.yaml").read_text(encoding="utf-8"))
    (deployment,) = data["deployments"]
    deployment["schedules"] = [{"interval": every, "slug": "often"}]
    deployment["parameters"] = {
        **{"corpus": str(_some_tunes(folder / "tunes")), "style": "folk", "settings": TINY},
        **{"seeds": 1, "count": 4, "rounds": 2, "bars": 4},
        **parameters,
    }
    (folder / "prefect.yaml").write_text(yaml.safe_dump(data), encoding="utf-8")
    shutil.copy(ROOT / "docker" / "automations.yaml", folder)
    arguments = ["prefect", "server", "start", "--host", LOOPBACK, "--port", str(port)]
    with serving("Prefect", arguments, port, health="/api/health", log=folder / "server.log", environment={}):
        yield


@contextmanager
def worker(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A worker, started as its container starts it; it and what it runs are a process group."""
    started = subprocess.Popen(
        [str(ROOT / "docker" / "register.sh"), "prefect", "worker", "start", "--pool", "triad"],
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "TRIAD_DEPLOYMENT": str(folder),
        },
        stdout=(folder / "worker.log").open("a"),
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        yield started
    finally:
        if started.poll() is None:
            os.killpg(started.pid, signal.SIGTERM)
            started.wait(60)


def scheduled_runs(state: str) -> list[dict[str, Any]]:
    """The flow runs that a schedule started and that are in a state, such as ``COMPLETED``."""
    runs = json.loads(prefect(["flow-run", "ls", "--state-type", state, "--output", "json"]))
    return [run for run in runs if run["auto_scheduled"]]  # what it renders on the way is a flow run as well


def wait_for(what: str, there: Callable[[], Any], patience: float) -> Any:
    """What ``there`` gives as soon as it gives something.

    Raises:
        SystemExit: naming ``what``, when patience (seconds) ends.
    """
    end = time.monotonic() + patience
    while time.monotonic() < end:
        if found := there():
            return found
        time.sleep(3)
    sys.exit(f"{what}: not seen within {patience:.0f} s")


def prefect(arguments: Sequence[str]) -> str:
    """What a command of Prefect's prints.

    Raises:
        SystemExit: if it fails.
    """
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


def _some_tunes(folder: Path) -> Path:
    folder.mkdir()
    for path in sorted(bundled_corpus("folk").rglob("*.mid"))[:40]:
        (folder / path.name).write_bytes(path.read_bytes())
    return folder
