"""How Sphinx makes the site; `docs/build.py` runs it."""

from __future__ import annotations

from typing import Any

import fedmech
from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx

project = "fedmech"
author = "The fedmech authors"
version = release = fedmech.__version__
html_title = "fedmech"
html_theme = "furo"
html_show_sphinx = False
html_show_copyright = False
html_copy_source = False
# Options have two hyphens.
smartquotes = False
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_enable_extensions = ["amsmath", "attrs_inline", "dollarmath"]
myst_heading_anchors = 3
autodoc_typehints = "none"
autodoc_member_order = "bysource"
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True
pygments_dark_style = "monokai"
html_math_renderer = "mathml"


def inline_formula(writer: Any, node: nodes.math) -> None:
    """Write a formula as MathML: no script, nothing from elsewhere."""
    writer.body.append(convert(node.astext()))
    raise nodes.SkipNode


def displayed_formula(writer: Any, node: nodes.math_block) -> None:
    """Write a formula on lines of its own."""
    # What stands within one display is a display of its own to the converter; browsers align columns by style alone.
    latex = node.astext().replace("{aligned}", "{align*}")
    written = convert(latex, display="block")
    for side in ("left", "right"):
        written = written.replace(f'columnalign="{side}"', f'style="text-align: {side}"')
    writer.body.append(f"<div>{written}</div>")
    raise nodes.SkipNode


def setup(app: Sphinx) -> None:
    """Let formulas be written by what stands above."""
    app.add_html_math_renderer("mathml", (inline_formula, None), (displayed_formula, None))
