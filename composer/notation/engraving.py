"""MusicXML as sheet music: SVG pages, drawn by Verovio, and a PDF of them."""

from __future__ import annotations

import io
import os
from functools import cache
from typing import Any
from xml.etree import ElementTree

from composer.export.errors import ExportError
from composer.export.files import written_whole

# A4 in Verovio's units, tenths of a millimetre: four or five bars on a line.
WIDTH, HEIGHT = 2100, 2970
_OPTIONS: dict[str, Any] = {
    **{"pageWidth": WIDTH, "pageHeight": HEIGHT, "scale": 100, "adjustPageHeight": False},
    **{"smuflTextFont": "none", "footer": "none"},
}
_TITLE_ROOM = 180
_SVG = "http://www.w3.org/2000/svg"
ElementTree.register_namespace("", _SVG)
ElementTree.register_namespace("xlink", "http://www.w3.org/1999/xlink")


def engrave(music_xml: str, *, header: bool = True) -> tuple[list[str], str]:
    """The SVG pages of a MusicXML document, and what the engraver had to complain of (nothing, if all is well).

    Without ``header`` room is left where the title would stand.

    Raises:
        ExportError: if it cannot be read.
    """
    verovio = _verovio()
    toolkit = verovio.toolkit()
    toolkit.setOptions(_OPTIONS if header else {**_OPTIONS, "header": "none", "pageMarginTop": _TITLE_ROOM})
    if not toolkit.loadData(music_xml):
        raise ExportError("the notation engine cannot read this MusicXML: " + str(toolkit.getLog()).strip())
    pages = [toolkit.renderToSVG(number) for number in range(1, toolkit.getPageCount() + 1)]
    return pages, str(toolkit.getLog()).strip()


def write_svg(music_xml: str, path: str | os.PathLike[str]) -> None:
    """Draw a MusicXML document into one SVG file, its pages one under the other.

    Raises:
        ExportError: if it cannot be read or the file cannot be written.
    """
    pages, _ = engrave(music_xml)
    with written_whole(path) as draft:
        draft.write_text(_stacked(pages), encoding="utf-8")


def write_pdf(music_xml: str, path: str | os.PathLike[str], *, title: str = "") -> None:
    """Draw a MusicXML document into a PDF file under ``title``, a page for each of its pages.

    Raises:
        ExportError: if it cannot be read or the file cannot be written.
    """
    from reportlab.graphics import renderPDF
    from reportlab.lib.pagesizes import A4
    from reportlab.pdfgen.canvas import Canvas
    from svglib.svglib import svg2rlg

    pages, _ = engrave(music_xml, header=False)
    with written_whole(path) as draft:
        # Without a date, the same piece gives the same bytes.
        canvas = Canvas(str(draft), pagesize=A4, invariant=True)
        canvas.setTitle(title)
        for number, page in enumerate(pages):
            if number == 0:
                # The engraver's title is centred in a way that PDF makers do not know.
                canvas.setFont("Times-Roman", 18)
                canvas.drawCentredString(A4[0] / 2, A4[1] - 42, title)
            drawing = svg2rlg(io.StringIO(_flattened(page)))
            assert drawing is not None, "the engraver's page is SVG"
            canvas.saveState()
            canvas.scale(A4[0] / drawing.width, A4[1] / drawing.height)
            renderPDF.draw(drawing, canvas, 0, 0)
            canvas.restoreState()
            canvas.showPage()
        canvas.save()


def _stacked(pages: list[str]) -> str:
    """The pages one under the other."""
    whole = ElementTree.Element(f"{{{_SVG}}}svg", viewBox=f"0 0 {WIDTH} {HEIGHT * len(pages)}")
    for number, page in enumerate(pages):
        element = ElementTree.fromstring(page)
        for name, value in (("x", 0), ("y", number * HEIGHT), ("width", WIDTH), ("height", HEIGHT)):
            element.set(name, str(value))
        whole.append(element)
    return ElementTree.tostring(whole, encoding="unicode")


def _flattened(page: str) -> str:
    """The page with its inner viewport as a plain scaled group: PDF makers know no viewports within viewports."""
    root = ElementTree.fromstring(page)
    for inner in root.findall(f"{{{_SVG}}}svg"):
        _, _, width, _ = (float(number) for number in inner.attrib.pop("viewBox").split())
        inner.tag = f"{{{_SVG}}}g"
        inner.set("transform", f"scale({WIDTH / width:g})")
    return ElementTree.tostring(root, encoding="unicode")


@cache
def _verovio() -> Any:
    """The engraver, silent: what it complains of is kept in its log."""
    import verovio

    verovio.enableLog(verovio.LOG_WARNING)
    return verovio
