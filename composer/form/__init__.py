"""Form: the plan that real music follows, and plans for new pieces.

The room knows scores; it knows no agent and no corpus.
"""

from composer.form.analysis import analyse
from composer.form.drawing import draw_plan
from composer.form.wishes import closing_with, granted, granted_by_section

__all__ = ["analyse", "closing_with", "draw_plan", "granted", "granted_by_section"]
