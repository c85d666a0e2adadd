"""``triad ui``: MLflow's pages on this machine, and the link that opens on the training runs."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import click

_STARTUP_SECONDS = 120.0


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), default=5000, show_default=True, help="Port on this machine.")
def ui(port: int) -> None:
    """Show the tracked runs in a browser; Ctrl-C ends it."""
    from flows.errors import FlowError
    from flows.home import Home

    home = Home.here()
    uri = home.tracking_uri
    if uri.startswith(("http://", "https://")):
        from flows.tracking import Tracker

        click.echo(Tracker(home).link())
        return
    _check_free(port)
    from flows.tracking import Tracker, page

    tracker = Tracker(home)
    # Its job runner is for judging texts: seven processes and nearly a gigabyte.
    environment = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "DO_NOT_TRACK": "true"}
    arguments = ["--host", "127.0.0.1", "--port", str(port), "--backend-store-uri", uri, "--workers", "1"]
    arguments += ["--default-artifact-root", home.artifacts.as_uri()]
    log = home.root / "ui.log"
    with log.open("w", encoding="utf-8") as said:
        server = subprocess.Popen(
            [sys.executable, "-m", "mlflow", "server", *arguments],
            env=environment,
            cwd=home.root,
            stdout=said,
            stderr=said,
            # Ctrl-C at the terminal is for us; we then end the server in order.
            start_new_session=True,
        )
    try:
        _wait(server, port, log)
        click.echo(page(f"http://127.0.0.1:{port}", tracker.experiment_id))
        click.echo("Ctrl-C ends it.", err=True)
        server.wait()
        raise FlowError(f"the MLflow server ended with code {server.returncode}: see {log}, then try again")
    finally:
        _stop(server)


def _check_free(port: int) -> None:
    from flows.errors import FlowError

    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise FlowError(f"port {port} cannot be had ({error.strerror}): choose another with --port") from None


def _wait(server: subprocess.Popen[bytes], port: int, log: Path) -> None:
    """Until the server answers."""
    from flows.errors import FlowError

    end = time.monotonic() + _STARTUP_SECONDS
    while time.monotonic() < end:
        if server.poll() is not None:
            raise FlowError(f"the MLflow server did not start (code {server.returncode}): {log} says why")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise FlowError(f"the MLflow server did not answer within {_STARTUP_SECONDS:.0f} s: run 'triad ui' again")


def _stop(server: subprocess.Popen[bytes]) -> None:
    """End the server and the workers it started: they are a session of their own."""
    for number, patience in ((signal.SIGTERM, 10), (signal.SIGKILL, 5)):
        try:
            os.killpg(server.pid, number)
            server.wait(patience)
        except (ProcessLookupError, PermissionError):
            return
        except subprocess.TimeoutExpired:
            continue
