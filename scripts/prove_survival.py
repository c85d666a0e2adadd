"""Shows that a killed worker costs nothing but time: its run is marked as crashed, and the next one goes on.

``python -m scripts.prove_survival`` takes five minutes or so. A worker and the flow it runs are killed (SIGKILL) in
the middle of a training; the automation that ships ends the run nobody hears of; another worker's next scheduled run
goes on from the checkpoint.
"""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path
from typing import Any

import psutil

from scripts.deployed import scheduled_runs, server, wait_for, worker

STEPS = 120_000
PATIENCE_SECONDS = 400.0


def main() -> None:
    """Kill a worker in the middle of a training, and tell what was seen.

    Raises:
        SystemExit: if the run was not ended by the automation, or the next did not go on with its training.
    """
    with tempfile.TemporaryDirectory(prefix="triad-") as name:
        folder = Path(name)
        with server(folder, 60, {"steps": STEPS}):
            with worker(folder) as first:
                before = wait_for("a checkpoint of a training under way", lambda: _learned(folder), PATIENCE_SECONDS)
                # The flow has a process group of its own and would outlive its worker.
                for process in (*psutil.Process(first.pid).children(recursive=True), psutil.Process(first.pid)):
                    process.kill()
                first.wait()
            print(f"killed the worker and its flow after {before} decisions")
            crashed = wait_for("the run marked as crashed", lambda: scheduled_runs("CRASHED"), PATIENCE_SECONDS)
            print(f"{crashed[0]['name']}: {crashed[0]['state_name']}, by the automation")
            with worker(folder):
                wait_for("a run that came to a good end", lambda: scheduled_runs("COMPLETED"), PATIENCE_SECONDS)
            print(f"{_learned(folder, STEPS)} decisions in the end")
            log = (folder / "worker.log").read_text(encoding="utf-8", errors="replace")
            for error in sorted(set(re.findall(r"^[\w.]+(?:Error|Exception|Abort)\b.*", log, re.MULTILINE))):
                print(f"in the worker's log: {error}")


def _learned(folder: Path, least: int = 1) -> int:
    """Decisions in the latest checkpoint, 0 below ``least`` or where there is none."""
    for path in (folder / "home" / "models").glob("*/checkpoint/checkpoint.json"):
        try:
            known: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        except ValueError:
            continue
        if known["steps"] >= least:
            return int(known["steps"])
    return 0


if __name__ == "__main__":
    main()
