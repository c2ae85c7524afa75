"""Docstrings in NumPy style, held by numpydoc.

Public objects need a summary and complete sections `Parameters` and `Returns`; everything else, except nested functions
and special methods, needs at least one sentence. Public are: what the `__all__` of a package lists, with the public
methods and properties of its classes; all public names of a module that an `__all__` lists; kernels, public plain
functions and classes in the folders of operators. The faults of one module or of several:

    python -m tests.project.test_docstrings ogcm/grid.py ogcm/operators/friction.py
"""

import dataclasses
import functools
import inspect
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest
from numpydoc.docscrape import get_doc_object
from numpydoc.validate import Validator, validate

from ogcm.backend import Kernel

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("ogcm", "adjoint", "nn")
OPERATORS = ("ogcm/operators", "adjoint/operators")
CODES = {
    *("GL06", "GL07", "GL08"),  # unknown section, order of sections, no docstring
    *("SS01", "SS03"),  # no summary, no period behind it
    *("PR01", "PR02", "PR03"),  # missing, unknown, misordered parameters
    *("PR04", "PR07", "PR10"),  # a parameter without type, without description, without a space before its colon
    *("RT01", "RT03", "YD01"),  # what is returned or yielded
}
# A summary does not begin with one of these.
ELLIPTIC = {"Of", "From", "What", "Whether", "How", "Why", "Where", "As", "By", "For", "In", "To", "With"}
MODULES = [path.relative_to(ROOT).as_posix() for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]


class PublicDocstring(Validator):
    """The docstring of a public object, as numpydoc checks it."""

    def __init__(self, obj_name: object) -> None:
        super().__init__(get_doc_object(obj_name))

    @property
    def doc_all_parameters(self) -> dict:
        """The documented parameters; a class of plain fields may call them `Attributes`."""
        of_fields = dataclasses.is_dataclass(self.obj) or hasattr(self.obj, "_fields")
        only_attributes = of_fields and not self.doc["Parameters"]
        return self._doc_parameters(["Attributes"] if only_attributes else ["Parameters", "Other Parameters"])


def load(path: str) -> ModuleType:
    """The module in the file `path`."""
    return import_module(".".join(Path(path).with_suffix("").parts).removesuffix(".__init__"))


def defined_in(module: ModuleType) -> dict[str, object]:
    """The functions and classes that a module defines, by name; of a kernel or compiled helper the Python function."""
    found = {name: getattr(value, "py_func", value) for name, value in vars(module).items()}
    return {
        name: value
        for name, value in found.items()
        if (inspect.isfunction(value) or inspect.isclass(value))
        and value.__module__ == module.__name__
        and value.__name__ == name
        and not name.startswith("Grid_")  # of a kernel that an earlier test called (`ogcm.backend`)
    }


def is_public(name: str) -> bool:
    """True unless the name begins with an underscore."""
    return not name.startswith("_")


@functools.cache
def public_objects() -> frozenset:
    """All functions and classes that need complete docstrings."""
    found, modules = [], []
    for package in map(import_module, PACKAGES):
        for name in getattr(package, "__all__", ()):
            value = getattr(package, name)
            (modules if inspect.ismodule(value) else found).append(value)
    for module in modules:
        found += [getattr(module, name) for name in getattr(module, "__all__", filter(is_public, defined_in(module)))]
    for module in map(load, (path for path in MODULES if path.startswith(OPERATORS))):
        own = [a for name, a in vars(module).items() if is_public(name)]
        found += [a for a in own if isinstance(a, Kernel) or inspect.isfunction(a) or inspect.isclass(a)]
    found = [getattr(a, "py_func", a) for a in found]
    return frozenset(a for a in found if inspect.isfunction(a) or inspect.isclass(a))


def methods(cls: type) -> Iterator[tuple[str, object]]:
    """The methods and properties that a class documents itself: its own, unless they inherit their docstring."""
    for name, value in vars(cls).items():
        value = getattr(value, "__func__", value)
        if not (inspect.isfunction(value) or isinstance(value, property | functools.cached_property)):
            continue
        generated = inspect.isfunction(value) and value.__module__ != cls.__module__
        inherits = not value.__doc__ and any(getattr(base, name, None) for base in cls.__mro__[1:])
        if not (generated or inherits or (name.startswith("__") and name.endswith("__"))):
            yield name, value


def faults_of(obj: object, complete: bool) -> Iterator[str]:
    """What is wrong with one docstring: all of it where it must be `complete`, else its summary alone."""
    if not (obj.__doc__ or "").strip():
        yield "GL08 no docstring"
        return
    docstring = PublicDocstring(obj)
    words = docstring.summary.split()
    if words and words[0] in ELLIPTIC:
        yield f"elliptic: the summary begins with {words[0]!r}; begin with a verb or a noun"
    held = CODES if complete else {"GL07", "SS01", "SS03"}
    if inspect.isclass(obj) and issubclass(obj, BaseException):
        held = {code for code in held if not code.startswith("PR")}
    for code, message in validate(obj, PublicDocstring)["errors"]:
        if code in held:
            yield f"{code} {message}"


def faults(path: str) -> list[str]:
    """The faults of all docstrings of a module, each with the name of its object."""
    module = load(path)
    found = [] if (module.__doc__ or "").strip() else [f"{path}: the module has no docstring"]
    for name, obj in defined_in(module).items():
        complete = obj in public_objects()
        objects = [(name, obj, complete)]
        if inspect.isclass(obj):
            objects += [(f"{name}.{n}", method, complete and is_public(n)) for n, method in methods(obj)]
        for label, documented, needs_all in objects:
            found += [f"{path}: {label}: {fault}" for fault in faults_of(documented, needs_all)]
    return found


@pytest.mark.parametrize("path", MODULES)
def test_docstrings(path):
    found = faults(path)
    assert not found, "\n".join(["", *found])


def test_the_docstring_of_a_kernel_is_that_of_its_function():
    for path in MODULES:
        kernels = [a for a in vars(load(path)).values() if isinstance(a, Kernel)]
        assert all(kernel.__doc__ == kernel.py_func.__doc__ for kernel in kernels), path


if __name__ == "__main__":
    listed = [fault for path in sys.argv[1:] for fault in faults(path)]
    print("\n".join(listed) or "no faults")
    sys.exit(bool(listed))
