"""Form: the plan that real music follows, and plans for new pieces.

The room knows scores; it knows no agent and no corpus.
"""

from composer.form.analysis import analyse

__all__ = ["analyse"]
