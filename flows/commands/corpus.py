"""``triad corpus``: read a folder of MIDI files and say what became of each."""

from __future__ import annotations

from pathlib import Path

import click

from flows.commands.common import json_option, show, working


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Keep the corpus in this file (.safetensors).")
@click.option("--verbose", is_flag=True, help="A line for every file.")
@json_option
def corpus(folder: Path, output: Path | None, verbose: bool, as_json: bool) -> None:
    """Read a folder of MIDI files: what is used, what is dropped, and why."""
    from flows.checks import check_writable
    from flows.errors import FlowError
    from flows.files import unwritable
    from flows.home import Home

    if not folder.is_dir():
        raise FlowError(f"{folder}: no such folder; name a folder of MIDI files (.mid)")
    home = Home.here()
    # What was read is cached in any case.
    for place in (home.corpora, output and output.parent):
        if place is not None:
            check_writable(place)
    if output is not None and output.is_dir():
        raise FlowError(f"{output} is a folder: name the file to write, such as {output / 'corpus.safetensors'}")
    with working():
        from composer.corpus import cached_corpus
        from flows.progress import report_files

        found, told, path = cached_corpus(folder, home.corpora, progress=report_files)
        if output is not None:
            try:
                found.save(output, extra={"report": told.to_json()})
            except OSError as error:
                raise unwritable(output, error) from None
    where = output or path
    result = {"corpus": str(where), "digest": found.digest, "pieces": len(found), **told.to_json()}
    show(result, [*(told.lines() if verbose else told.summary()), f"corpus {found.digest}: {where}"], as_json)
