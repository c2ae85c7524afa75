"""What the compiler is told of the arrays of a GPU kernel: all have the same nj and ni, and no two share memory.

    address of a[k, j, i] = first address of a + itemsize ((k nj + j) ni + i)

Numba computes the offset from the dimensions of each array, in several instructions of 64 bits, which were a third of
the instructions of a kernel. With one nj and ni, the offsets of a point and of its neighbours are computed once. And if
no array that is read overlaps one that is written, the compiler places reads before writes: a thread reads the next
layers of its column while it waits for the present one.
"""

from collections.abc import Callable
from typing import Any

from numba.cuda import cgutils, extending, types
from numba.cuda.np.arrayobj import make_array


def with_plane(context: Any, builder: Any, kind: Any, value: Any, plane: list) -> Any:
    """Return the LLVM value of an argument, in which each array, those of a named tuple too, ends with (nj, ni).

    Parameters
    ----------
    context, builder : object
        Context and builder of Numba's code generation.
    kind : numba type
        Type of the argument.
    value : object
        The argument in LLVM.
    plane : list
        nj and ni in LLVM.

    Returns
    -------
    object
        The argument with other dimensions and strides; numbers and vectors are returned as they are.
    """
    if isinstance(kind, types.BaseTuple):
        for n, inner in enumerate(kind):
            part = with_plane(context, builder, inner, builder.extract_value(value, n), plane)
            value = builder.insert_value(value, part, n)
    if not isinstance(kind, types.Array) or kind.ndim < 2 or kind.layout != "C":
        return value
    array = make_array(kind)(context, builder, value)
    shape = [*cgutils.unpack_tuple(builder, array.shape)[:-2], *plane]
    strides = [context.get_constant(types.intp, context.get_abi_sizeof(context.get_data_type(kind.dtype)))]
    for size in shape[:0:-1]:
        strides.insert(0, builder.mul(strides[0], size))
    array.shape, array.strides = cgutils.pack_array(builder, shape), cgutils.pack_array(builder, strides)
    return array._getvalue()


def intrinsic_of_arguments(apart: bool) -> Callable:
    """Return the intrinsic function `(nj, ni, *arguments)` that returns the arguments of the kernel which calls it.

    Parameters
    ----------
    apart : bool
        Tell LLVM, too, that no two arrays of the kernel share memory if one of them is written.

    Returns
    -------
    callable
        The function. Arrays that it returns have the last two dimensions nj and ni.
    """

    def arguments_on_plane(_, nj, ni, *arguments):
        def generate(context, builder, signature, values):
            if apart:
                for argument in builder.function.args[1:]:  # the first one is for what a function returns
                    if argument.type.is_pointer:
                        argument.add_attribute("noalias")
            plane, kinds = list(values[:2]), arguments
            found = zip(kinds, cgutils.unpack_tuple(builder, values[2]), strict=True)
            parts = [with_plane(context, builder, kind, value, plane) for kind, value in found]
            return context.make_tuple(builder, signature.return_type, parts)

        return types.Tuple(arguments)(nj, ni, types.StarArgTuple(arguments)), generate

    return extending.intrinsic(arguments_on_plane)


on_plane, apart_on_plane = intrinsic_of_arguments(False), intrinsic_of_arguments(True)
