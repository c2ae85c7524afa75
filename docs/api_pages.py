"""The pages that a build of the documentation makes from the code itself: API reference, choices, command line.

`write_pages` makes the folders `tutorials/` and `api/`; nothing in them is edited by hand.
"""

import ast
import contextlib
import inspect
import io
import os
import pkgutil
import re
from dataclasses import fields
from importlib import import_module
from pathlib import Path
from types import ModuleType

import ogcm.backend

ogcm.backend.kernel = lambda function, **options: function  # a kernel is shown as the function that it is made of

import adjoint  # noqa: E402
import nn  # noqa: E402
import ogcm  # noqa: E402
from ogcm.cli import SETUP_COMMANDS, main  # noqa: E402
from ogcm.numerics import CHOICES, Numerics  # noqa: E402
from ogcm.parameters import PARAMETERS  # noqa: E402

HERE = Path(__file__).resolve().parent
OUT = HERE  # where the pages are written
PACKAGES = (ogcm, adjoint, nn)


def write_pages(_app) -> None:
    """Copy the notebooks and write the pages of `api/`, at the beginning of a build."""
    pages = {"api/choices.md": choices_page(), "api/command_line.md": command_line_page()}
    for notebook in sorted((HERE.parent / "notebooks").glob("*.ipynb")):
        pages[f"tutorials/{notebook.name}"] = notebook.read_text(encoding="utf-8")
    for package in PACKAGES:
        modules = modules_of(package)
        pages[f"api/{package.__name__}.md"] = package_page(package, modules)
        pages |= {f"api/{module.__name__}.md": module_page(module) for module in modules}
    for old in {*OUT.glob("api/*.md"), *OUT.glob("tutorials/*.ipynb")} - {OUT / name for name in pages}:
        old.unlink()  # of a module that has another name now
    for name, text in pages.items():
        path = OUT / name
        path.parent.mkdir(exist_ok=True)
        if not path.exists() or path.read_text(encoding="utf-8") != text:  # Sphinx reads again only what has changed
            path.write_text(text, encoding="utf-8")


def modules_of(package: ModuleType) -> list[ModuleType]:
    """All modules below a package, sub-packages included, without private ones."""
    names = sorted(info.name for info in pkgutil.walk_packages(package.__path__, f"{package.__name__}."))
    public = [name for name in names if not name.rpartition(".")[2].startswith("_")]
    modules = [import_module(name) for name in public]
    shadowed = {
        f"{m.__name__}.{name}" for m in modules for name in getattr(m, "__all__", ()) if callable(getattr(m, name))
    }
    return [module for module in modules if module.__name__ not in shadowed]  # a setup has the name of its module


def summary(thing: object) -> str:
    """The first paragraph of a docstring, in one line of a table."""
    text = (inspect.getdoc(thing) or "").partition("\n\n")[0]
    return " ".join(text.split()).replace("|", "\\|")


def described(module: ModuleType, option: str) -> str:
    """The directive that shows the docstring of a module, with its members or without."""
    return f"```{{eval-rst}}\n.. automodule:: {module.__name__}\n   :{option}:\n```"


def module_page(module: ModuleType) -> str:
    """The page of one module: its docstring and all that it defines."""
    return f"# {module.__name__}\n\n{described(module, 'members')}\n"


def package_page(package: ModuleType, modules: list[ModuleType]) -> str:
    """The page of a package: its public names with a summary of each, then all its modules."""
    name = package.__name__
    lines = [
        f"# {name}",
        "",
        f"```{{eval-rst}}\n.. automodule:: {name}\n   :no-members:\n```",
        "",
        "## Public names",
        "",
    ]
    lines += [f"`import {name}` makes these available, as `{name}.NAME`.", "", "| name | what it is |", "|---|---|"]
    for public, home in homes(package).items():
        thing = getattr(package, public)
        has_entry = inspect.isroutine(thing) or inspect.isclass(thing)
        target = f"{home}.{public}" if has_entry else home
        text = summary(thing) if has_entry or inspect.ismodule(thing) else f"Defined in `{home}`."
        lines.append(f"| {{py:obj}}`{public} <{target}>` | {text} |")
    lines += ["", "## Modules", "", "| module | what is in it |", "|---|---|"]
    lines += [f"| {{py:mod}}`{module.__name__}` | {summary(module)} |" for module in modules]
    lines += ["", "```{toctree}\n:hidden:", "", *toctree(package, modules), "```", ""]
    return "\n".join(lines)


def toctree(package: ModuleType, modules: list[ModuleType]) -> list[str]:
    """The entries of the modules in the navigation, without the name of the package."""
    return [f"{m.__name__.removeprefix(f'{package.__name__}.')} <{m.__name__}>" for m in modules]


def homes(package: ModuleType) -> dict[str, str]:
    """The module of each public name of a package, as its stub `__init__.pyi` says; a module is its own."""
    stub = ast.parse(Path(package.__file__).with_suffix(".pyi").read_text(encoding="utf-8"))
    found = {}
    for node in (node for node in stub.body if isinstance(node, ast.ImportFrom)):
        for name in (alias.name for alias in node.names):
            found[name] = f"{package.__name__}.{node.module or name}"
    return found


def choices_page() -> str:
    """The page of the numerical choices and the physical parameters, from the tables that the model reads."""
    lines = ["# Choices and parameters", "", "Each is an argument of {py:obj}`ogcm.Model <ogcm.model.Model>` and an"]
    lines += ["option of `ogcm run` (`--advection monotone`, `--nu_h 500`).", "", "## Numerical choices", ""]
    lines += ["{py:obj}`ogcm.Numerics <ogcm.numerics.Numerics>` describes them.", ""]
    lines += ["| name | default | may be |", "|---|---|---|"]
    for f in fields(Numerics):
        default = "required" if f.default is f.default_factory else f"`{f.default}`"
        known = ", ".join(f"`{value}`" for value in CHOICES.get(f.name, ())) or f.type.__name__
        lines.append(f"| `{f.name}` | {default} | {known} |")
    lines += ["", "## Physical parameters", "", "The entries of `parameters={...}`.", ""]
    lines += ["| name | description | default | units | bounds | may vary in depth | has an effect with |"]
    lines += ["|---|---|---|---|---|---|---|"]
    for name, p in PARAMETERS.items():
        needs = "; ".join(f"{choice} {' or '.join(map(str, values))}" for choice, values in p.needs.items())
        bounds, layers = f"{p.lower:g} to {p.upper:g}", "yes" if p.layers else "no"
        lines.append(f"| `{name}` | {p.description} | {p.default:g} | {p.units} | {bounds} | {layers} | {needs} |")
    return "\n".join(lines) + "\n"


def command_line_page() -> str:
    """The page of the command `ogcm`: what `--help` prints."""
    lines = ["# Command line", "", "`ogcm COMMAND --help` prints these texts.", "", "## ogcm", ""]
    lines += [literal(help_text("--help"))]
    for command in SETUP_COMMANDS:
        lines += [f"## ogcm {command}", "", literal(help_text(command, "double_gyre", "--help"))]
    for command in ("new", "info", "plot", "compile", "kernel"):
        lines += [f"## ogcm {command}", "", literal(help_text(command, "--help"))]
    return "\n".join(lines)


def help_text(*arguments: str) -> str:
    """What `ogcm` prints with these arguments, the last of which is `--help`."""
    os.environ["COLUMNS"], text = "100", io.StringIO()
    with contextlib.redirect_stdout(text), contextlib.suppress(SystemExit):
        main(list(arguments))
    return text.getvalue()


def literal(text: str) -> str:
    """A block of text that is shown as it stands."""
    return f"```text\n{text.rstrip()}\n```\n"


def formulas_as_they_stand(_app, _what, _name, _obj, _options, lines: list[str]) -> None:
    """Show the formulas and aligned columns of a docstring as they stand, and `*`, `|` and `_` as themselves.

    Docstrings are plain text with sections in NumPy style. In reStructuredText an indented paragraph is a quotation,
    and these characters are markup. Sphinx calls this function for each docstring before numpydoc reads it.
    """
    made, free = [], True  # free: the text is not in a list of parameters
    for paragraph in "\n".join(lines).split("\n\n"):
        rows = paragraph.split("\n")
        title = next((n for n in range(1, len(rows)) if re.fullmatch(r"-{3,}", rows[n])), None)
        if title is not None:
            free = rows[title - 1] in ("Notes", "Examples")
        indented = any(row.startswith("    ") for row in rows) and not rows[0].startswith(("- ", ">>> "))
        if free and title is None and (indented or re.search(r"\S {3,}\S", paragraph)):
            made += ["::", "", *(f"    {row}" for row in rows), ""]
        else:
            made += [*(re.sub(r"([*|]|_(?!\w))", r"\\\1", row) for row in rows), ""]
    lines[:] = made


def resolve_public_name(app, env, node, contnode):
    """Link a public name of a package, such as `ogcm.Model`, to the module that defines it, `ogcm.model.Model`."""
    package, _, public = node.get("reftarget", "").partition(".")
    found = next((homes(p).get(public) for p in PACKAGES if p.__name__ == package), None)
    if node.get("refdomain") != "py" or found is None:
        return None
    target, page = f"{found}.{public}", node.get("refdoc")
    return env.get_domain("py").resolve_xref(env, page, app.builder, "obj", target, node, contnode)


def skip_foreign(_app, _what, _name, obj, _skip, _options) -> bool | None:
    """Leave out members that another library adds to a class, such as `set` of a picture of matplotlib."""
    return True if str(getattr(obj, "__module__", "")).startswith("matplotlib") else None
