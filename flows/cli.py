"""The command line ``triad``. Loads nothing heavy: every command checks its input first and then fetches its tools.

Whatever a user can mend is one line on stderr and exit code 2; Ctrl-C is 130, SIGTERM 143. Results go to stdout,
progress to stderr.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from typing import Any

import click

from composer.errors import TriadError
from flows.commands.compose import compose
from flows.commands.corpus import corpus
from flows.commands.dial import dial
from flows.commands.doctor import doctor
from flows.commands.evaluate import evaluate
from flows.commands.models import models, rollback
from flows.commands.partner import arrange, continue_, harmonize, infill, melody, reharmonize, restyle, vary
from flows.commands.pipeline import pipeline
from flows.commands.reasons import explain, improve, original, verify
from flows.commands.render import render
from flows.commands.retrain import retrain, schedule
from flows.commands.rl_tuner import rl_tuner
from flows.commands.schema import schema
from flows.commands.styles import styles
from flows.commands.sweep import sweep
from flows.commands.train import train
from flows.commands.ui import ui

WRONG_INPUT, INTERRUPTED, TERMINATED = 2, 130, 143


class Terminated(KeyboardInterrupt):
    """SIGTERM: everything is closed as after Ctrl-C, the exit code tells the two apart."""


class _Triad(click.Group):
    """A click group whose errors are one line each."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        try:
            code = super().main(args, prog_name or "triad", complete_var, standalone_mode=False, **extra)
        except click.exceptions.NoArgsIsHelpError as error:
            click.echo(error.format_message())
            sys.exit(0)
        except click.ClickException as error:
            _fail(error.format_message(), WRONG_INPUT)
        except TriadError as error:
            _fail(str(error), WRONG_INPUT)
        except click.Abort as error:  # what click makes of a KeyboardInterrupt
            terminated = isinstance(error.__cause__, Terminated)
            _fail("terminated" if terminated else "interrupted", TERMINATED if terminated else INTERRUPTED)
        except BrokenPipeError:
            # Whoever read stdout has gone; closing it at exit must not complain again.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(1)
        sys.exit(code if isinstance(code, int) else 0)


def _fail(message: str, code: int) -> None:
    words = message.split()
    # An ordinary word; names such as SoundFont and MODEL keep their capitals.
    if words and words[0][1:].islower():
        words[0] = words[0].lower()
    click.echo(f"error: {' '.join(words)}", err=True)
    sys.exit(code)


def _version(context: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    if wanted and not context.resilient_parsing:
        from flows.revision import triad_version

        click.echo(f"triad {triad_version()}")
        context.exit()


@click.group(cls=_Triad, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Show the version."
)
def cli() -> None:
    """Three agents learn to write music together: chords, rhythm and melody."""


for _command in (
    *(corpus, train, evaluate, dial, rl_tuner, compose, schema, styles, render, pipeline, ui, doctor),
    *(retrain, schedule, models, rollback, sweep),
    *(harmonize, melody, continue_, infill, vary, reharmonize, restyle, arrange),
    *(explain, improve, original, verify),
):
    cli.add_command(_command)


def main() -> None:
    """The console script."""
    # Two threads make updates several times slower; nobody is told what is done here.
    for name, value in {"OMP_NUM_THREADS": "1", "DO_NOT_TRACK": "true", "PYTHONWARNINGS": "ignore"}.items():
        os.environ.setdefault(name, value)

    def terminate(number: int, frame: object) -> None:
        raise Terminated

    signal.signal(signal.SIGTERM, terminate)
    cli()


if __name__ == "__main__":
    main()
