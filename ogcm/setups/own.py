"""Setups of users: found in their files by name, and written to start from.

ogcm new my_gyre.py --from double_gyre
ogcm run my_gyre.py:double_gyre --days 30
"""

import ast
import inspect
import sys
import warnings
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import ogcm
from ogcm.errors import FileError, InputError, suggestion
from ogcm.extensions import import_file
from ogcm.names import check_folder, is_taken
from ogcm.setups import SETUPS
from ogcm.setups.recipe import Setup

# Finding a setup


def find_setup(name: str, more: Mapping[str, Any] | None = None, folder: str | Path = ".") -> Setup:
    """Return the setup of a name.

    Parameters
    ----------
    name : str
        Name of a setup of ogcm, or "FILE.py:NAME" for the function NAME in a file of a user. "FILE.py" is enough for a
        file with one setup. The file is imported.
    more : mapping of str to Setup, optional
        Further setups by name.
    folder : str or Path, optional
        Folder to which a relative path of the file refers; default the working directory.

    Returns
    -------
    Setup
        The setup.

    Raises
    ------
    FileError
        If the file does not exist.
    InputError
        For an unknown name, a file that fails when it is imported, and one in which the setup cannot be found.
    """
    file, _, function = name.rpartition(":")
    if name.endswith(".py"):
        file, function = name, ""
    if file.endswith(".py"):
        return setup_in_file(Path(folder) / file, function)
    known: dict[str, Any] = SETUPS | dict(more or {})
    if name not in known:
        hint = f"did you mean '{name}.py'?" if Path(folder, f"{name}.py").is_file() else suggestion(name, known)
        raise InputError(f"unknown setup {name!r}: {hint}")
    return known[name]


def setup_in_file(file: Path, name: str) -> Setup:
    """Return the setup `name` of a Python file, or its only setup if the name is empty; see `find_setup`."""
    module = import_file(str(file), "setup")
    found = {n: f for n, f in vars(module).items() if isinstance(f, Setup) and f.__module__ == module.__name__}
    remedy = "put @ogcm.recipe(days=...) before the function that makes the model"
    if name in found:
        return found[name]
    if name and name in vars(module):
        raise InputError(f"{file}: {name!r} is not a setup; {remedy}")
    if not found:
        raise InputError(f"{file}: has no setup; {remedy}")
    if name:
        raise InputError(f"{file}: has no setup {name!r}: {suggestion(name, found)}")
    if len(found) > 1:
        raise InputError(
            f"{file}: has the setups {', '.join(found)}; name one of them, as in {file}:{next(iter(found))}"
        )
    return next(iter(found.values()))


def check_digest(setup: Setup, digest: str | None, where: str | Path) -> None:
    """Warn if the file of a setup is another than the one whose digest the configuration `where` records."""
    if digest is not None and digest != setup.digest:
        file = setup.home.rpartition(":")[0]
        warnings.warn(f"{file} has changed since the run that {where} records, and may not repeat it", stacklevel=2)


# Writing a file to start from


def write_setup(path: str | Path, name: str) -> None:
    """Write the source of a setup of ogcm as a file of the user.

    Parameters
    ----------
    path : str or Path
        The file, which must not exist.
    name : str
        Name of the setup.

    Raises
    ------
    InputError
        For an unknown setup.
    FileError
        For a file that exists, or whose name cannot be that of a Python module of one's own.
    """
    if name not in SETUPS:
        raise InputError(f"new: unknown setup {name!r}: {suggestion(name, SETUPS)}")
    path = Path(path)
    check_folder(path)
    if is_taken(path):
        raise FileError(f"{path}: exists; choose another name")
    if path.suffix != ".py" or not path.stem.isidentifier():
        raise FileError(
            f"{path}: needs a name of letters, digits and underscores that ends in .py, such as my_ocean.py"
        )
    if path.stem in sys.modules or find_spec(path.stem) is not None:
        raise FileError(f"{path}: {path.stem!r} is the name of another Python module; choose another")
    path.write_text(source_of_setup(name, path.name), encoding="utf-8")


def source_of_setup(name: str, file: str) -> str:
    """Return the source of a setup for a file of the name `file`, with a docstring that says where it is from."""
    source = inspect.getsource(sys.modules[SETUPS[name].__module__])
    docstring = ast.parse(source).body[0]
    title = ast.get_docstring(ast.parse(source))
    rest = "\n".join(source.splitlines()[docstring.end_lineno :])
    return (
        f'"""{title}\n\nFrom the setup `{name}` of ogcm {ogcm.__version__}.\n\n'
        f'    ogcm run {file} --help\n    ogcm run {file}:{name} --days 10\n"""\n{rest}\n'
    )
