"""``triad schema``: the JSON Schema of a request file."""

from __future__ import annotations

import json

import click


@click.command()
def schema() -> None:
    """Print the JSON Schema of the files that 'triad compose --request' reads."""
    from flows.requests import Request

    click.echo(json.dumps(Request.model_json_schema(), indent=1))
