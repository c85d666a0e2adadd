"""Learn the environment's own vocabulary and reference from the bundled corpus.

Writes composer/environment/defaults.json, which ``gymnasium.make("Triad-v0")`` works with when it is given nothing
else. Run it after the bundled corpus, the corpus reader or the rewards' reference changed:

    python scripts/learn_defaults.py
"""

from __future__ import annotations

import json
from pathlib import Path

import torch

import composer.environment
from composer.corpus import bundled_corpus, read_corpus
from composer.environment import follow
from composer.form import analyse
from composer.rewards import Reference
from composer.vocabulary import Vocabulary


def main() -> None:
    """Read the bundled corpus and write what was learned."""
    torch.set_num_threads(1)
    corpus, _ = read_corpus(bundled_corpus())
    vocabulary = Vocabulary.from_scores(corpus.scores)
    # The reference describes pieces of the agents' length, as the agents could have written them.
    sayable = analyse(follow(vocabulary, corpus.excerpts(16))[0])
    data = {
        "corpus": corpus.digest,
        "vocabulary": vocabulary.to_json(),
        "reference": Reference.from_scores(sayable).to_json(),
    }
    path = Path(composer.environment.__file__).with_name("defaults.json")
    path.write_text(json.dumps(data, separators=(",", ":"), sort_keys=True) + "\n", encoding="utf-8")
    print(f"wrote {path.name}: {path.stat().st_size} bytes, vocabulary {vocabulary.digest}, corpus {corpus.digest}")


if __name__ == "__main__":
    main()
