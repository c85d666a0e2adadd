"""``triad rl-tuner``: Table 1 of RL Tuner beside Triad and real music."""

from __future__ import annotations

from pathlib import Path

import click

from flows.commands.common import check_model, check_music, json_option, music_options, seed_option, show, working
from flows.opening import opened


@click.command("rl-tuner")
@click.argument("model", required=False)
@click.option(
    "--dial", default="20", show_default=True, help="How far toward theory the trio of the rules is turned."
)
@click.option("--count", type=click.IntRange(min=2), default=1000, show_default=True, help="Melodies of each set.")
@music_options
@click.option("--steps", type=click.IntRange(min=1), help="Decisions to learn the rules from.  [default: 5000000]")
@seed_option
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Folder of the trio; else in TRIAD_HOME.")
@json_option
def rl_tuner(
    model: str | None,
    dial: str,
    count: int,
    corpus: Path | None,
    held_out: Path | None,
    steps: int | None,
    seed: int,
    output: Path | None,
    as_json: bool,
) -> None:
    """Table 1 of RL Tuner (Jaques et al. 2017) for MODEL, for real music, and for a trio that learns its rules.

    The trio is trained once, in some six minutes, on two-bar excerpts of the music MODEL learned from.
    """
    from flows.checks import check_writable, read_dials
    from flows.errors import FlowError
    from flows.home import Home

    settings = read_dials(dial)
    if len(settings) != 1:
        raise FlowError(f"dial {dial!r}: give one number")
    chosen = check_model(model)
    check_music(corpus, held_out)
    home = Home.here()
    for place in (home.root, output):
        if place is not None:
            check_writable(place)
    with working(), opened(chosen, home) as loaded:
        from flows.music import music_of
        from flows.progress import report
        from flows.rl_tuner import STEPS, compare_with_rl_tuner, learn_rules, rules_folder, tuner_config, two_bars

        known = music_of(loaded, home, corpus, held_out)
        config = tuner_config(seed, steps or STEPS)
        folder = output or rules_folder(loaded, known, config, home.root)
        apart = two_bars(known.held_out)
        trio = learn_rules(
            loaded,
            two_bars(known.training),
            config,
            folder,
            lambda share, detail: report("rules", share, detail),
        )
        report("melodies", 0.0, f"{count} of each set")
        table = compare_with_rl_tuner(loaded, trio, apart, dial=settings[0], count=count, seed=seed)
        report("melodies", 1.0, "done")
    result = {"model": loaded.digest, "source": loaded.source, "trio": str(folder / "model"), "seed": seed}
    show({**result, **table.to_json()}, [table.markdown(), f"trio of the rules {folder / 'model'}"], as_json)
