"""What all figures share: colours that survive colour blindness and grey print, panels, SVG with alt text."""

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure as Canvas
from matplotlib.lines import Line2D

# Okabe and Ito (2008), https://jfly.uni-koeln.de/color/; ordered so that neighbours differ in lightness.
COLOURS = ("#000000", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
DASHES = ("-", (0, (5, 1.5)), (0, (1.5, 1.2)), (0, (5, 1.5, 1, 1.5)), (0, (8, 2)), (0, (3, 1, 1, 1, 1, 1)))
INK, FAINT = "#222222", "#d9d9d9"
WIDTH = 9.4
ABOVE_GRID = 0.9
"""Place in the drawing order of a reference line: over the grid, which is at 0.5, and under the data."""
STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 9,
    "axes.edgecolor": "#777777",
    "axes.labelcolor": INK,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "text.color": INK,
    "xtick.color": "#555555",
    "ytick.color": "#555555",
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.major.width": 0.7,
    "ytick.major.width": 0.7,
    "grid.color": "#e6e6e6",
    "grid.linewidth": 0.7,
    "legend.frameon": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "adaptive",
    "text.parse_math": False,
    "hatch.linewidth": 0.6,
}
WEB_FONT = "system-ui, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, 'DejaVu Sans', sans-serif"


@dataclass(frozen=True)
class Drawing:
    """A finished figure, or the reason why there is none.

    Attributes
    ----------
    name
        Identifier and anchor.
    question
        The question that the figure answers.
    caption
        How to read it.
    svg
        The drawing, or an empty string.
    absent
        Why there is no drawing.
    """

    name: str
    question: str
    caption: str = ""
    svg: str = ""
    absent: str = ""


def look_of(names: Sequence[str]) -> dict[str, dict]:
    """Return colour, marker and dash of each name, the first one black."""
    return {
        name: {
            "color": COLOURS[i % len(COLOURS)],
            "marker": MARKERS[(i + i // len(COLOURS)) % len(MARKERS)],
            "linestyle": DASHES[i % len(DASHES)],
        }
        for i, name in enumerate(names)
    }


def panels(
    n: int, *, height: float, columns: int = 3, sharex: bool = True, sharey: bool = True, top: float = 0.45
) -> tuple[Canvas, list[Axes]]:
    """Return a figure with ``n`` panels in rows of up to ``columns``, as even as can be.

    ``height`` is that of one row in inches, ``top`` the room for the key.
    """
    rows = ceil(n / columns)
    columns = ceil(n / rows)
    canvas = Canvas(figsize=(WIDTH, rows * height + top + 0.35), layout="constrained")
    canvas.get_layout_engine().set(rect=(0, 0, 1, 1 - top / (rows * height + top + 0.35)), hspace=0.06)
    grid = canvas.subplots(rows, columns, sharex=sharex, sharey=sharey, squeeze=False)
    axes = list(grid.flat)
    for spare in axes[n:]:
        spare.remove()
    for axis in axes[max(n - columns, 0) : n]:
        axis.xaxis.set_tick_params(labelbottom=True)
    return canvas, axes[:n]


def key(canvas: Canvas, looks: dict[str, dict], *, lines: bool = False) -> None:
    """Draw the key above the panels."""
    handles = [_handle(name, look, lines) for name, look in looks.items()]
    canvas.legend(handles=handles, loc="upper left", ncols=min(len(handles), 5), handlelength=2.2)


def _handle(name: str, look: dict, lines: bool) -> Line2D:
    """Return one entry of the key; Matplotlib hides labels that begin with an underscore."""
    name = f"\N{ZERO WIDTH SPACE}{name}" if name.startswith("_") else name
    if lines:
        return Line2D([], [], label=name, color=look["color"], linestyle=look["linestyle"], linewidth=1.6)
    return Line2D(
        [], [], label=name, color=look["color"], marker=look["marker"], linestyle="", markersize=5.5
    )


def to_svg(canvas: Canvas, name: str, title: str, description: str) -> str:
    """Return a figure as inline SVG with a title and description, ids unique to ``name``."""
    FigureCanvasSVG(canvas)
    buffer = io.StringIO()
    with rc_context(STYLE):
        _lay_out(canvas)
        canvas.savefig(
            buffer, format="svg", metadata={"Date": None, "Creator": None, "Type": None, "Format": None}
        )
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.S)
    svg = re.sub(r'\bid="([^"]+)"', rf'id="{name}-\1"', svg)
    svg = re.sub(r'(href="#|url\(#)', rf"\g<1>{name}-", svg)
    svg = svg.replace("'DejaVu Sans'", WEB_FONT.replace('"', "'"))
    opening, rest = svg.split(">", 1)
    opening = re.sub(r' (width|height)="[^"]*"', "", opening)
    labelled = f' role="img" aria-labelledby="{name}-title {name}-desc">'
    about = f'<title id="{name}-title">{_escaped(title)}</title>'
    about += f'<desc id="{name}-desc">{_escaped(description)}</desc>'
    return opening + labelled + about + rest


def _lay_out(canvas: Canvas) -> None:
    """Place the panels now; left to ``savefig``, the whole figure would be drawn once more for it."""
    engine = canvas.get_layout_engine()
    if engine is not None:
        engine.execute(canvas)
        canvas.set_layout_engine(None)


def _escaped(text: str) -> str:
    """Escape text for XML."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
