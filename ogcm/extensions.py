"""Tables of things by name to which a user adds his own, and the modules in which he does so.

    PAIRS.register("relax", Pair(...))              # operators, `adjoint.registry`
    TERMS.register("sponge", Sponge)                # terms of the slow physics, `ogcm.terms`
    FEATURES.register("speed", Feature(...))        # what a network sees, `nn.features`
    NETWORKS.register("mine", MyNetwork)            # networks, `nn.network`

On the command line `--module FILE.py` runs such a module first. No file that ogcm reads makes it import a module.
"""

import importlib
import importlib.util
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from ogcm.errors import FileError, InputError, suggestion

PACKAGES = ("adjoint", "nn")  # beside `ogcm`, under names that others may use as well
HOME = Path(__file__).resolve().parent.parent


class Registry(dict):
    """A dictionary whose first entries belong to ogcm and keep their names."""

    def __init__(self, kind: str, entries: Mapping[str, object] | None = None) -> None:
        """`kind`: what an entry is, in the singular, for messages."""
        super().__init__(entries or {})
        self.kind, self.own = kind, frozenset(self)

    def register(self, name: str, entry: object) -> None:
        """Add an entry, or replace one of the user's. Raises InputError for a name that ogcm uses itself."""
        if not (isinstance(name, str) and name.isidentifier()):
            raise InputError(f"{self.kind}: {name!r} is not a name; use letters, digits and underscores")
        if name in self.own:
            raise InputError(f"{self.kind}: the name {name!r} belongs to one of ogcm's own; choose another")
        self[name] = entry

    def find(self, name: str) -> Any:
        """The entry of that name. Raises InputError where there is none."""
        if name in self:
            return self[name]
        hint = suggestion(str(name), list(self)) if self else "none is registered"
        raise InputError(
            f"{self.kind}: unknown {name!r}: {hint}. One of your own must be registered first, in a module that is "
            "imported (on the command line --module FILE.py)"
        )

    def foreign(self, names: Iterable[str]) -> list[str]:
        """Those of `names` that are not ogcm's own."""
        return [name for name in names if name not in self.own]


def import_file(path: str) -> ModuleType:
    """Run the Python file `path` as the module of its name; a second time, return that module.

    Raises FileError where there is no such file, InputError where it fails or its name belongs to another module.
    """
    file = Path(path).resolve()
    if file.suffix != ".py" or not file.is_file():
        raise FileError(f"--module: {path} is not a Python file that exists")
    name = file.stem
    known = sys.modules.get(name)
    if known is not None and Path(getattr(known, "__file__", None) or "").resolve() == file:
        return known
    if known is not None or name in PACKAGES or not name.isidentifier():
        raise InputError(f"--module: {path} cannot be imported under the name {name!r}, which is taken; rename it")
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise InputError(f"--module: {path} cannot be imported as a module")
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        if isinstance(error, InputError):
            raise
        raise InputError(f"--module: {path} fails with {type(error).__name__}: {error}") from error
    return module


def import_own(name: str) -> ModuleType:
    """The module `name` of the packages `adjoint` or `nn`.

    Raises InputError where a file of the user hides the package.
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
