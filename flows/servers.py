"""A server of a library, run on the loopback for as long as a block lasts. Standard library only."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from flows.errors import FlowError

LOOPBACK = "127.0.0.1"
_STARTUP_SECONDS = 120.0


@contextmanager
def serving(
    name: str, module: Sequence[str], port: int, *, health: str, log: Path, environment: Mapping[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    """Run ``python -m module...`` until it answers, then the block, then end it and the workers it started.

    Args:
        name: what it is called in messages.
        module: and its arguments.
        port: of the loopback that it listens on.
        health: path that answers 200 when it is ready, such as ``/health``.
        log: file for what it prints.
        environment: variables besides this process's own.

    Raises:
        FlowError: if it does not start or does not answer.
    """
    with log.open("w", encoding="utf-8") as said:
        server = subprocess.Popen(
            [sys.executable, "-m", *module],
            env={**os.environ, "DO_NOT_TRACK": "true", **environment},
            cwd=log.parent,
            stdout=said,
            stderr=said,
            # Ctrl-C at the terminal is for us; we then end the server in order.
            start_new_session=True,
        )
    try:
        _wait(name, server, f"http://{LOOPBACK}:{port}{health}", log)
        yield server
    finally:
        _stop(server)


def check_free(port: int) -> None:
    """See that nobody listens on a port yet.

    Raises:
        FlowError: if somebody does.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError as error:
            raise FlowError(f"port {port} cannot be had ({error.strerror}): choose another with --port") from None


def _wait(name: str, server: subprocess.Popen[bytes], address: str, log: Path) -> None:
    end = time.monotonic() + _STARTUP_SECONDS
    while time.monotonic() < end:
        if server.poll() is not None:
            raise FlowError(f"the {name} server did not start (code {server.returncode}): {log} says why")
        try:
            with urllib.request.urlopen(address, timeout=2) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise FlowError(f"the {name} server did not answer within {_STARTUP_SECONDS:.0f} s: {log} may say why, try again")


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
