"""Notation: a score as sheet music. Knows scores and the arranger's reading of them; knows no sound."""

from composer.notation.engraving import engrave, write_pdf, write_svg
from composer.notation.lead_sheet import lead_sheet, write_lead_sheet

__all__ = ["engrave", "lead_sheet", "write_lead_sheet", "write_pdf", "write_svg"]
