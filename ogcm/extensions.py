"""Registries to which users add entries, the modules in which they do so, and packages of the same names as ours.

    PAIRS.register("relax", Pair(...))              # operators, `adjoint.registry`
    TERMS.register("sponge", Sponge)                # terms of the slow physics, `ogcm.terms`
    FEATURES.register("speed", Feature(...))        # inputs of a network, `nn.features`
    NETWORKS.register("mine", MyNetwork)            # networks, `nn.network`

On the command line `--module FILE.py` imports such a module first. No data file makes ogcm import a module; a
configuration imports the file of its setup, if that is a file of the user.
"""

import importlib
import importlib.util
import sys
import traceback
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from ogcm.errors import FileError, InputError, suggestion

PACKAGES = ("adjoint", "nn")  # installed beside `ogcm`, with names that others may use as well
HOME = Path(__file__).resolve().parent.parent


class Registry(dict):
    """A dictionary to which users add entries; the names of its first entries are reserved.

    Parameters
    ----------
    kind : str
        Meaning of an entry, in the singular, for messages.
    entries : mapping of str to object, optional
        Entries of ogcm.
    """

    def __init__(self, kind: str, entries: Mapping[str, object] | None = None) -> None:
        super().__init__(entries or {})
        self.kind, self.own = kind, frozenset(self)

    def register(self, name: str, entry: object) -> None:
        """Add an entry, or replace one that a user added.

        Parameters
        ----------
        name : str
            Name of the entry.
        entry : object
            The entry.

        Raises
        ------
        InputError
            For a name that is no identifier or is reserved for ogcm.
        """
        if not (isinstance(name, str) and name.isidentifier()):
            raise InputError(f"{self.kind}: {name!r} is not a name; use letters, digits and underscores")
        if name in self.own:
            raise InputError(f"{self.kind}: the name {name!r} is reserved for an entry of ogcm; choose another")
        self[name] = entry

    def find(self, name: str) -> Any:
        """Return the entry of a name.

        Parameters
        ----------
        name : str
            Name of the entry.

        Returns
        -------
        object
            The entry.

        Raises
        ------
        InputError
            For an unknown name.
        """
        if name in self:
            return self[name]
        hint = suggestion(str(name), list(self)) if self else "none is registered"
        raise InputError(
            f"{self.kind}: unknown {name!r}: {hint}. An entry of yours must be registered first, in a module that is "
            "imported (on the command line --module FILE.py)"
        )

    def named(self, names: str) -> dict[str, Any]:
        """Return the entries of several names.

        Parameters
        ----------
        names : str
            Names with commas between them, such as "sponge,drag".

        Returns
        -------
        dict of str to object
            The entries by name.

        Raises
        ------
        InputError
            For an unknown name.
        """
        return {name: self.find(name) for name in filter(None, (word.strip() for word in names.split(",")))}

    def foreign(self, names: Iterable[str]) -> list[str]:
        """Select the names that are not reserved for ogcm.

        Parameters
        ----------
        names : iterable of str
            Names.

        Returns
        -------
        list of str
            Those that users have added.
        """
        return [name for name in names if name not in self.own]


def import_file(path: str, source: str = "--module") -> ModuleType:
    """Import the Python file `path` as a module with the name of the file; a second call returns the same module.

    `source` says in messages where the file was given. Raises FileError where there is no such file, and InputError
    where it fails or another module has its name.
    """
    file = Path(path).resolve()
    if file.suffix != ".py" or not file.is_file():
        raise FileError(f"{source}: {path} is not a Python file that exists")
    name = file.stem
    known = sys.modules.get(name)
    if known is not None and Path(getattr(known, "__file__", None) or "").resolve() == file:
        return known
    if known is not None or name in PACKAGES or not name.isidentifier():
        raise InputError(f"{source}: {path} cannot be imported under the name {name!r}, which is taken; rename it")
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise InputError(f"{source}: {path} cannot be imported as a module")
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        if isinstance(error, InputError):
            raise
        where, what = line_of_error(error, file), f"{type(error).__name__}: {error}"
        raise InputError(f"{source}: {path} fails in line {where} with {what}") from error
    return module


def line_of_error(error: Exception, file: Path) -> int | None:
    """Return the line of a file in which an error arose when the file was imported."""
    if isinstance(error, SyntaxError) and error.filename == str(file):
        return error.lineno
    return max((f.lineno or 0 for f in traceback.extract_tb(error.__traceback__) if f.filename == str(file)), default=1)


def import_own(name: str) -> ModuleType:
    """Import the module `name` of the packages `adjoint` or `nn`.

    Raises InputError where Python finds another package of that name.
    """
    if (message := foreign_package(name.partition(".")[0])) is not None:
        raise InputError(message)
    return importlib.import_module(name)


def foreign_package(package: str) -> str | None:
    """Message that names the file found instead of a package of ogcm, and the remedy; None where all is well."""
    module = sys.modules.get(package)
    spec = getattr(module, "__spec__", None) if module else importlib.util.find_spec(package)
    found = [*(spec.submodule_search_locations or []), spec.origin] if spec else []
    places = [Path(place).resolve() for place in found if place]
    if HOME / package in places:
        return None
    where = places[-1] if places else "nothing"
    return (
        f"{package}: Python finds {where} instead of the package {package!r} that belongs to ogcm. It looks beside the "
        "script and in the working directory first: rename a file or folder of that name there. Where another "
        "installed distribution brings it, install ogcm in a virtual environment of its own"
    )
