"""What a kernel must keep to so that a GPU can run it, found by reading its source before it is translated.

`ogcm.cuda` gives a thread of the GPU one j of each `for j in prange(...)` and one i of each loop along i, which is one
whose index is called `i` or `ii`; every other loop is done whole by each thread. That is right if

    every element is written by one thread      a field at [..., j, i], a work array of a row at [..., i]
    no thread waits for another                 what a `prange` loop writes it reads at its own point alone
    no number goes from one point to another    what a loop along i sets is set there before it is read
    no point is left out                        a loop along i ends at ni or before

A `Follower` goes through a kernel and all helpers that it calls, with symbols in place of numbers: j, i and ni plus a
constant (`Index`), arrays and their parts (`View`), OTHER for all else. What breaks a rule, and whatever it cannot
follow, it refuses with file and line. Not seen from the source are two arguments that are one array.
"""

import ast
import builtins
import inspect
import math
from collections.abc import Callable, Sequence
from typing import NamedTuple, NoReturn

import numpy as np
from numba import prange

from ogcm.backend import GPU_REPLACEMENTS, python_function, row_barrier
from ogcm.cuda_source import ALONG_I, definition, is_along_i, is_loop, names_read, names_set, namespace_of
from ogcm.errors import KernelError

HARMLESS = {min, max, abs, int, float, bool, complex, isinstance, *(f for f in vars(math).values() if callable(f))}


class Index(NamedTuple):
    """A whole number: a symbol ("" for none) plus a constant."""

    symbol: str
    constant: int = 0


class View(NamedTuple):
    """An array, or the part of it that its first indices pick."""

    root: str
    index: tuple = ()
    dimensions: int = 0  # of a work array of a row; 0 for all other arrays

    def own(self) -> bool:
        """Whether this is an element at the thread's own point."""
        if self.dimensions:
            return len(self.index) == self.dimensions and self.index[-1] == POINT[1]
        return self.index[-2:] == POINT

    def disjoint(self, other: "View") -> bool:
        """Whether two parts of an array have no element in common, since two of their indices are other constants."""
        pairs = zip(self.index, other.index, strict=False)
        return any(is_constant(a) and is_constant(b) and a != b for a, b in pairs)

    def extent(self, position: int | None, count: int) -> object:
        """The size along one of `count` dimensions: ni along the last one of a field or of a work array."""
        last = position is not None and position == count - 1
        return NI if last and (count > 1 or self.dimensions) else OTHER


class Shape(NamedTuple):
    """The shape of an array."""

    view: View


class Stale(NamedTuple):
    """The value of a name in a loop that sets it, before it does so, and behind that loop."""

    loop: ast.stmt


class Access(NamedTuple):
    """An element that is read or written: where, and how that is written down."""

    view: View
    place: str
    source: str

    def conflicts(self, other: "Access") -> bool:
        """Whether both may be one element."""
        return self.view.root == other.view.root and not self.view.disjoint(other.view)


OTHER = object()  # any other value
POINT, NI = (Index("j"), Index("i")), Index("ni")


def is_constant(value: object) -> bool:
    return isinstance(value, Index) and value.symbol == ""


def parts_of(node: ast.expr) -> list[ast.expr]:
    """The parts of a tuple; of anything else, itself."""
    return node.elts if isinstance(node, ast.Tuple) else [node]


def check(function: Callable, tree: ast.FunctionDef) -> set[ast.stmt]:
    """Raise KernelError for a kernel that a GPU cannot run as it is written; `tree` is what `parsed` made of it.

    Returns the loops, of those directly in a `prange` loop, whose turns need nothing of each other: these may have
    threads of their own.
    """
    follower = Follower(function)
    follower.begin(tree, [View(a.arg) for a in tree.args.args])
    return follower.free


class Follower:
    """Goes through a function, statement by statement; `environment` says what its names stand for."""

    def __init__(self, function: Callable, caller: "Follower | None" = None, called_at: str = "") -> None:
        self.function, self.namespace, self.called_at = function, namespace_of(function), called_at
        self.environment: dict[str, object] = {}
        self.loops: list[ast.stmt] = []  # of this function, around the present statement
        self.free: set[ast.stmt] = set()
        self.carrying: set[ast.stmt] = set()  # loops one turn of which leaves something to the next
        self.results: set[object] = set()
        self.reads: list[Access] = []
        self.writes: list[Access] = []
        self.callers: tuple[Callable, ...] = (*caller.callers, function) if caller else (function,)
        self.in_thread, self.along_i = (True, caller.along_i) if caller else (False, False)
        self.known: dict = caller.known if caller else {}  # calls that were followed before

    def place(self, node: ast.AST) -> str:
        return f"{inspect.getsourcefile(self.function)}:{node.lineno}"

    def access(self, view: View, node: ast.AST) -> Access:
        return Access(view, self.place(node), ast.unparse(node))

    def refuse(self, node: ast.AST, why: str) -> NoReturn:
        called = f" (called at {self.called_at})" if self.called_at else ""
        raise KernelError(f"{self.place(node)}: `{ast.unparse(node).splitlines()[0]}`{called} {why}")

    def begin(self, tree: ast.FunctionDef, arguments: Sequence[object]) -> None:
        """Go through the definition of the function."""
        names = [a.arg for a in tree.args.args]
        if len(names) != len(arguments) or len(names) != sum(isinstance(n, ast.arg) for n in ast.walk(tree.args)):
            self.refuse(tree, f"takes {len(names)} arguments, one by one, but is given {len(arguments)} or has others")
        for name in {*names, *names_set(tree), *names_read(tree)}:
            if name.startswith("thread_") or name in ("cuda", "gpu"):
                self.refuse(tree, f"uses the name {name}, which its twin needs for itself; choose another name")
        self.environment = dict(zip(names, arguments, strict=True))
        self.follow(tree.body)

    # Statements

    def follow(self, nodes: list[ast.stmt]) -> None:
        for node in nodes:
            handler = getattr(self, f"follow_{type(node).__name__}", None)
            if handler is None:
                self.refuse(node, "is not translated for a GPU; write assignments, `for`, `if` and calls of helpers")
            handler(node)

    def follow_Expr(self, node: ast.Expr) -> None:
        if isinstance(node.value, ast.Call) and self.helper(node.value) in GPU_REPLACEMENTS:
            self.follow_row_helper(node.value)
        elif not isinstance(node.value, ast.Constant):  # a docstring
            self.value(node.value)

    def follow_row_helper(self, call: ast.Call) -> None:
        """A helper of a row that a thread does in a way of its own; the host leaves it out."""
        if not self.in_thread:
            return
        field = self.value(call.args[0])
        of_kernel = len(self.callers) == 1 and not self.along_i and isinstance(field, View)
        if not of_kernel or GPU_REPLACEMENTS[self.helper(call)] is None:
            self.refuse(call, "is a helper of whole rows; call it for a field, behind the loop along i")
        self.writes.append(self.access(View(field.root, (*field.index, *POINT)), call))

    def follow_Return(self, node: ast.Return) -> None:
        if any(map(is_along_i, self.loops)):
            self.refuse(node, "leaves a loop along i, of which a thread of a GPU does one point; return behind it")
        value = self.value(node.value) if node.value else OTHER
        for part in parts_of(node.value) if node.value else ():
            self.number(part)
        self.results.add((OTHER,) * len(value) if type(value) is tuple else OTHER)

    def follow_Break(self, node: ast.stmt) -> None:
        if is_along_i(self.loops[-1]) or is_loop(self.loops[-1], "prange"):
            self.refuse(node, "leaves a loop of which a thread of a GPU does one point; write a condition instead")
        self.carrying.add(self.loops[-1])

    follow_Continue = follow_Break

    def follow_If(self, node: ast.If) -> None:
        self.number(node.test)
        before = dict(self.environment)
        self.follow(node.body)
        one, self.environment = self.environment, before
        self.follow(node.orelse)
        for name in one.keys() | self.environment.keys():
            values = one.get(name, OTHER), self.environment.get(name, OTHER)
            stale = [v for v in values if isinstance(v, Stale)]
            self.environment[name] = values[0] if values[0] == values[1] else stale[0] if stale else OTHER

    def follow_Assign(self, node: ast.Assign) -> None:
        value, parts = self.value(node.value), parts_of(node.value)
        for target in node.targets:
            targets = parts_of(target)
            for one, part in zip(targets, parts, strict=True) if len(targets) == len(parts) else ():
                if not isinstance(one, ast.Name):  # which could stand for an array, and is read where it is used
                    self.number(part)
            self.assign(target, value)

    def follow_AugAssign(self, node: ast.AugAssign) -> None:
        if isinstance(node.target, ast.Name) and isinstance(self.value(node.target), View):
            self.refuse(node, "changes a whole array if the name stands for one; write `x = x + ...` for a number")
        self.number(node.value)
        self.number(node.target)
        self.assign(node.target, OTHER)

    def assign(self, target: ast.expr, value: object) -> None:
        """Give a value to a name, an element or several of them."""
        if isinstance(target, ast.Name):
            self.environment[target.id] = value
        elif isinstance(target, ast.Subscript):
            self.store(target)
        elif isinstance(target, ast.Tuple):
            count = len(target.elts)
            if isinstance(value, Shape):
                value = tuple(value.view.extent(n, count) for n in range(count))
            if value is OTHER:
                value = (OTHER,) * count
            if type(value) is not tuple or len(value) != count:
                self.refuse(target, "are not as many names as there are values; assign them one by one")
            for part, of_part in zip(target.elts, value, strict=True):
                self.assign(part, of_part)
        else:
            self.refuse(target, "cannot be assigned to in a kernel")

    def store(self, target: ast.Subscript) -> None:
        """Write an element, which must be at the thread's own point."""
        view = self.value(target)
        if not isinstance(view, View):
            self.refuse(target, "is written, but it cannot be told of which array it is; write to an argument")
        if not self.in_thread:
            self.refuse(target, "is written outside of `for j in prange(...)`; write it within")
        if not view.own():
            element = "[..., i]" if view.dimensions else "[..., j, i]"
            self.refuse(
                target,
                f"would be written by several threads of a GPU; write it at its own point {element}, with the j of "
                "`for j in prange(HALO, nj - HALO)` and the i of `for ii in range(HALO, ni - HALO)`, i = np.uintp(ii)",
            )
        self.writes.append(self.access(view, target))

    # Loops

    def follow_For(self, node: ast.For) -> None:
        by_name = isinstance(node.iter, ast.Call) and isinstance(node.iter.func, ast.Name)
        over = self.named(node.iter.func) if by_name else None
        if over not in (range, prange) or not isinstance(node.target, ast.Name) or node.orelse:
            self.refuse(node, "is another loop than a GPU can share; write `for k in range(...)`, with one index")
        ends = [self.number(end) for end in node.iter.args]
        if over is prange:
            self.threads(node)
        elif self.in_thread and node.target.id in ALONG_I:
            self.dealt(node, ends)
        else:
            self.whole(node, Index(f"turn of line {node.lineno}"))

    def follow_While(self, node: ast.While) -> None:
        if not self.along_i:
            self.refuse(node, "is a loop that could be along anything; write `for` loops over `range`")
        self.whole(node, OTHER)

    def dealt(self, node: ast.For, ends: list[object]) -> None:
        """A loop along i: each thread does one point of it."""
        if self.along_i:
            self.refuse(node, "is a loop along i within another one; call its index n if it is not along i")
        if len(ends) == 3:
            self.refuse(node, "has a step, but each point along i has its thread; write `range(HALO, ni - HALO)`")
        if not isinstance(ends[-1], Index) or ends[-1].symbol != "ni" or ends[-1].constant > 0:
            self.refuse(
                node,
                "is a loop along i by the name of its index, but it is not known to end at ni or before, ni being the "
                "last of `nk, nj, ni = field.shape`; end it at `ni - HALO`, or call its index n if it is not along i",
            )
        self.along_i = True
        self.turn(node, POINT[1], dict.fromkeys(names_set(node), Stale(node)))
        self.along_i = False

    def whole(self, node: ast.For | ast.While, index: object) -> None:
        """A loop that each thread, or the host, does by itself."""
        stale = dict.fromkeys(names_set(node), Stale(node))
        for loop in () if self.along_i else filter(is_along_i, ast.walk(node)):
            stale |= dict.fromkeys(names_set(loop), Stale(loop))
        reads, writes = len(self.reads), len(self.writes)
        self.turn(node, index, stale)
        if self.loops and is_loop(self.loops[-1], "prange") and node not in self.carrying:
            written = self.writes[writes:]
            read = [r for r in self.reads[reads:] if any(r.conflicts(w) for w in written)]
            if all(access.view.index[:1] == (index,) for access in (*written, *read)):
                self.free.add(node)

    def turn(self, node: ast.For | ast.While, index: object, stale: dict[str, Stale]) -> None:
        """One turn of a loop; `stale` are the names that it sets."""
        self.environment |= stale
        if isinstance(node, ast.For):
            self.environment[node.target.id] = index
        else:
            self.number(node.test)
        self.loops.append(node)
        self.follow(node.body)
        self.loops.pop()
        self.environment |= stale

    def threads(self, node: ast.For) -> None:
        """A `prange` loop: each thread has one j."""
        if self.in_thread:
            self.refuse(node, "stands within a loop over `prange` or in a helper; only a kernel itself has such loops")
        if len(node.iter.args) == 3:
            self.refuse(node, "has a step, but each j has its threads; write `prange(HALO, nj - HALO)`")
        if self.environment.get("ni") != NI:
            self.refuse(node, "needs the number of points along i; write `nk, nj, ni = field.shape` before it")
        stale = dict.fromkeys(names_set(node), Stale(node))
        own = stale | {node.target.id: POINT[0]}
        self.environment |= own
        self.loops.append(node)
        self.in_thread, self.reads, self.writes = True, [], []
        for statement in node.body:
            if isinstance(statement, ast.Expr) and self.helper(statement.value) is python_function(row_barrier):
                self.races()  # a launch of its own, which knows only the work arrays
                rows = {n: v for n, v in self.environment.items() if isinstance(v, View) and v.dimensions}
                self.environment |= own | rows
                self.reads, self.writes = [], []
            elif isinstance(statement, ast.Assign) and (arrays := self.work_arrays(statement)):
                self.environment |= arrays
            else:
                self.follow([statement])
        self.races()
        self.in_thread = False
        self.loops.pop()
        self.environment |= stale

    def work_arrays(self, statement: ast.Assign) -> dict[str, View]:
        """The work arrays of a row that a statement makes, by name."""
        calls, targets = parts_of(statement.value), parts_of(statement.targets[0])
        makes = [isinstance(c, ast.Call) and self.named(c.func) in (np.zeros, np.empty) for c in calls]
        if not any(makes):
            return {}
        found = {}
        for name, call, good in zip(targets, calls, makes, strict=True):
            sizes = parts_of(call.args[0]) if good and call.args else []
            good = isinstance(name, ast.Name) and len(sizes) in (1, 2) and len(call.args) == 2 and not call.keywords
            good = good and ast.unparse(call.args[1]).endswith(".dtype") and self.value(sizes[-1]) == NI
            set_here = names_set(self.loops[0])
            if not good or any(n.id in set_here for size in sizes for n in ast.walk(size) if isinstance(n, ast.Name)):
                self.refuse(statement, "makes no work array of a row; write `a = np.zeros((levels, ni), field.dtype)`")
            found[name.id] = View(f"{name.id} of line {call.lineno}", (), len(sizes))
        return found

    def races(self) -> None:
        """Refuse what a launch reads beside the own point and writes as well."""
        for read in self.reads:
            for write in self.writes:
                if read.conflicts(write) and not read.view.own():
                    apart = "`row_barrier()` between them" if read.view.dimensions else "them in two `prange` loops"
                    raise KernelError(
                        f"{read.place}: `{read.source}` is read beside the own point, and `{write.source}`, written "
                        f"at {write.place}, may be the same, by another thread of a GPU, before or after; put {apart}"
                    )

    # Expressions

    def named(self, node: ast.expr) -> object:
        """What a name or `module.name` stands for."""
        if isinstance(node, ast.Attribute):
            return getattr(self.named(node.value), node.attr, OTHER)
        name = node.id if isinstance(node, ast.Name) else ""
        known = self.namespace.get(name, getattr(builtins, name, OTHER))
        return self.environment.get(name, known)

    def helper(self, call: ast.expr) -> Callable | None:
        """The Python function of the helper that is called by its own name."""
        by_name = isinstance(call, ast.Call) and isinstance(call.func, ast.Name)
        return python_function(self.named(call.func)) if by_name else None

    def number(self, node: ast.expr) -> object:
        """The value of an expression that is used as a number: an element of an array is read."""
        value = self.value(node)
        if isinstance(value, View):
            self.reads.append(self.access(value, node))
        return value if isinstance(value, Index) else OTHER

    def value(self, node: ast.expr) -> object:
        handler = getattr(self, f"value_of_{type(node).__name__}", None)
        if handler is None:
            self.refuse(node, "is not translated for a GPU; write numbers, elements of arrays and calls of helpers")
        return handler(node)

    def value_of_Constant(self, node: ast.Constant) -> object:
        return Index("", node.value) if type(node.value) is int else OTHER

    def value_of_Name(self, node: ast.Name) -> object:
        value = self.named(node)
        if isinstance(value, Stale):
            if not is_loop(value.loop, "range") or is_along_i(value.loop):
                self.refuse(
                    node,
                    f"is set in the loop of line {value.loop.lineno}, of which each thread of a GPU does one point: "
                    "no number goes from one to another; set it there before it is read, or keep it in an array",
                )
            self.carrying.add(value.loop)
            return OTHER
        is_whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
        return Index("", int(value)) if is_whole else value

    def value_of_Attribute(self, node: ast.Attribute) -> object:
        value = self.value(node.value)
        if not isinstance(value, View):
            return OTHER if value is OTHER or isinstance(value, Index) else getattr(value, node.attr, OTHER)
        if node.attr in ("real", "imag"):
            return self.number(node.value)
        if node.attr not in ("shape", "dtype", "size", "ndim") and hasattr(np.ndarray, node.attr):
            self.refuse(node, "is something of an array that is not followed here; use its elements")
        if node.attr in ("dtype", "size", "ndim"):
            return NI if node.attr == "size" and value.dimensions == 1 else OTHER
        return Shape(value) if node.attr == "shape" else View(f"{value.root}.{node.attr}", value.index)

    def value_of_Subscript(self, node: ast.Subscript) -> object:
        value = self.value(node.value)
        index = tuple(self.number(part) for part in parts_of(node.slice))
        first = index[0].constant if is_constant(index[0]) else None
        if isinstance(value, View):
            return value._replace(index=value.index + index)
        if isinstance(value, Shape):
            return value.view.extent(first, value.view.dimensions)
        if value is OTHER:
            self.refuse(node, "is an element, but it cannot be told of which array; use one name for one array")
        return value[first] if type(value) is tuple and first is not None else OTHER

    def value_of_Tuple(self, node: ast.Tuple) -> tuple:
        return tuple(self.value(part) for part in node.elts)

    def value_of_BinOp(self, node: ast.BinOp) -> object:
        left, right = self.number(node.left), self.number(node.right)
        if is_constant(left) and not is_constant(right) and isinstance(node.op, ast.Add):
            left, right = right, left
        if isinstance(left, Index) and is_constant(right) and isinstance(node.op, ast.Add | ast.Sub):
            change = right.constant if isinstance(node.op, ast.Add) else -right.constant
            return Index(left.symbol, left.constant + change)
        return OTHER

    def numbers(self, node: ast.expr) -> object:
        for part in ast.iter_child_nodes(node):
            if isinstance(part, ast.expr):
                self.number(part)
        return OTHER

    value_of_UnaryOp = value_of_BoolOp = value_of_Compare = value_of_IfExp = value_of_Slice = numbers

    def value_of_Call(self, node: ast.Call) -> object:
        called = self.value(node.func)
        helper = python_function(called)
        if node.keywords or any(isinstance(a, ast.Starred) for a in node.args):
            self.refuse(node, "has arguments by name or with a star; give them one by one")
        if helper is not None:
            return self.call(node, helper, tuple(self.value(a) for a in node.args))
        numbers = [self.number(a) for a in node.args]
        if called in (np.uintp, np.intp):
            return numbers[0]
        is_type = isinstance(called, type) and issubclass(called, np.generic)
        is_ufunc = isinstance(called, np.ufunc) and len(numbers) == called.nin
        of_arrays = any(isinstance(self.value(a), View) for a in node.args)
        if not (is_type or is_ufunc or called in HARMLESS or (called is OTHER and not of_arrays)):
            self.refuse(node, "does what is not known here; call helpers, or functions of math")
        return OTHER

    def call(self, node: ast.Call, helper: Callable, arguments: tuple) -> object:
        """What a helper returns; what it reads and writes is added to what the thread does."""
        if not self.in_thread or helper in GPU_REPLACEMENTS or helper is python_function(row_barrier):
            self.refuse(node, "does not belong here; call it as a statement of its own in the `prange` loop")
        if not isinstance(node.func, ast.Name):
            self.refuse(node, "is not translated; import the helper, and call it by its own name")
        if helper in self.callers:
            self.refuse(node, "is a function that calls itself; write a loop")
        key = helper, arguments, self.along_i
        if key not in self.known:
            self.known[key] = Follower(helper, self, self.place(node))
            self.known[key].begin(definition(helper), arguments)
        inner = self.known[key]
        self.reads += inner.reads
        self.writes += inner.writes
        return next(iter(inner.results)) if len(inner.results) == 1 else OTHER
