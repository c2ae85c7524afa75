"""What a kernel must keep to so that a GPU can run it, found out by reading its source before it is translated.

`ogcm.cuda` gives a thread of the GPU one j of each `for j in prange(...)` and one i of each loop along i, which is one
whose index is called `i` or `ii`; every other loop is done whole by each thread. That is right if

    every element is written by one thread      a field at [..., j, i], a work array of a row at [..., i]
    no thread waits for another                 what a `prange` loop writes, it reads at its own point alone
    no number goes from one point to the next   what is set in a loop along i is set there before it is read
    no point is left out                        a loop along i ends at ni or before

`check` follows a kernel, and all helpers that it calls, with symbols in place of numbers: j, i and ni with a constant
added (`Index`), parts of arrays (`View`), and OTHER for all else. It refuses what breaks a rule and whatever it cannot
follow, with file, line and what to write instead.
"""

import ast
import builtins
import functools
import inspect
import math
import textwrap
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numba import prange

from ogcm.backend import BY_THREAD, python_function, row_done
from ogcm.errors import KernelError

ALONG_I = ("i", "ii")  # names of the index of a loop along i
PLAIN = {min, max, abs, int, float, bool, complex, isinstance, *(f for f in vars(math).values() if callable(f))}


class Index(NamedTuple):
    """A whole number: a symbol ("" for none) and a constant that is added to it."""

    symbol: str
    offset: int = 0


class View(NamedTuple):
    """An array, or the part of it that the first indices pick."""

    root: str
    index: tuple = ()
    dimensions: int = 0  # of a work array of a row, else 0

    def own(self) -> bool:
        """Whether this is an element at the thread's own point."""
        return self.index[-1:] == (I,) if self.dimensions else self.index[-2:] == (J, I)

    def disjoint(self, other: "View") -> bool:
        """Whether two parts of an array have nothing in common, since a constant index differs."""
        pairs = zip(self.index, other.index, strict=False)
        return any(a != b and {"", *kinds(a), *kinds(b)} == {""} for a, b in pairs)


class Shape(NamedTuple):
    """The shape of an array."""

    view: View


class Stale(NamedTuple):
    """A name that is set in a loop, before it is set there (or behind the loop)."""

    loop: ast.For


class Access(NamedTuple):
    """An element that is read or written, and where that is said."""

    view: View
    place: str
    source: str


OTHER = object()  # any other value
J, I, NI = Index("j"), Index("i"), Index("ni")


def kinds(index: object) -> tuple[str, ...]:
    """The symbol of an index; something that no index has for what is none."""
    return (index.symbol,) if isinstance(index, Index) else ("?",)


@functools.cache
def read_source(function: Callable) -> str:
    try:
        return textwrap.dedent(inspect.getsource(function))
    except (OSError, TypeError):
        raise KernelError(f"{function.__name__}: its source cannot be read; define it in a file") from None


def parsed(function: Callable) -> ast.FunctionDef:
    """The definition of a function with the line numbers of its file, without what decorates it."""
    tree = ast.parse(read_source(function)).body[0]
    if not isinstance(tree, ast.FunctionDef):
        raise KernelError(f"{function.__name__}: is no function that was defined with `def`")
    tree.decorator_list = []
    return ast.increment_lineno(tree, function.__code__.co_firstlineno - 1)


def is_loop(node: ast.AST, name: str) -> bool:
    """Whether a statement is a loop over `range` or `prange`."""
    return isinstance(node, ast.For) and ast.unparse(node.iter).startswith(f"{name}(")


def is_along_i(node: ast.AST) -> bool:
    """Whether a statement is a loop that is dealt out to the threads along i."""
    return is_loop(node, "range") and ast.unparse(node.target) in ALONG_I


def names_set(nodes: list[ast.stmt]) -> set[str]:
    """The names that are given a value anywhere in some statements."""
    inside = (n for statement in nodes for n in ast.walk(statement))
    return {n.id for n in inside if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}


def names_set_along_i(nodes: list[ast.stmt]) -> dict[str, ast.For]:
    """Of these, the names that are set in a loop along i, with the loop."""
    loops = [n for statement in nodes for n in ast.walk(statement) if is_along_i(n)]
    return {name: loop for loop in loops for name in (*names_set(loop.body), loop.target.id)}


def check(function: Callable, tree: ast.FunctionDef) -> set[ast.For]:
    """Raise KernelError for a kernel that a GPU cannot run; `tree` is its definition (`parsed`).

    Returns the loops over layers that need nothing of each other, whose layers may have threads of their own.
    """
    follower = Follower(function, {})
    follower.environment = {a.arg: View(a.arg) for a in tree.args.args}
    follower.follow(tree.body)
    return follower.free


class Follower:
    """Follows a function, statement by statement: `environment` holds what its names stand for."""

    def __init__(self, function: Callable, known: dict, caller: "Follower | None" = None) -> None:
        self.function, self.known = function, known  # calls that were followed before
        self.environment: dict[str, object] = {}
        self.loops: list[ast.For | ast.While] = []  # around the present statement, of this function
        self.returned: list[object] = []
        self.free: set[ast.For] = set()
        self.carrying: set[ast.For] = set()  # loops in which a number goes from one turn to the next
        self.callers = [*caller.callers, function] if caller else [function]
        self.in_thread = caller is not None
        self.along_i = caller.along_i if caller else False
        self.reads: list[Access] = caller.reads if caller else []
        self.writes: list[Access] = caller.writes if caller else []

    def place(self, node: ast.AST) -> str:
        return f"{inspect.getsourcefile(self.function)}:{node.lineno}"

    def refuse(self, node: ast.AST, what: str) -> None:
        """Raise KernelError about a piece of the source."""
        source = ast.unparse(node).splitlines()[0]
        raise KernelError(f"{self.place(node)}: `{source}` {what}")

    # Statements

    def follow(self, nodes: list[ast.stmt]) -> None:
        for node in nodes:
            handler = getattr(self, f"follow_{type(node).__name__}", None)
            if handler is None:
                self.refuse(node, "cannot be translated for a GPU; a kernel consists of assignments, loops and calls")
            handler(node)

    def follow_Pass(self, node: ast.Pass) -> None:
        pass

    def follow_Expr(self, node: ast.Expr) -> None:
        if isinstance(node.value, ast.Call) and self.helper(node.value.func) in BY_THREAD:
            self.follow_row_helper(node.value)
        elif not isinstance(node.value, ast.Constant):  # which is a docstring
            self.value(node.value)

    def follow_row_helper(self, call: ast.Call) -> None:
        """A helper of a row that a thread does in a way of its own; on the host it is left out."""
        if not self.in_thread:
            return
        field = self.value(call.args[0])
        if self.along_i or BY_THREAD[self.helper(call.func)] is None or not isinstance(field, View):
            self.refuse(call, "is a helper of whole rows; call it for a field behind the loop along i")
        self.writes.append(Access(View(field.root, (*field.index, J, I)), self.place(call), ast.unparse(call)))

    def follow_Return(self, node: ast.Return) -> None:
        if any(is_along_i(loop) for loop in self.loops):
            self.refuse(node, "leaves a loop along i, of which a thread of a GPU does one point; return behind it")
        parts = node.value.elts if isinstance(node.value, ast.Tuple) else [node.value] if node.value else []
        for part in parts:
            self.number(part)
        self.returned.append((OTHER,) * len(parts) if isinstance(node.value, ast.Tuple) else OTHER)

    def follow_Break(self, node: ast.stmt) -> None:
        if not self.loops or is_along_i(self.loops[-1]) or is_loop(self.loops[-1], "prange"):
            self.refuse(node, "leaves a loop of which a thread of a GPU does one point; write a condition instead")

    follow_Continue = follow_Break

    def follow_If(self, node: ast.If) -> None:
        self.number(node.test)
        before = dict(self.environment)
        self.follow(node.body)
        after, self.environment = self.environment, before
        self.follow(node.orelse)
        for name in after.keys() | self.environment.keys():
            one, other = after.get(name, OTHER), self.environment.get(name, OTHER)
            stale = [v for v in (one, other) if isinstance(v, Stale)]
            self.environment[name] = one if one == other else stale[0] if stale else OTHER

    def follow_While(self, node: ast.While) -> None:
        if not self.along_i:
            self.refuse(node, "is a loop of which nobody knows what it is along; use `for` loops over ranges")
        self.whole(node, lambda: self.number(node.test))

    def follow_Assign(self, node: ast.Assign) -> None:
        value = self.value(node.value)
        for target in node.targets:
            self.assign(target, value)

    def follow_AugAssign(self, node: ast.AugAssign) -> None:
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
                value = tuple(extent(value.view, n, count) for n in range(count))
            if value is not OTHER and (not isinstance(value, tuple) or len(value) != count):
                self.refuse(target, f"are {count} names for something else; assign them one by one")
            for n, part in enumerate(target.elts):
                self.assign(part, OTHER if value is OTHER else value[n])
        else:
            self.refuse(target, "cannot be assigned to in a kernel")

    def store(self, target: ast.Subscript) -> None:
        """Write an element: it must be at the thread's own point."""
        view = self.value(target)
        if not isinstance(view, View):
            self.refuse(target, "is written, but which array that is cannot be told; write to an argument")
        if not self.in_thread:
            self.refuse(target, "is written outside of `for j in prange(...)`, where the arrays of a GPU are not seen")
        if not view.own():
            here = "[..., i]" if view.dimensions else "[..., j, i]"
            self.refuse(
                target,
                f"would be written by several threads of a GPU; write it at its own point {here}, with j of "
                "`for j in prange(...)`, and i = np.uintp(ii) of `for ii in range(first, ni - HALO)`",
            )
        self.writes.append(Access(view, self.place(target), ast.unparse(target)))

    # Loops

    def follow_For(self, node: ast.For) -> None:
        called = isinstance(node.iter, ast.Call) and not node.iter.keywords and self.named(node.iter.func)
        if called not in (range, prange) or not isinstance(node.target, ast.Name) or node.orelse:
            self.refuse(node, "is no loop of one index over `range` or `prange`")
        ends = [self.number(a) for a in node.iter.args]
        if called is prange:
            self.threads(node)
        elif self.in_thread and node.target.id in ALONG_I:
            self.dealt(node, ends)
        else:
            self.whole(node, lambda: None)

    def dealt(self, node: ast.For, ends: list[object]) -> None:
        """A loop along i: each thread does one point."""
        if self.along_i:
            self.refuse(node, "is a loop along i within another; give its index another name if it is not along i")
        if len(ends) == 3:
            self.refuse(node, "has a step, but neighbouring threads do all points; use `range(first, ni - HALO)`")
        stop = ends[-1]
        if not isinstance(stop, Index) or stop.symbol != "ni" or stop.offset > 0:
            self.refuse(
                node,
                "is a loop along i by the name of its index, but it does not end at ni or before, ni being the last of "
                "`nk, nj, ni = field.shape`; end it at `ni - HALO`, or give its index another name",
            )
        changed = (*names_set(node.body), node.target.id)
        self.environment |= dict.fromkeys(changed, Stale(node)) | {node.target.id: I}
        self.loops.append(node)
        self.along_i = True
        self.follow(node.body)
        self.along_i = False
        self.loops.pop()
        self.environment |= dict.fromkeys(changed, Stale(node))

    def whole(self, node: ast.For | ast.While, condition: Callable[[], object]) -> None:
        """A loop that each thread (or the host) does by itself."""
        changed = dict.fromkeys(names_set(node.body), Stale(node))
        changed |= {name: Stale(loop) for name, loop in names_set_along_i(node.body).items() if not self.along_i}
        reads, writes, turn = len(self.reads), len(self.writes), Index(f"turn of line {node.lineno}")
        self.environment |= changed
        if isinstance(node, ast.For):
            self.environment[node.target.id] = turn
        condition()
        self.loops.append(node)
        self.follow(node.body)
        self.loops.pop()
        self.environment |= changed
        if self.loops and is_loop(self.loops[-1], "prange"):
            self.judge(node, turn, self.reads[reads:], self.writes[writes:])

    def judge(self, node: ast.For, k: Index, reads: list[Access], writes: list[Access]) -> None:
        """Add the loop to `free` if a layer writes itself alone and reads nothing of what is written but that."""
        touched = [a.view for a in writes]
        touched += [r.view for r in reads if any(conflict(r, w) for w in writes)]
        if node not in self.carrying and all(view.index[:1] == (k,) for view in touched):
            self.free.add(node)

    def threads(self, node: ast.For) -> None:
        """A `prange` loop: each thread has one j."""
        if self.in_thread:
            self.refuse(node, "stands within another; only the outermost loop of a kernel is over `prange`")
        if len(node.iter.args) == 3:
            self.refuse(node, "has a step; use `prange(first, nj - HALO)`")
        if self.environment.get("ni") != NI:
            self.refuse(node, "needs to know how many points there are along i: put `nk, nj, ni = field.shape` before it")
        before, changed = dict(self.environment), dict.fromkeys(names_set(node.body), Stale(node))
        self.environment |= changed | {node.target.id: J}
        self.loops.append(node)
        self.in_thread, self.reads, self.writes = True, [], []
        for statement in node.body:
            if self.is_row_done(statement):
                self.races()
                rows = {n: v for n, v in self.environment.items() if isinstance(v, View) and v.dimensions}
                self.environment |= changed | {node.target.id: J} | rows
                self.reads, self.writes = [], []
            elif (arrays := self.work_arrays(statement)) is not None:
                self.environment |= arrays
            else:
                self.follow([statement])
        self.races()
        self.in_thread = False
        self.loops.pop()
        self.environment = before | changed | {node.target.id: Stale(node)}

    def is_row_done(self, statement: ast.stmt) -> bool:
        call = statement.value if isinstance(statement, ast.Expr) else None
        return isinstance(call, ast.Call) and self.helper(call.func) is python_function(row_done)

    def work_arrays(self, statement: ast.stmt) -> dict[str, View] | None:
        """The work arrays of a row that a statement makes; None where it makes none."""
        value = statement.value if isinstance(statement, ast.Assign) else None
        calls = value.elts if isinstance(value, ast.Tuple) else [value]
        made = [isinstance(c, ast.Call) and self.named(c.func) in (np.zeros, np.empty) for c in calls]
        if not any(made):
            return None
        (target,) = statement.targets
        targets = target.elts if isinstance(target, ast.Tuple) else [target]
        if not all(made) or len(targets) != len(calls):
            self.refuse(statement, "makes work arrays and other things; make each with a statement of its own")
        found = {}
        for name, call in zip(targets, calls, strict=True):
            size = call.args[0] if len(call.args) == 2 and not call.keywords else None
            parts = size.elts if isinstance(size, ast.Tuple) else [size]
            levels = {n.id for part in parts[:-1] for n in ast.walk(part) if isinstance(n, ast.Name)}
            of_field = size is not None and ast.unparse(call.args[1]).endswith(".dtype")
            if not of_field or len(parts) > 2 or self.value(parts[-1]) != NI or any(map(self.is_of_thread, levels)):
                self.refuse(call, "is no work array of a row; make it with `np.zeros((levels, ni), field.dtype)`")
            found[name.id] = View(f"{name.id}, line {call.lineno}", (), len(parts))
        return found

    def is_of_thread(self, name: str) -> bool:
        """Whether a name is set in the `prange` loop, so that the host does not know it."""
        return name in names_set(self.loops[0].body) or name == self.loops[0].target.id

    def races(self) -> None:
        """Refuse what is read beside the own point and written in the same launch."""
        for read in self.reads:
            for write in self.writes:
                if conflict(read, write) and not read.view.own():
                    apart = "`row_done()`" if read.view.dimensions else "the end of one and the begin of another loop"
                    raise KernelError(
                        f"{read.place}: `{read.source}` is read beside the own point, and `{write.source}` "
                        f"({write.place}) is written in the same `prange` loop, maybe later, by another thread of a "
                        f"GPU; put {apart} over `prange` between them"
                        if not read.view.dimensions
                        else f"{read.place}: `{read.source}` is read beside the own point, and `{write.source}` "
                        f"({write.place}) is written by another thread of a GPU, maybe later; put {apart} between them"
                    )

    # Expressions

    def helper(self, node: ast.expr) -> Callable | None:
        """The Python function of the helper that an expression names."""
        return python_function(self.named(node))

    def named(self, node: ast.expr) -> object:
        """What a name or `module.name` stands for."""
        if isinstance(node, ast.Attribute):
            return getattr(self.named(node.value), node.attr, OTHER)
        if not isinstance(node, ast.Name):
            return OTHER
        known = self.function.__globals__
        return self.environment.get(node.id, known.get(node.id, getattr(builtins, node.id, OTHER)))

    def number(self, node: ast.expr) -> object:
        """The value of an expression that is used as a number: an element of an array is read."""
        value = self.value(node)
        if isinstance(value, View):
            self.reads.append(Access(value, self.place(node), ast.unparse(node)))
            return OTHER
        return value if isinstance(value, Index) else OTHER

    def value(self, node: ast.expr) -> object:
        handler = getattr(self, f"value_of_{type(node).__name__}", None)
        if handler is None:
            self.refuse(node, "cannot be translated for a GPU; use numbers, elements of arrays and helpers")
        return handler(node)

    def value_of_Constant(self, node: ast.Constant) -> object:
        return Index("", node.value) if type(node.value) is int else OTHER

    def value_of_Name(self, node: ast.Name) -> object:
        value = self.named(node)
        if isinstance(value, Stale):
            if is_along_i(value.loop) or is_loop(value.loop, "prange"):
                self.refuse(
                    node,
                    f"goes from one point to another: it is set in the loop of line {value.loop.lineno}, of which each "
                    "thread of a GPU does one point; set it before it is read there, or keep it in an array",
                )
            self.carrying.add(value.loop)
            return OTHER
        is_number = isinstance(value, int | np.integer) and not isinstance(value, bool)
        return Index("", int(value)) if is_number else value

    def value_of_Attribute(self, node: ast.Attribute) -> object:
        value = self.value(node.value)
        if not isinstance(value, View):
            return OTHER if value is OTHER or isinstance(value, Index) else getattr(value, node.attr, OTHER)
        if node.attr == "shape":
            return Shape(value)
        if node.attr == "size" and value.dimensions == 1:
            return NI
        if node.attr in ("real", "imag"):
            return self.number(node.value)
        return OTHER if node.attr in ("dtype", "size", "ndim") else View(f"{value.root}.{node.attr}", value.index)

    def value_of_Subscript(self, node: ast.Subscript) -> object:
        value = self.value(node.value)
        parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        indices = tuple(self.number(part) for part in parts)
        first = indices[0].offset if isinstance(indices[0], Index) and indices[0].symbol == "" else None
        if isinstance(value, View):
            return value._replace(index=value.index + indices)
        if isinstance(value, Shape):
            return extent(value.view, first, value.view.dimensions)
        return value[first] if type(value) is tuple and first is not None else OTHER

    def value_of_Slice(self, node: ast.Slice) -> object:
        return OTHER

    def value_of_Tuple(self, node: ast.Tuple) -> tuple:
        return tuple(self.value(part) for part in node.elts)

    def value_of_BinOp(self, node: ast.BinOp) -> object:
        left, right = self.number(node.left), self.number(node.right)
        if isinstance(left, Index) and isinstance(right, Index):
            if isinstance(node.op, ast.Add) and "" in (left.symbol, right.symbol):
                return Index(left.symbol or right.symbol, left.offset + right.offset)
            if isinstance(node.op, ast.Sub) and right.symbol == "":
                return Index(left.symbol, left.offset - right.offset)
        return OTHER

    def value_of_UnaryOp(self, node: ast.UnaryOp) -> object:
        value = self.number(node.operand)
        constant = isinstance(node.op, ast.USub) and isinstance(value, Index) and value.symbol == ""
        return Index("", -value.offset) if constant else OTHER

    def numbers(self, node: ast.expr) -> object:
        for part in ast.iter_child_nodes(node):
            if isinstance(part, ast.expr):
                self.number(part)
        return OTHER

    value_of_BoolOp = value_of_Compare = value_of_IfExp = numbers

    def value_of_Call(self, node: ast.Call) -> object:
        called = self.value(node.func)
        helper = python_function(called) if callable(called) else None
        if node.keywords or any(isinstance(a, ast.Starred) for a in node.args):
            self.refuse(node, "has arguments by name or a star; give them one by one, in their order")
        if helper in BY_THREAD or helper is python_function(row_done):
            self.refuse(node, "does not belong here; it is a statement of the `prange` loop itself")
        if helper is not None:
            return self.call(node, helper, tuple(self.value(a) for a in node.args))
        numbers = [self.number(a) for a in node.args]
        if called in (np.uintp, np.intp):
            return numbers[0]
        is_type = isinstance(called, type) and issubclass(called, np.generic)
        is_ufunc = isinstance(called, np.ufunc) and len(numbers) == called.nin
        of_arrays = any(isinstance(self.value(a), View) for a in node.args)
        if not (is_type or is_ufunc or called in PLAIN or (called is OTHER and not of_arrays)):
            self.refuse(node, "does something that is not known here; use helpers, NumPy's functions of numbers or math's")
        return OTHER

    def call(self, node: ast.Call, helper: Callable, arguments: tuple) -> object:
        """What a helper returns; what it reads and writes is added to what the thread does."""
        if not self.in_thread:
            self.refuse(node, "is called outside of `for j in prange(...)`")
        tree = parsed(helper)
        if helper in self.callers or len(arguments) != len(tree.args.args):
            self.refuse(node, "calls itself, or has another number of arguments than the helper")
        key = helper, arguments, self.along_i
        if key not in self.known:
            inner = Follower(helper, self.known, self)
            inner.reads, inner.writes = [], []
            inner.environment = dict(zip((a.arg for a in tree.args.args), arguments, strict=True))
            inner.follow(tree.body)
            results = set(inner.returned)
            self.known[key] = results.pop() if len(results) == 1 else OTHER, inner.reads, inner.writes
        result, reads, writes = self.known[key]
        self.reads += reads
        self.writes += writes
        return result


def conflict(read: Access, write: Access) -> bool:
    """Whether two accesses may be to one element."""
    return read.view.root == write.view.root and not read.view.disjoint(write.view)


def extent(view: View, position: int | None, count: int) -> object:
    """The size of an array of `count` dimensions along one of them: ni along the last."""
    return NI if position is not None and position == count - 1 and (count > 1 or view.dimensions) else OTHER
