"""Windows: arrays that hold a few rows at a time, for the intermediate results of a sweep (`ogcm.sweep`).

A window (nk, rows, ni) stands for an array (nk, nj, ni); its row j lies at j modulo `rows`, a power of two. Compiled
code indexes it as the array, `q[k, j - 1, i]`, so that a kernel need not know which of the two it reads or writes.
"""

import operator
from typing import Any

import numpy as np
from numba.core import cgutils
from numba.core import types as numba_types
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import intrinsic, lower_builtin, models, overload_attribute, register_model


class Window:
    """A window for each thread, in the memory of the host.

    Parameters
    ----------
    shape : tuple of int
        Shape (nk, nj, ni) of the array that the window stands for.
    rows : int
        Number of rows that it holds, a power of two.
    threads : int
        Number of threads.
    dtype : dtype
        Type of the values.

    Attributes
    ----------
    data : ndarray, shape (threads, nk, rows, ni)
        The rows.
    """

    def __init__(self, shape: tuple[int, int, int], rows: int, threads: int, dtype: Any) -> None:
        self.data = np.zeros((threads, shape[0], rows, shape[2]), dtype)


# In compiled code

types: Any = numba_types  # whose type hints lack CPointer and BaseTuple


class WindowType(types.Type):
    """The type of the window of one thread."""

    def __init__(self, dtype: types.Type) -> None:
        self.dtype = dtype
        super().__init__(f"Window({dtype})")


@register_model(WindowType)
class WindowModel(models.StructModel):
    """The window of one thread in memory: a pointer, which owns nothing, the shape of the array, and rows - 1."""

    def __init__(self, manager: Any, window: WindowType) -> None:
        sizes = [(name, types.intp) for name in ("nk", "nj", "ni", "mask")]
        super().__init__(manager, window, [("data", types.CPointer(window.dtype)), *sizes])


@intrinsic
def as_window(typing_context, data, nj):
    """Return the window with the rows `data` (nk, rows, ni) that stands for an array with nj rows."""

    def make(context, builder, sig, arguments):
        array = context.make_array(sig.args[0])(context, builder, arguments[0])
        window = cgutils.create_struct_proxy(sig.return_type)(context, builder)
        nk, rows, ni = cgutils.unpack_tuple(builder, array.shape)
        window.data, window.nk, window.nj, window.ni = array.data, nk, arguments[1], ni
        window.mask = builder.sub(rows, rows.type(1))
        return window._getvalue()

    return WindowType(data.dtype)(data, types.intp), make


@intrinsic
def shape_of(typing_context, window):
    """Return the shape of the array that a window stands for."""

    def read(context, builder, sig, arguments):
        members = cgutils.create_struct_proxy(sig.args[0])(context, builder, arguments[0])
        return context.make_tuple(builder, sig.return_type, [members.nk, members.nj, members.ni])

    return types.UniTuple(types.intp, 3)(window), read


@overload_attribute(WindowType, "shape")
def window_shape(window):
    """Compile the attribute `shape`."""
    return lambda window: shape_of(window)


@infer_global(operator.getitem)
class ReadSignature(AbstractTemplate):
    """The types of `window[k, j, i]`."""

    def generic(self, args, kws):
        """Return the signature for a window, None for anything else."""
        return signature(args[0].dtype, *args) if isinstance(args[0], WindowType) else None


@infer_global(operator.setitem)
class WriteSignature(AbstractTemplate):
    """The types of `window[k, j, i] = value`."""

    def generic(self, args, kws):
        """Return the signature for a window, None for anything else."""
        return signature(types.none, *args[:2], args[0].dtype) if isinstance(args[0], WindowType) else None


def address(context, builder, sig, window, index):
    """Build the address of the element [k, j, i] of a window."""
    members = cgutils.create_struct_proxy(sig.args[0])(context, builder, window)
    indices = zip(cgutils.unpack_tuple(builder, index), sig.args[1], strict=True)
    k, j, i = (context.cast(builder, value, kind, types.intp) for value, kind in indices)
    layer = builder.mul(builder.add(members.mask, members.mask.type(1)), members.ni)
    row = builder.mul(builder.and_(j, members.mask), members.ni)
    return builder.gep(members.data, [builder.add(builder.add(builder.mul(k, layer), row), i)])


@lower_builtin(operator.getitem, WindowType, types.BaseTuple)
def read_element(context, builder, sig, arguments):
    """Build the reading of an element."""
    return context.unpack_value(builder, sig.return_type, address(context, builder, sig, *arguments))


@lower_builtin(operator.setitem, WindowType, types.BaseTuple, types.Any)
def write_element(context, builder, sig, arguments):
    """Build the writing of an element."""
    context.pack_value(builder, sig.args[2], arguments[2], address(context, builder, sig, *arguments[:2]))
    return context.get_dummy_value()
