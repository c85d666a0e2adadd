"""``triad ui``: MLflow's pages on this machine, and the link that opens on the training runs."""

from __future__ import annotations

import click


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), default=5000, show_default=True, help="Port on this machine.")
def ui(port: int) -> None:
    """Show the tracked runs in a browser; Ctrl-C ends it."""
    from flows.errors import FlowError
    from flows.home import Home
    from flows.servers import LOOPBACK, check_free, serving

    home = Home.here()
    uri = home.tracking_uri
    if uri.startswith(("http://", "https://")):
        from flows.tracking import Tracker

        click.echo(Tracker(home).link())
        return
    check_free(port)
    from flows.tracking import Tracker, page

    tracker = Tracker(home)
    arguments = ["--host", LOOPBACK, "--port", str(port), "--backend-store-uri", uri, "--workers", "1"]
    arguments += ["--default-artifact-root", home.artifacts.as_uri()]
    log = home.root / "ui.log"
    with serving(
        "MLflow",
        ["mlflow", "server", *arguments],
        port,
        health="/health",
        log=log,
        # Its job runner is for judging texts: seven processes and nearly a gigabyte.
        environment={"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
    ) as server:
        click.echo(page(f"http://{LOOPBACK}:{port}", tracker.experiment_id))
        click.echo("Ctrl-C ends it.", err=True)
        server.wait()
        raise FlowError(f"the MLflow server ended with code {server.returncode}: see {log}, then try again")
