"""Sets up Prefect for one person's machine: settings that must stand before it is imported, and its server.

Where the environment names a Prefect server (``PREFECT_API_URL``) that one is used and none is started.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flows.errors import FlowError
from flows.files import unwritable
from flows.home import Home


def settle(home: Home) -> None:
    """Give Prefect a home under Triad's and keep it quiet; whatever the environment says already stays."""
    for name, value in {
        "PREFECT_HOME": str(home.prefect),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        # A cold machine with one busy core needs longer than the default of 20 s.
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
        # What goes wrong is raised and told once, by whoever called the flow; the server keeps the full log.
        "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
        "PREFECT_LOGGING_LOGGERS_PREFECT_SERVER_LEVEL": "ERROR",
    }.items():
        os.environ.setdefault(name, value)
    folder = Path(os.environ["PREFECT_HOME"]).expanduser()
    try:
        # Prefect makes this folder but none above it.
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(folder, error) from None


@contextmanager
def engine(home: Home) -> Iterator[None]:
    """Prefect ready to run flows in the block. Raises FlowError where it cannot be made ready.

    The server Prefect starts for itself would take a Ctrl-C at the terminal too and be gone before the flow can say
    that it was interrupted. A process inherits which signals are blocked, so it is started with SIGINT blocked.
    """
    settle(home)
    from prefect.client.orchestration import get_client

    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        client = get_client(sync_client=True)
    except RuntimeError as error:
        reason = str(error).splitlines()[0]
        raise FlowError(
            f"Prefect's own server did not start ({reason}): try again when the machine is less busy, look at "
            f"{os.environ['PREFECT_HOME']}, or name a server with PREFECT_API_URL"
        ) from error
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    with client:
        yield
