"""Form: the plan that real music follows, and plans for new pieces.

The room knows scores; it knows no agent and no corpus.
"""

from composer.form.analysis import analyse
from composer.form.drawing import draw_plan

__all__ = ["analyse", "draw_plan"]
