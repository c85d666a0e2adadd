"""``triad dial``: what turning the dial from style to theory does to a model's pieces."""

from __future__ import annotations

from pathlib import Path

import click

from flows.commands.common import check_model, check_music, json_option, music_options, seed_option, show, working
from flows.opening import opened


@click.command()
@click.argument("model", required=False)
@click.option("--dials", default="0,0.5,1,2,4,8", show_default=True, help="Settings to compose at.")
@click.option("--count", type=click.IntRange(min=2), default=200, show_default=True, help="Pieces at each setting.")
@music_options
@seed_option
@click.option("-o", "--output", type=click.Path(path_type=Path), help="PNG file for a picture of the curve.")
@json_option
def dial(
    model: str | None,
    dials: str,
    count: int,
    corpus: Path | None,
    held_out: Path | None,
    seed: int,
    output: Path | None,
    as_json: bool,
) -> None:
    """How MODEL trades likeness to real music for theory along the dial of 'triad compose --dial'."""
    from flows.checks import check_picture, read_dials
    from flows.home import Home

    settings = read_dials(dials)
    check_music(corpus, held_out)
    if output is not None:
        check_picture(output)
    chosen = check_model(model)
    home = Home.here()
    with working(), opened(chosen, home) as loaded:
        from flows.dial import dial_curve, draw_curve
        from flows.music import music_of
        from flows.progress import report

        curve = dial_curve(
            loaded,
            music_of(loaded, home, corpus, held_out),
            settings,
            count=count,
            seed=seed,
            progress=lambda done, total: report("dial", done / total, f"{done} of {total} settings"),
        )
        if output is not None:
            draw_curve(curve, f"The dial of {loaded.style}: {curve.pieces} pieces at each setting", output)
    result = {"model": loaded.digest, "source": loaded.source, "seed": seed, **curve.to_json()}
    show(result, [curve.markdown(), *([f"picture {output}"] if output else [])], as_json)
