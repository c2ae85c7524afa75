"""Symbols that stand for numbers and arrays when `ogcm.cuda_rules` interprets the source of a kernel."""

from typing import NamedTuple

from ogcm.kernel_source import Node


class Index(NamedTuple):
    """An integer: a symbol ("" for none) plus a constant."""

    symbol: str
    constant: int = 0


class View(NamedTuple):
    """An array, or the part of it that its first indices select."""

    root: str
    index: tuple = ()  # type: ignore[assignment]  # a tuple has a method of that name
    dimensions: int = 0  # those of a work array of a row; 0 for all other arrays

    def is_own_point(self) -> bool:
        """Return True for an element at the point of the thread itself."""
        if self.dimensions:
            return len(self.index) == self.dimensions and self.index[-1] == POINT[1]
        return self.index[-2:] == POINT

    def disjoint(self, other: "View") -> bool:
        """Return True if two parts of an array have no common element, since they differ in a constant index."""
        pairs = zip(self.index, other.index, strict=False)
        return any(is_constant(a) and is_constant(b) and a != b for a, b in pairs)

    def extent(self, position: int | None, count: int) -> object:
        """Return the size along one of `count` dimensions: ni along the last one of a field or of a work array."""
        last = position is not None and position == count - 1
        return NI if last and (count > 1 or self.dimensions) else OTHER


class Shape(NamedTuple):
    """The shape of an array."""

    view: View


class SetInLoop(NamedTuple):
    """The value of a name that a loop sets: in the loop before it is set, and after the loop."""

    loop: Node


class Access(NamedTuple):
    """An element that is read or written, with its file and line and its source."""

    view: View
    location: str
    source: str

    def conflicts(self, other: "Access") -> bool:
        """Return True if both may be the same element."""
        return self.view.root == other.view.root and not self.view.disjoint(other.view)


OTHER = object()  # any other value
POINT, NI = (Index("j"), Index("i")), Index("ni")


def is_constant(value: object) -> bool:
    """Return True for an integer without a symbol."""
    return isinstance(value, Index) and value.symbol == ""
