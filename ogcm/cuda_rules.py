"""Rules that a kernel must follow to run on a GPU, checked by interpreting its source before it is translated.

`ogcm.cuda` gives each thread of the GPU one j of every `for j in prange(...)` and one i of every loop along i, which is
one whose index is called `i` or `ii`; each thread runs every other loop completely. The result is that of the CPU if

    each element is written by one thread only   a field at [..., j, i], a work array of a row at [..., i]
    no thread needs results of another one       what a `prange` loop writes, it reads at its own point only
    no number passes from one point to another   what a loop along i sets, it sets before it reads it
    no point is left out                         a loop along i ends at ni or before

An `Interpreter` executes a kernel and all helpers that it calls with symbols in place of numbers: j, i and ni plus a
constant (`Index`), arrays and their parts (`View`), OTHER for everything else. Whatever breaks a rule, and whatever the
interpreter does not understand, is refused with its file and line. The source cannot show that two arguments are the
same array.
"""

import ast
import builtins
import inspect
import math
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import numpy as np
from numba import prange

from ogcm.backend import GPU_REPLACEMENTS, python_function, row_barrier
from ogcm.cuda_symbols import NI, OTHER, POINT, Access, Index, SetInLoop, Shape, View, is_constant
from ogcm.errors import KernelError
from ogcm.kernel_source import ALONG_I, Node, is_along_i, is_loop, names_read, names_set, namespace_of, parse_cached

ALLOWED = {min, max, abs, int, float, bool, complex, isinstance, *(f for f in vars(math).values() if callable(f))}


def parts_of(node: Node) -> list[Node]:
    """Return the parts of a tuple, or the expression itself in a list."""
    return node.elts if isinstance(node, ast.Tuple) else [node]


def check(function: Callable, tree: Node) -> set[Node]:
    """Check that a kernel follows the rules; `tree` is its definition as returned by `parse_function`.

    Returns the loops directly within a `prange` loop whose iterations are independent: these may have threads of their
    own. Raises KernelError for a kernel that breaks a rule.
    """
    interpreter = Interpreter(function)
    interpreter.run(tree, [View(a.arg) for a in tree.args.args])
    return interpreter.independent


class Interpreter:
    """Symbolic execution of a function, statement by statement; `environment` holds the values of its names."""

    def __init__(self, function: Callable, caller: "Interpreter | None" = None, called_at: str = "") -> None:
        self.function, self.namespace, self.called_at = function, namespace_of(function), called_at
        self.environment: dict[str, object] = {}
        self.loops: list[Node] = []  # of this function, around the present statement
        self.independent: set[Node] = set()
        self.dependent: set[Node] = set()  # loops of which an iteration depends on the one before
        self.results: set[object] = set()
        self.reads: list[Access] = []
        self.writes: list[Access] = []
        self.callers: tuple[Callable, ...] = (*caller.callers, function) if caller else (function,)
        self.in_thread = caller is not None
        self.along_i: bool = caller.along_i if caller else False
        self.known: dict = caller.known if caller else {}  # calls that were executed before

    def location(self, node: Node) -> str:
        """Return the file and line of a node, as they stand in messages."""
        return f"{inspect.getsourcefile(self.function)}:{node.lineno}"

    def access(self, view: View, node: Node) -> Access:
        """Describe a read or a write of `view` at a node."""
        return Access(view, self.location(node), ast.unparse(node))

    def refuse(self, node: Node, why: str) -> NoReturn:
        """Raise KernelError with the file, the line, the source of a node and the reason `why`."""
        called = f" (called at {self.called_at})" if self.called_at else ""
        raise KernelError(f"{self.location(node)}: `{ast.unparse(node).splitlines()[0]}`{called} {why}")

    def run(self, tree: Node, arguments: Sequence[object]) -> None:
        """Execute the definition of the function with these arguments."""
        names = [a.arg for a in tree.args.args]
        if len(names) != len(arguments) or len(names) != sum(isinstance(n, ast.arg) for n in ast.walk(tree.args)):
            self.refuse(
                tree,
                f"takes {len(names)} arguments and is given {len(arguments)}, or has others than positional ones",
            )
        for name in {*names, *names_set(tree), *names_read(tree)}:
            if name.startswith("thread_") or name in ("cuda", "gpu"):
                self.refuse(tree, f"uses the name {name}, which its twin needs; choose another name")
        self.environment = dict(zip(names, arguments, strict=True))
        self.execute(tree.body)

    # Statements

    def execute(self, nodes: list[Node]) -> None:
        """Execute statements in their order."""
        for node in nodes:
            handler = getattr(self, f"execute_{type(node).__name__}", None)
            if handler is None:
                self.refuse(node, "is not translated for a GPU; write assignments, `for`, `if` and calls of helpers")
            handler(node)

    def execute_Expr(self, node: Node) -> None:
        """Execute a call whose result is not used; docstrings are skipped."""
        if isinstance(node.value, ast.Call) and self.helper_called(node.value) in GPU_REPLACEMENTS:
            self.execute_row_helper(node.value)
        elif not isinstance(node.value, ast.Constant):  # a docstring
            self.evaluate(node.value)

    def execute_row_helper(self, call: Node) -> None:
        """Execute a helper of a row that is replaced on a GPU by a function for one point; the host skips it."""
        if not self.in_thread:
            return
        field = self.evaluate(call.args[0])
        of_kernel = len(self.callers) == 1 and not self.along_i and isinstance(field, View)
        if not of_kernel or GPU_REPLACEMENTS[self.helper_called(call)] is None:
            self.refuse(call, "is a helper of whole rows; call it for a field, after the loop along i")
        self.writes.append(self.access(View(field.root, (*field.index, *POINT)), call))

    def execute_Return(self, node: ast.Return) -> None:
        """Record the value that the function returns."""
        if any(map(is_along_i, self.loops)):
            self.refuse(node, "leaves a loop along i, of which a thread of a GPU computes one point; return after it")
        value = self.evaluate(node.value) if node.value else OTHER
        for part in parts_of(node.value) if node.value else ():
            self.evaluate_number(part)
        self.results.add((OTHER,) * len(value) if type(value) is tuple else OTHER)

    def execute_Break(self, node: Node) -> None:
        """Refuse `break` and `continue` in loops over threads; elsewhere the iterations depend on each other."""
        if is_along_i(self.loops[-1]) or is_loop(self.loops[-1], "prange"):
            self.refuse(node, "leaves a loop of which a thread of a GPU computes one point; write a condition instead")
        self.dependent.add(self.loops[-1])

    execute_Continue = execute_Break

    def execute_If(self, node: ast.If) -> None:
        """Execute both branches; a name that differs between them afterwards has an unknown value."""
        self.evaluate_number(node.test)
        before = dict(self.environment)
        self.execute(node.body)
        one, self.environment = self.environment, before
        self.execute(node.orelse)
        for name in one.keys() | self.environment.keys():
            values = one.get(name, OTHER), self.environment.get(name, OTHER)
            stale = [v for v in values if isinstance(v, SetInLoop)]
            self.environment[name] = values[0] if values[0] == values[1] else stale[0] if stale else OTHER

    def execute_Assign(self, node: ast.Assign) -> None:
        """Execute an assignment to names, elements or tuples of them."""
        value, parts = self.evaluate(node.value), parts_of(node.value)
        for target in node.targets:
            targets = parts_of(target)
            for one, part in zip(targets, parts, strict=True) if len(targets) == len(parts) else ():
                if not isinstance(one, ast.Name):  # a name may stand for an array, and is read where it is used
                    self.evaluate_number(part)
            self.assign(target, value)

    def execute_AugAssign(self, node: ast.AugAssign) -> None:
        """Execute an assignment such as `x += y`, which reads and writes its target."""
        if isinstance(node.target, ast.Name) and isinstance(self.evaluate(node.target), View):
            self.refuse(node, "changes a whole array if the name stands for one; write `x = x + ...` for a number")
        self.evaluate_number(node.value)
        self.evaluate_number(node.target)
        self.assign(node.target, OTHER)

    def assign(self, target: Node, value: object) -> None:
        """Assign a value to a name, to an element or to a tuple of them."""
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
        """Record that an element is written, which must be at the point of the thread itself."""
        view = self.evaluate(target)
        if not isinstance(view, View):
            self.refuse(target, "is an element of an array that is not known; write to an argument")
        if not self.in_thread:
            self.refuse(target, "is written outside of `for j in prange(...)`; write it within")
        if not view.is_own_point():
            element = "[..., i]" if view.dimensions else "[..., j, i]"
            self.refuse(
                target,
                f"would be written by several threads of a GPU; write it at its own point {element}, with the j of "
                "`for j in prange(HALO, nj - HALO)` and the i of `for ii in range(HALO, ni - HALO)`, i = np.uintp(ii)",
            )
        self.writes.append(self.access(view, target))

    # Loops

    def execute_For(self, node: Node) -> None:
        """Execute a loop over `prange`, a loop along i, or a sequential loop."""
        by_name = isinstance(node.iter, ast.Call) and isinstance(node.iter.func, ast.Name)
        over = self.lookup(node.iter.func) if by_name else None
        if over not in (range, prange) or not isinstance(node.target, ast.Name) or node.orelse:
            self.refuse(node, "is a loop that a GPU cannot run; write `for k in range(...)`, with one index")
        ends = [self.evaluate_number(end) for end in node.iter.args]
        if over is prange:
            self.execute_prange_loop(node)
        elif self.in_thread and node.target.id in ALONG_I:
            self.execute_loop_along_i(node, ends)
        else:
            self.execute_sequential_loop(node, Index(f"iteration of line {node.lineno}"))

    def execute_While(self, node: Node) -> None:
        """Execute a `while` loop, which is only allowed at one point."""
        if not self.along_i:
            self.refuse(node, "is a loop over an unknown dimension; write `for` loops over `range`")
        self.execute_sequential_loop(node, OTHER)

    def execute_loop_along_i(self, node: Node, ends: list[object]) -> None:
        """Execute a loop along i, of which each thread computes one point."""
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
        self.execute_iteration(node, POINT[1], dict.fromkeys(names_set(node), SetInLoop(node)))
        self.along_i = False

    def execute_sequential_loop(self, node: Node, index: object) -> None:
        """Execute a loop that each thread, or the host, runs completely."""
        stale = dict.fromkeys(names_set(node), SetInLoop(node))
        for loop in () if self.along_i else filter(is_along_i, ast.walk(node)):
            stale |= dict.fromkeys(names_set(loop), SetInLoop(loop))
        reads, writes = len(self.reads), len(self.writes)
        self.execute_iteration(node, index, stale)
        if self.loops and is_loop(self.loops[-1], "prange") and node not in self.dependent:
            written = self.writes[writes:]
            read = [r for r in self.reads[reads:] if any(r.conflicts(w) for w in written)]
            if all(access.view.index[:1] == (index,) for access in (*written, *read)):
                self.independent.add(node)

    def execute_iteration(self, node: Node, index: object, stale: dict[str, SetInLoop]) -> None:
        """Execute one iteration of a loop; `stale` are the names that the loop sets."""
        self.environment |= stale
        if isinstance(node, ast.For):
            target: Any = node.target
            self.environment[target.id] = index
        else:
            self.evaluate_number(node.test)
        self.loops.append(node)
        self.execute(node.body)
        self.loops.pop()
        self.environment |= stale

    def execute_prange_loop(self, node: Node) -> None:
        """Execute a `prange` loop, of which each thread has one j."""
        if self.in_thread:
            self.refuse(node, "stands within a loop over `prange` or in a helper; only a kernel itself has such loops")
        if len(node.iter.args) == 3:
            self.refuse(node, "has a step, but each j has its threads; write `prange(HALO, nj - HALO)`")
        if self.environment.get("ni") != NI:
            self.refuse(node, "needs the number of points along i; write `nk, nj, ni = field.shape` before it")
        stale = dict.fromkeys(names_set(node), SetInLoop(node))
        at_point: dict[str, Any] = stale | {node.target.id: POINT[0]}
        self.environment |= at_point
        self.loops.append(node)
        self.in_thread, self.reads, self.writes = True, [], []
        for statement in node.body:
            if isinstance(statement, ast.Expr) and self.helper_called(statement.value) is python_function(row_barrier):
                self.check_races()  # the next launch has only the work arrays
                rows = {n: v for n, v in self.environment.items() if isinstance(v, View) and v.dimensions}
                self.environment |= at_point | rows
                self.reads, self.writes = [], []
            elif isinstance(statement, ast.Assign) and (arrays := self.work_arrays(statement)):
                self.environment |= arrays
            else:
                self.execute([statement])
        self.check_races()
        self.in_thread = False
        self.loops.pop()
        self.environment |= stale

    def work_arrays(self, statement: ast.Assign) -> dict[str, View]:
        """Return the work arrays of a row that a statement allocates, by name."""
        calls, targets = parts_of(statement.value), parts_of(statement.targets[0])
        makes = [isinstance(c, ast.Call) and self.lookup(c.func) in (np.zeros, np.empty) for c in calls]
        if not any(makes):
            return {}
        found = {}
        for name, call, good in zip(targets, calls, makes, strict=True):
            sizes = parts_of(call.args[0]) if good and call.args else []
            good = isinstance(name, ast.Name) and len(sizes) in (1, 2) and len(call.args) == 2 and not call.keywords
            good = good and ast.unparse(call.args[1]).endswith(".dtype") and self.evaluate(sizes[-1]) == NI
            set_here = names_set(self.loops[0])
            if not good or any(n.id in set_here for size in sizes for n in ast.walk(size) if isinstance(n, ast.Name)):
                self.refuse(statement, "makes no work array of a row; write `a = np.zeros((levels, ni), field.dtype)`")
            found[name.id] = View(f"{name.id} of line {call.lineno}", (), len(sizes))
        return found

    def check_races(self) -> None:
        """Refuse an element that one thread may read while another thread writes it in the same launch."""
        for read in self.reads:
            for write in self.writes:
                if read.conflicts(write) and not read.view.is_own_point():
                    apart = "`row_barrier()` between them" if read.view.dimensions else "them in two `prange` loops"
                    raise KernelError(
                        f"{read.location}: `{read.source}` is read at another point, where another thread of a GPU may "
                        f"write it before or after: `{write.source}` at {write.location}; put {apart}"
                    )

    # Expressions

    def lookup(self, node: Node) -> Any:
        """Return the value of a name, or of `module.name`."""
        if isinstance(node, ast.Attribute):
            return getattr(self.lookup(node.value), node.attr, OTHER)
        name = node.id if isinstance(node, ast.Name) else ""
        known = self.namespace.get(name, getattr(builtins, name, OTHER))
        return self.environment.get(name, known)

    def helper_called(self, call: Node) -> Any:
        """Return the Python function of a helper that is called by its own name, or None."""
        by_name = isinstance(call, ast.Call) and isinstance(call.func, ast.Name)
        return python_function(self.lookup(call.func)) if by_name else None

    def evaluate_number(self, node: Node) -> Any:
        """Return the value of an expression that is used as a number; an element of an array counts as read."""
        value = self.evaluate(node)
        if isinstance(value, View):
            self.reads.append(self.access(value, node))
        return value if isinstance(value, Index) else OTHER

    def evaluate(self, node: Node) -> Any:
        """Return the symbolic value of an expression."""
        handler = getattr(self, f"evaluate_{type(node).__name__}", None)
        if handler is None:
            self.refuse(node, "is not translated for a GPU; write numbers, elements of arrays and calls of helpers")
        return handler(node)

    def evaluate_Constant(self, node: ast.Constant) -> Any:
        """Return the index of an integer; all other constants are OTHER."""
        return Index("", node.value) if type(node.value) is int else OTHER

    def evaluate_Name(self, node: Node) -> Any:
        """Return the value of a name; one that a loop over threads sets must have been set before."""
        value = self.lookup(node)
        if isinstance(value, SetInLoop):
            if not is_loop(value.loop, "range") or is_along_i(value.loop):
                self.refuse(
                    node,
                    f"is set in the loop of line {value.loop.lineno}, of which each thread of a GPU computes one "
                    "point: no number passes between them; set it there before it is read, or keep it in an array",
                )
            self.dependent.add(value.loop)
            return OTHER
        is_whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
        return Index("", int(value)) if is_whole else value

    def evaluate_Attribute(self, node: ast.Attribute) -> Any:
        """Return an array of the grid, the shape of an array, or an attribute of something else."""
        value = self.evaluate(node.value)
        if not isinstance(value, View):
            return OTHER if value is OTHER or isinstance(value, Index) else getattr(value, node.attr, OTHER)
        if node.attr in ("real", "imag"):
            return self.evaluate_number(node.value)
        if node.attr not in ("shape", "dtype", "size", "ndim") and hasattr(np.ndarray, node.attr):
            self.refuse(node, "is an attribute of an array that is not translated; use the elements of the array")
        if node.attr in ("dtype", "size", "ndim"):
            return NI if node.attr == "size" and value.dimensions == 1 else OTHER
        return Shape(value) if node.attr == "shape" else View(f"{value.root}.{node.attr}", value.index)

    def evaluate_Subscript(self, node: ast.Subscript) -> Any:
        """Return an element, a part of an array or a size."""
        value = self.evaluate(node.value)
        index = tuple(self.evaluate_number(part) for part in parts_of(node.slice))
        first = index[0].constant if is_constant(index[0]) else None
        if isinstance(value, View):
            return value._replace(index=value.index + index)
        if isinstance(value, Shape):
            return value.view.extent(first, value.view.dimensions)
        if value is OTHER:
            self.refuse(node, "is an element of an array that is not known; use one name for one array")
        return value[first] if type(value) is tuple and first is not None else OTHER

    def evaluate_Tuple(self, node: ast.Tuple) -> tuple:
        """Return the values of the parts of a tuple."""
        return tuple(self.evaluate(part) for part in node.elts)

    def evaluate_BinOp(self, node: ast.BinOp) -> Any:
        """Return an index plus or minus a constant as an index; everything else is OTHER."""
        left, right = self.evaluate_number(node.left), self.evaluate_number(node.right)
        if is_constant(left) and not is_constant(right) and isinstance(node.op, ast.Add):
            left, right = right, left
        if isinstance(left, Index) and is_constant(right) and isinstance(node.op, ast.Add | ast.Sub):
            change = right.constant if isinstance(node.op, ast.Add) else -right.constant
            return Index(left.symbol, left.constant + change)
        return OTHER

    def evaluate_numbers(self, node: Node) -> Any:
        """Evaluate all parts of an expression as numbers; the result is OTHER."""
        for part in ast.iter_child_nodes(node):
            if isinstance(part, ast.expr):
                self.evaluate_number(part)
        return OTHER

    evaluate_UnaryOp = evaluate_BoolOp = evaluate_Compare = evaluate_IfExp = evaluate_Slice = evaluate_numbers

    def evaluate_Call(self, node: Node) -> Any:
        """Return the result of a call of a helper, or of a function of NumPy or math."""
        called = self.evaluate(node.func)
        helper = python_function(called)
        if node.keywords or any(isinstance(a, ast.Starred) for a in node.args):
            self.refuse(node, "has arguments by name or with a star; give them one by one")
        if helper is not None:
            return self.call(node, helper, tuple(self.evaluate(a) for a in node.args))
        numbers = [self.evaluate_number(a) for a in node.args]
        if called in (np.uintp, np.intp):
            return numbers[0]
        is_type = isinstance(called, type) and issubclass(called, np.generic)
        is_ufunc = isinstance(called, np.ufunc) and len(numbers) == called.nin
        of_arrays = any(isinstance(self.evaluate(a), View) for a in node.args)
        if not (is_type or is_ufunc or called in ALLOWED or (called is OTHER and not of_arrays)):
            self.refuse(node, "calls a function that is not known here; call helpers, or functions of math")
        return OTHER

    def call(self, node: Node, helper: Callable, arguments: tuple) -> Any:
        """Return the result of a helper, and add what it reads and writes to the accesses of the thread."""
        if not self.in_thread or helper in GPU_REPLACEMENTS or helper is python_function(row_barrier):
            self.refuse(node, "does not belong here; call it as a statement of its own in the `prange` loop")
        if not isinstance(node.func, ast.Name):
            self.refuse(node, "is not translated; import the helper, and call it by its own name")
        if helper in self.callers:
            self.refuse(node, "is a function that calls itself; write a loop")
        key = helper, arguments, self.along_i
        if key not in self.known:
            self.known[key] = Interpreter(helper, self, self.location(node))
            self.known[key].run(parse_cached(helper), arguments)
        inner = self.known[key]
        self.reads += inner.reads
        self.writes += inner.writes
        return next(iter(inner.results)) if len(inner.results) == 1 else OTHER
