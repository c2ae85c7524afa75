"""The machine code of the GPU kernels, compiled for sm_90 (H100, H200) without a GPU.

    python -m benchmarks.gpu_code [--precision float64] [NAME ...]

prints for each launch of each kernel, forward and adjoint, the number of registers of a thread, the bytes that do not
fit into them and spill to memory, and the size of the machine code. It needs the extra `cuda`, but neither a driver nor
a GPU.
"""

import argparse
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import SimpleNamespace
from typing import NamedTuple
from unittest import mock

import numpy as np
from cuda.bindings import nvjitlink
from numba import cuda, typeof
from numba.cuda import dispatcher

from adjoint.random_ocean import mask_of, random_field, random_grid, rough_basin
from adjoint.registry import PAIRS
from adjoint.state import Gradient
from nn.corrector import Corrector
from nn.features import FEATURES
from nn.outputs import FORMS
from ogcm import backend, halo
from ogcm import cuda as gpu
from ogcm.stepper import Stepper

HOPPER = (9, 0)


class Code(NamedTuple):
    """A compiled kernel: its PTX, and the numbers of its machine code."""

    ptx: str
    registers: int
    spilled: int  # [bytes] stored by a thread
    size: int  # [bytes]


@contextmanager
def collected() -> Iterator[dict[tuple, Callable]]:
    """Context that collects the GPU kernels launched in it, by name and types of arguments, and runs none."""
    found: dict[tuple, Callable] = {}

    def launch(kernel, _, *arguments):
        found.setdefault((kernel.py_func.__name__, tuple(map(typeof, arguments))), kernel.py_func)

    def on_gpu(kernel, *arguments, called=backend.Kernel.__call__):
        if not kernel.parallel:  # of the host alone
            called(kernel, *arguments)
            return
        if kernel.grid_position is not None:
            part = kernel.grid_for(arguments[kernel.grid_position])
            arguments = (*arguments[: kernel.grid_position], part, *arguments[kernel.grid_position + 1 :])
        kernel.twin(*arguments)

    patches = (gpu, "launch", launch), (backend.Kernel, "__call__", on_gpu), (halo, "fill_halo", halo.fill_halo_on_gpu)
    with ExitStack() as stack:
        for place in patches:
            stack.enter_context(mock.patch.object(*place))
        yield found


def every_kernel(precision: str) -> dict[tuple, Callable]:
    """All kernels of the model, the adjoint and the corrector, by name and types."""
    dtype = np.dtype(precision)
    model, grid = rough_basin(precision=precision), random_grid(nx=4, ny=3, dtype=dtype)
    corrector = Corrector(
        model, features=tuple(FEATURES), outputs=tuple(n for n in FORMS if n != "eta_tendency"), hidden=(4,),
        scales=dict.fromkeys(FORMS.keys() - {"eta_tendency"}, 1e-6), dtype=precision,
    )  # fmt: skip
    with collected() as found:
        for pair in PAIRS.values():
            rng = np.random.default_rng(0)
            inputs = [np.zeros_like(random_field(grid, kind, rng, size), dtype) for kind, size in pair.inputs.values()]
            outputs = [np.zeros(mask_of(grid, kind).shape, dtype) for kind in pair.outputs.values()]
            constants = [typed(a, dtype) for a in pair.constants(grid, dtype)]
            pair.forward(*inputs, *constants, grid, *outputs)
            pair.adjoint(*inputs, *constants, grid, *outputs, *(np.zeros_like(a) for a in inputs))
        halo.fill_halo_on_gpu(model.grid.periodic, model.state.u)
        fluxes, D = model.forcing.at(0.0), Stepper(model).slow.D
        corrector.add(model, model.state, fluxes, D)
        model.corrector = corrector
        corrector.add_ad(model, model.state, fluxes, D, Gradient.zeros(model).of("corrector"))
    return found


def typed(a: object, dtype: np.dtype) -> object:
    """Convert a constant of the registry to another precision; a number of substeps stays one."""
    if isinstance(a, int):
        return a
    if isinstance(a, tuple):  # of work arrays
        return type(a)(*(each.astype(dtype) for each in a))
    return dtype.type(a) if isinstance(a, float) else a.astype(dtype)


def compiled(function: Callable, types: tuple) -> Code:
    """Compile a kernel for HOPPER."""
    with mock.patch.object(dispatcher, "get_current_device", return_value=SimpleNamespace(compute_capability=HOPPER)):
        ptx, _ = cuda.compile_ptx(function, types, cc=HOPPER)
    text, arch = ptx.encode(), f"-arch=sm_{HOPPER[0]}{HOPPER[1]}"
    linker = nvjitlink.create(2, [arch, "-verbose"])
    nvjitlink.add_data(linker, nvjitlink.InputType.PTX, text, len(text), function.__name__)
    nvjitlink.complete(linker)
    log = bytearray(nvjitlink.get_info_log_size(linker))
    nvjitlink.get_info_log(linker, log)
    registers = int(re.search(rb"Used (\d+) registers", log)[1])
    spilled = int(re.search(rb"(\d+) bytes spill stores", log)[1])
    size = nvjitlink.get_linked_cubin_size(linker)
    nvjitlink.destroy(linker)
    return Code(ptx, registers, spilled, size)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="parts of the names of kernels (default: all)")
    parser.add_argument("--precision", default="float32", choices=("float32", "float64"))
    chosen = parser.parse_args()
    print(f"{'kernel':44} registers  spilled [B]  code [KB]")
    for (name, types), function in every_kernel(chosen.precision).items():
        if not chosen.names or any(part in name for part in chosen.names):
            code = compiled(function, types)
            print(f"{name:44} {code.registers:9d} {code.spilled:12d} {code.size / 1e3:10.1f}", flush=True)


if __name__ == "__main__":
    main()
