"""Pairs of a forward kernel and its adjoint kernel, with the kinds of their arguments.

A kind consists of the point of a field (t, u, v, f; w for the tops of cells, W with the surface), a 2 for a map
(nj, ni), a 1 for a field of one layer (1, nj, ni), and a + for a field that is positive everywhere. The coefficients of
an equation of state have its name as their kind. `adjoint.registry` lists all pairs.
"""

import functools
import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from adjoint.operators.barotropic import CARRIED_FIELDS
from ogcm.grid import Grid

Kinds = dict[str, tuple[str, float]]  # name: (kind, typical size)


def no_constants(_grid: Grid, _dtype: np.dtype) -> tuple:
    """Return the constants of kernels that have none.

    Parameters
    ----------
    _grid : Grid
        Grid of the fields.
    _dtype : dtype
        Type of the fields.

    Returns
    -------
    tuple
        Empty.
    """
    return ()


class Pair(NamedTuple):
    """A forward kernel and its adjoint.

    Attributes
    ----------
    forward : callable
        `forward(*inputs, *constants, grid, *outputs)`.
    adjoint : callable
        `adjoint(*inputs, *constants, grid, *outputs_ad, *inputs_ad)`.
    inputs : dict of tuple
        Kind and typical size of each input by name.
    outputs : dict of str
        Kind of each output by name.
    constants : callable
        `constants(grid, dtype)` makes the arguments that are not differentiated, work arrays included.
    recomputes : bool
        True if the adjoint first computes a result of the forward kernel, which a step keeps.
    overwrites : tuple of str
        Inputs whose adjoints are overwritten on the interior; to those of all others is added.
    """

    forward: Callable
    adjoint: Callable
    inputs: Kinds
    outputs: dict[str, str]
    constants: Callable[[Grid, np.dtype], tuple] = no_constants
    recomputes: bool = False
    overwrites: tuple[str, ...] = ()


def kinds(inputs: str) -> Kinds:
    """Read the kinds and sizes of inputs.

    Parameters
    ----------
    inputs : str
        "name kind size, ..."; a size of 1 may be left out.

    Returns
    -------
    dict of tuple
        Kind and typical size by name.
    """
    listed = [word.split() for word in inputs.split(",")]
    return {word[0]: (word[1], float(word[2]) if len(word) > 2 else 1.0) for word in listed}


def pair(
    forward: Callable,
    adjoint: Callable,
    inputs: str,
    outputs: str,
    constants: Callable = no_constants,
    *,
    work: str = "",
    overwrites: str = "",
) -> Pair:
    """Make the pair of a forward kernel and its adjoint.

    Parameters
    ----------
    forward : callable
        Forward kernel.
    adjoint : callable
        Adjoint kernel. It may take outputs of the forward kernel or its `history`, and may lack some of the arguments
        of a pair.
    inputs : str
        Kinds and sizes of the inputs, as in `kinds`.
    outputs : str
        Kinds of the outputs, "name kind, ...".
    constants : callable, optional
        `constants(grid, dtype)` makes the arguments that are not differentiated.
    work : str, optional
        Kinds of work arrays, the last arguments of the adjoint: a letter "t", "w" or "c" for each
        (layers, interfaces, fields of the backward substeps).
    overwrites : str, optional
        Names of the inputs whose adjoints are overwritten, with spaces between them.

    Returns
    -------
    Pair
        The pair.
    """
    read, written = kinds(inputs), dict(word.split() for word in outputs.split(","))
    before = list(inspect.signature(forward).parameters)[: -len(written)]
    arguments = [*before, *(f"{y}_ad" for y in written), *(f"{x}_ad" for x in read)]
    wanted = list(inspect.signature(adjoint).parameters)
    recomputes = not {*written, "history"}.isdisjoint(wanted)
    if wanted != arguments:
        adjoint = completed(adjoint, arguments, forward if recomputes else None, list(written), work)
    return Pair(forward, adjoint, read, written, constants, recomputes, tuple(overwrites.split()))


def completed(adjoint: Callable, names: list[str], forward: Callable | None, outputs: list[str], work: str) -> Callable:
    """Make a function with all arguments of a pair of an adjoint kernel, which is given those that it has, by name.

    Parameters
    ----------
    adjoint : callable
        Adjoint kernel.
    names : list of str
        Names of the arguments of the function.
    forward : callable or None
        Forward kernel, if the adjoint takes what it computes, which is then computed before.
    outputs : list of str
        Names of these outputs.
    work : str
        Kinds of work arrays, as in `pair`.

    Returns
    -------
    callable
        The function.
    """
    wanted = list(inspect.signature(adjoint).parameters)

    @functools.wraps(adjoint, updated=())
    def complete(*arguments: Any) -> None:
        given = dict(zip(names, arguments, strict=True))
        nk, nj, ni = given["grid"].h_t.shape
        levels = {"t": nk, "w": nk + 1, "c": CARRIED_FIELDS}
        for name, kind in zip(wanted[len(wanted) - len(work) :], work, strict=True):
            given[name] = np.zeros_like(arguments[0], shape=(levels[kind], nj, ni))
        if forward is not None:
            given |= {name: np.empty_like(arguments[0]) for name in outputs}
            forward(*(given[name] for name in inspect.signature(forward).parameters))
        adjoint(*(given[name] for name in wanted))

    positional = inspect.Parameter.POSITIONAL_OR_KEYWORD
    result: Any = complete
    result.__signature__ = inspect.Signature([inspect.Parameter(name, positional) for name in names])
    return result
