"""The site: Sphinx reads the Markdown pages of this folder, the command line and the docstrings."""

from __future__ import annotations

import sys
from importlib.metadata import version as version_of
from pathlib import Path

import runstore

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "runstore"
author = "the authors of runstore"
copyright = f"2026, {author}"  # noqa: A001
version = release = version_of("runstore")

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx_click",
    "sphinx_copybutton",
    "sphinxcontrib.mermaid",
    "generated",
]
exclude_patterns = ["_build"]

myst_enable_extensions = ["deflist"]
myst_heading_anchors = 4
myst_fence_as_directive = ["mermaid"]

# "--db" is an option, and nothing that typography could improve.
smartquotes = False

autodoc_member_order = "bysource"
autodoc_typehints = "signature"

# A link to a page, an option or a name of ours that leads nowhere is an error. Names of other libraries, and types that
# only annotations mention, have no page here.
nitpicky = True
nitpick_ignore_regex = [("py:.*", rf"(?!(runstore\.)?({'|'.join(runstore.__all__)})\b).*")]

# The prompt is not copied with the command.
copybutton_prompt_text = r"\$ "
copybutton_prompt_is_regexp = True

html_theme = "furo"
html_title = f"runstore {version}"
html_theme_options = {
    "source_repository": "https://github.com/runstore/runstore/",
    "source_branch": "main",
    "source_directory": "docs/",
}
html_static_path = ["_static"]
