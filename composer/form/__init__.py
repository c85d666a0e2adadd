"""Form: the plan that real music follows, and plans for new pieces.

The room knows scores; it knows no agent and no corpus.
"""

from composer.form.analysis import analyse
from composer.form.drawing import draw_plan
from composer.form.forms import FORMS, WORDS, FormError, parse_form, parts_of, usual_bars

__all__ = ["FORMS", "WORDS", "FormError", "analyse", "draw_plan", "parse_form", "parts_of", "usual_bars"]
