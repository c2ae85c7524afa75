"""How Sphinx builds the documentation: `sphinx-build -W --keep-going -b html docs docs/_build/html`.

The pages are the Markdown files of this folder. Two folders are made at the beginning of a build and are not kept in
the repository: `tutorials/`, a copy of the notebooks, and `api/`, one page for each module.

The notebooks are executed unless the build runs with `-D nb_execution_mode=off`; their outputs are cached, so that a
second build executes only what has changed.
"""

import sys
import warnings
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path[:0] = [str(ROOT), str(HERE)]

import numba  # noqa: E402

numba.config.DISABLE_JIT = True  # kernels and point functions are shown as the Python functions that they are made of

import api_pages  # noqa: E402

import ogcm  # noqa: E402

warnings.filterwarnings("ignore", message="Unknown section")  # in docstrings of other libraries

project, author = "ogcm", "The ogcm developers"
release = version = ogcm.__version__
copyright = author

extensions = [
    "myst_nb",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.intersphinx",
    "sphinx.ext.mathjax",
    "sphinx.ext.viewcode",
]
exclude_patterns = ["_build", "jupyter_execute"]
suppress_warnings = ["ref.python"]  # two classes of one name in the annotations of different modules
default_role = "py:obj"
highlight_language = "none"

myst_enable_extensions = ["dollarmath", "amsmath", "colon_fence", "deflist"]
myst_heading_anchors = 3
myst_links_external_new_tab = True

nb_execution_mode = "cache"
nb_execution_timeout = 900
nb_execution_raise_on_error = True
nb_merge_streams = True

numpydoc_show_class_members = False
numpydoc_class_members_toctree = False
autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the types are in the lists of parameters
autodoc_inherit_docstrings = False
python_use_unqualified_type_names = True

html_theme = "pydata_sphinx_theme"
html_title = "ogcm"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_theme_options = {
    "navigation_with_keys": False,
    "show_prev_next": True,
    "secondary_sidebar_items": ["page-toc"],
    "pygments_light_style": "tango",
    "pygments_dark_style": "monokai",
}

# `sphinx-build -b linkcheck docs docs/_build/linkcheck` needs a network. Publishers behind DOIs refuse robots.
linkcheck_ignore = [r"https://doi\.org/", r"http://localhost"]
linkcheck_allowed_redirects = {r"https://.*": r"https://.*"}
linkcheck_timeout = 20


def setup(app) -> None:
    """Connect what `api_pages.py` does to a build."""
    app.connect("builder-inited", api_pages.write_pages)
    app.connect("autodoc-process-docstring", api_pages.formulas_as_they_stand, priority=400)
    app.connect("missing-reference", api_pages.resolve_public_name)
    app.connect("autodoc-skip-member", api_pages.skip_foreign)
