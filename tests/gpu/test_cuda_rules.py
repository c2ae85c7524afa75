"""A kernel that a GPU would run wrongly is refused with file, line and a remedy; all others have a readable twin.

These tests compile nothing and need no GPU.
"""

import importlib
import inspect
import pkgutil
import re
import traceback
from pathlib import Path

import numpy as np
import pytest
from numba import prange

import adjoint.operators
import nn.feature_kernels
import nn.output_kernels
import ogcm.operators
from ogcm.backend import HALO, Kernel
from ogcm.cli import main
from ogcm.cuda import sources, twin
from ogcm.cuda_rules import check
from ogcm.errors import KernelError
from ogcm.kernel_source import parse_function
from ogcm.operators.layers import continuity, transports
from tests.gpu import wrong_kernels


def kernels():
    """All kernels of the model, its adjoint and the corrector, by name."""
    modules = [nn.feature_kernels, nn.output_kernels]
    for package in (ogcm.operators, adjoint.operators):
        homes = pkgutil.iter_modules(package.__path__)
        modules += [importlib.import_module(f"{package.__name__}.{home.name}") for home in homes]
    return {name: k for module in modules for name, k in vars(module).items() if isinstance(k, Kernel)}


@pytest.mark.parametrize("name", sorted(kernels()))
def test_every_kernel_has_a_twin_that_can_be_read(name):
    function = kernels()[name].py_func  # of another name where one kernel is the adjoint of two
    host, *threads = sources(function)
    assert f"def {function.__name__}(" in host
    assert threads
    assert all("thread_x, thread_y, thread_z = cuda.grid(3)" in part for part in threads)
    assert "prange(" not in "".join((host, *threads))


@pytest.mark.parametrize("name", wrong_kernels.KERNELS)
def test_a_wrong_kernel_is_refused_in_its_line(name):
    kernel = wrong_kernels.KERNELS[name]
    function = getattr(wrong_kernels.HELPERS.get(name, kernel), "py_func", wrong_kernels.HELPERS.get(name, kernel))
    lines, first = inspect.getsourcelines(function)
    (wrong,) = (n for n, line in enumerate(lines, first) if line.endswith("# wrong\n"))
    with pytest.raises(KernelError) as refused:
        twin(kernel)
    message = str(refused.value)
    assert message.startswith(f"{wrong_kernels.__file__}:{wrong}: `"), message
    assert "; " in message, "names no remedy"


def test_the_refusal_of_a_helper_names_its_call():
    lines, first = inspect.getsourcelines(wrong_kernels.helper_writes_beside)
    with pytest.raises(KernelError, match=f"called at .*wrong_kernels.py:{first + len(lines) - 1}"):
        twin(wrong_kernels.helper_writes_beside)


# Right kernels


def ends_at_another_name(T, out):
    """A loop along i whose range is a name."""
    nj, ni = T.shape
    last = ni - HALO
    for j in prange(HALO, nj - HALO):
        for ii in range(HALO, last):
            out[j, ii] += T[j, ii]


def test_a_loop_along_i_may_end_at_another_name():
    (thread,) = sources(ends_at_another_name)[1:]
    assert "ii = thread_x\n        if HALO <= ii < last:\n            out[j, ii] += T[j, ii]" in thread


def test_a_file_that_was_changed_since_is_not_translated(tmp_path, monkeypatch):
    """The lines of the file may be those of another function."""
    file = tmp_path / "edited_kernel.py"
    source = inspect.getsource(ends_at_another_name)
    file.write_text(f"from numba import prange\nHALO = 3\n{source}", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    kernel = importlib.import_module("edited_kernel").ends_at_another_name
    assert "out[j, ii] += T[j, ii]" in sources(kernel)[1]
    twin.cache_clear()
    file.write_text(f"from numba import prange\nHALO = 3\n{source.replace('+=', '-=')}", encoding="utf-8")
    with pytest.raises(KernelError, match=r"edited_kernel.py: was changed after ends_at_another_name was imported"):
        sources(kernel)


def enclosed(factor):
    def scaled(T, out):
        nj, ni = T.shape
        for j in prange(nj):
            for ii in range(ni):
                out[j, ii] = factor * T[j, ii]

    return scaled


def test_a_twin_has_the_closure_of_its_kernel():
    assert twin(enclosed(3.0)).gpu_kernels[0].__globals__["factor"] == 3.0


# Which layers have threads of their own


def writes_its_layer(T, out, k, j, i):
    out[k, j, i] = T[k - 1, j, i]


def sums_up(T, total, k, j, i):
    total[j, i] += T[k, j, i]


def free(T, out, total):
    nk, nj, ni = T.shape
    for j in prange(nj):
        for k in range(nk):
            for i in range(ni):
                total[k, j, i] += T[k + 1, j, i] * total[k, j, i]
                writes_its_layer(T, out, k, j, i)


def carries(T, out):
    nk, nj, ni = T.shape
    for j in prange(nj):
        for k in range(nk):
            for i in range(ni):
                out[k, j, i] = out[k - 1, j, i] + T[k, j, i]


def sums(T, total):
    nk, nj, ni = T.shape
    for j in prange(nj):
        for k in range(nk):
            for i in range(ni):
                sums_up(T, total, k, j, i)


def reads_what_a_helper_writes(T, out, total):
    nk, nj, ni = T.shape
    for j in prange(nj):
        for k in range(nk):
            for i in range(ni):
                writes_its_layer(T, out, k, j, i)
                total[k, j, i] = out[k - 1, j, i]


def carries_a_number(T, out):
    nk, nj, ni = T.shape
    for j in prange(nj):
        for k in range(nk):
            if k == 0:
                depth = 0.0
            depth = depth + 1.0
            for i in range(ni):
                out[k, j, i] = depth


def ends_early(T, out):
    nk, nj, ni = T.shape
    for j in prange(nj):
        for k in range(nk):
            if T[k, j, 0] == 0:
                break
            for i in range(ni):
                out[k, j, i] = T[k, j, i]


@pytest.mark.parametrize("kernel", [free, carries, sums, reads_what_a_helper_writes, carries_a_number, ends_early])
def test_only_layers_that_need_nothing_of_each_other_have_threads_of_their_own(kernel):
    tree = parse_function(kernel)
    (loop,) = tree.body[-1].body
    assert (loop in check(kernel, tree)) == (kernel is free)
    assert ("k = thread_z" in sources(kernel)[1]) == (kernel is free)


# The page and the command


def test_the_page_shows_a_kernel_and_its_twin_as_they_are():
    page = (Path(__file__).parents[2] / "docs" / "twins.md").read_text(encoding="utf-8")
    assert f"```python\n{inspect.getsource(transports.py_func)}```" in page
    twin_of_it = "\n\n\n".join(sources(transports.py_func))
    assert f"```python\n{twin_of_it}\n```" in page


def test_a_traceback_through_a_twin_shows_its_lines():
    try:
        twin(continuity.py_func)(*[np.zeros((2, 2))] * 5)  # of two dimensions, not three
    except ValueError:
        seen = traceback.format_exc()
    assert "made from ogcm.operators.layers.continuity>" in seen
    assert "    nk, nj, ni = U.shape" in seen


def test_the_command_prints_a_kernel_and_its_twin(capsys):
    assert main(["kernel", "continuity"]) == 0
    printed = capsys.readouterr().out
    assert "layers.py, line" in printed
    assert inspect.getsource(continuity.py_func) in printed
    assert "gpu.launch(continuity_0, (ni, nj - HALO + 1, 1), " in printed


def test_a_kernel_that_is_misspelt_is_named(capsys):
    assert main(["kernel", "continuty"]) == 2
    assert "kernel: unknown 'continuty': did you mean 'continuity'" in capsys.readouterr().err


@pytest.mark.parametrize(("point", "refused"), [("j, ii", False), ("j, 0", True)])
def test_a_kernel_of_a_user_is_shown_or_refused(point, refused, tmp_path, capsys):
    file = tmp_path / f"own_kernel_{refused}.py"
    file.write_text(
        "from numba import prange\nfrom ogcm.backend import kernel\n@kernel\ndef mine(out):\n    nj, ni = out.shape\n"
        f"    for j in prange(nj):\n        for ii in range(ni):\n            out[{point}] = 0\n",
        encoding="utf-8",
    )
    assert main(["kernel", "mine", "--module", str(file)]) == 2 * refused
    printed = capsys.readouterr()
    if refused:
        assert re.search(rf"{file.name}:8: `out\[j, 0\]` would be written by several threads", printed.err)
    else:
        assert "gpu.launch(mine_0, (ni, nj, 1), ni, nj, out)" in printed.out
