"""Form: the plan that real music follows, and plans for new pieces.

The room knows scores; it knows no agent and no corpus.
"""

from composer.form.analysis import analyse
from composer.form.drawing import draw_plan
from composer.form.forms import FORMS, FormError, parse_form

__all__ = ["FORMS", "FormError", "analyse", "draw_plan", "parse_form"]
