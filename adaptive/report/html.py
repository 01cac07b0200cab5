"""Draw the report as one HTML file without any link to the network.

Text from configurations reaches the page through Jinja's autoescape only; the one thing marked safe is SVG
made here, whose text Matplotlib escapes. The page's security policy allows no address and only the scripts
and style sheets shipped with the package, by their hashes.
"""

import base64
import re
from functools import cache
from hashlib import sha256
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from adaptive.report.document import Document, software
from adaptive.report.figure_style import Drawing
from adaptive.report.pivot import Table

STYLES = ("report.css", "explorer.css")
SCRIPTS = ("explorer.js", "report.js")
"""The first makes tables that the second watches."""
PROSE, WORDS = 45, 14
"""Characters above which a column of text is one of sentences, or of some words."""


def report_html(whole: Document) -> str:
    """Return the report as HTML text."""
    environment = _environment()
    styles, scripts = _assets(STYLES), _assets(SCRIPTS)
    return environment.get_template("report.html.j2").render(
        report=whole,
        software=software(),
        styles=[Markup(text) for text in styles],
        scripts=[Markup(text) for text in scripts],
        policy=security_policy(styles, scripts),
    )


def security_policy(styles: list[str], scripts: list[str]) -> str:
    """Return the Content-Security-Policy: nothing from outside, only these style sheets and scripts.

    Style attributes are allowed because the figures use them; an attribute runs nothing.
    """
    sheets, programs = " ".join(map(_source, styles)), " ".join(map(_source, scripts))
    return (
        f"default-src 'none'; script-src {programs}; style-src-elem {sheets}; "
        "style-src-attr 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
    )


def _source(text: str) -> str:
    """Return the hash of an inline element, as a policy names it."""
    return f"'sha256-{base64.b64encode(sha256(text.encode()).digest()).decode()}'"


@cache
def _environment() -> Environment:
    """Return the environment of the templates."""
    environment = Environment(
        loader=PackageLoader("adaptive.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["svg"] = inline_svg
    environment.filters["titled"] = titled
    return environment


def _assets(names: tuple[str, ...]) -> list[str]:
    """Return the texts of style sheets or scripts."""
    folder = files("adaptive.report") / "templates"
    return [(folder / name).read_text(encoding="utf-8") for name in names]


def titled(table: Table) -> list[tuple[str, str]]:
    """Return each column title with the class that gives the column room: labels, words, or sentences."""
    found = []
    for column, title in enumerate(table.head):
        longest = max((len(row[column].text) for row in table.rows), default=0)
        kind = "prose" if longest > PROSE else "words" if longest > WORDS else ""
        if table.numeric:
            kind = "stub" if column in table.text_columns else ""
        found.append((title, kind))
    return found


def inline_svg(drawing: Drawing) -> Markup:
    """Return a drawing for the page, without the style sheet that every Matplotlib drawing brings along."""
    return Markup(re.sub(r"<defs>\s*<style[^>]*>.*?</style>\s*</defs>", "", drawing.svg, flags=re.S))
