"""Kernels of any module: their files, named by a hash of their sources, and the arrays of the grid they receive."""

import importlib.util
import os
import stat
import subprocess
import sys
import threading
from itertools import count
from pathlib import Path

import numpy as np
import pytest

from adjoint.operators.extrapolation import extrapolate_ad
from ogcm import kernel_cache
from ogcm.backend import Kernel, kernel
from ogcm.kernel_cache import fingerprint
from ogcm.operators.layers import stretch
from tests.oceans import rough_basin

NUMBER = count()
SOURCES = {
    "physics": """
from ogcm.backend import point
FACTOR = 3.0
@point
def scaled(a, k, j, i):
    '''A scaled value.'''
    return FACTOR * a[k, j, i]
""",
    "law": """
import physics
from functools import partial
from ogcm.backend import kernel, typed
from physics import scaled
OFFSET = 1.0
@partial(kernel, parallel=False)
def law(a, grid, out):
    nk, nj, ni = a.shape
    for k in range(nk):
        for j in range(nj):
            for i in range(ni):
                out[k, j, i] = scaled(a, k, j, i) + OFFSET * grid.h_t[k, j, i]
""",
}

TWO_KERNELS = f"""
import sys
import numba
import numpy as np
from functools import partial
from ogcm.backend import kernel
def law_of(factor):
    @numba.njit
    def long_law(x):  # too long for LLVM to inline: a call by name stays in the machine code
        {"; ".join(["x = np.sin(x)"] * 200)}
        return factor + 0 * x
    @partial(kernel, parallel=False)
    def law(a, out):
        for i in range(a.shape[0]):
            out[i] = long_law(a[i])
    return law
for factor in map(float, sys.argv[1:]):
    out = np.empty(1)
    law_of(factor)(np.ones(1), out)
    print(out[0])
"""


@pytest.fixture
def modules(tmp_path, monkeypatch):
    """Imports the kernel `law` of two modules outside the package, whose sources may be edited first."""
    monkeypatch.setenv("OGCM_CACHE_DIR", str(tmp_path / "cache"))

    def make(edit: tuple[str, str, str] | None = None) -> Kernel:
        folder = tmp_path / f"sources{next(NUMBER)}"
        folder.mkdir()
        for name, text in SOURCES.items():
            if edit and edit[0] == name:
                assert edit[1] in text
                text = text.replace(*edit[1:])
            (folder / f"{name}.py").write_text(text)
            place = importlib.util.spec_from_file_location(name, folder / f"{name}.py")
            monkeypatch.setitem(sys.modules, name, importlib.util.module_from_spec(place))
            place.loader.exec_module(sys.modules[name])
        return sys.modules["law"].law

    return make


def applied(law: Kernel) -> np.ndarray:
    """Return the result of a kernel for an array of ones."""
    grid = rough_basin(nx=6, ny=6).grid
    out = np.empty_like(grid.h_t)
    law(np.ones_like(out), grid, out)
    return out


def kept(tmp_path: Path) -> list[Path]:
    """Return the files of the kernel `law`."""
    return sorted((tmp_path / "cache").glob("law.*"))


def test_a_kernel_of_any_module_runs_and_is_kept(modules, tmp_path):
    grid = rough_basin(nx=6, ny=6).grid
    np.testing.assert_array_equal(applied(modules()), 3.0 + grid.h_t)
    assert [path.name.split("-")[0] for path in kept(tmp_path)] == ["law.law"]


def test_the_same_sources_elsewhere_share_their_file(modules, tmp_path):
    applied(modules())
    again = modules()
    applied(again)
    assert sum(again.compiled.stats.cache_hits.values()) == 1
    assert len(kept(tmp_path)) == 1


@pytest.mark.parametrize(
    ("edit", "value"),
    [
        (("physics", "FACTOR = 3.0", "FACTOR = 4.0"), 4.0),
        (("physics", "FACTOR * a[k, j, i]", "FACTOR * a[k, j, i] ** 2 * 2"), 6.0),
        (("law", "OFFSET = 1.0", "OFFSET = 0.0"), 3.0),
        (("law", "from physics import scaled", "scaled = physics.scaled"), 3.0),
        (("law", "scaled(a", "physics.scaled(a"), 3.0),
    ],
    ids=["constant", "point function", "own constant", "another name", "attribute of a module"],
)
def test_an_edit_is_never_run_as_it_was(modules, edit, value):
    first = modules()
    offset = 0.0 if "OFFSET" in edit[1] else rough_basin(nx=6, ny=6).grid.h_t
    applied(first)
    second = modules(edit)
    np.testing.assert_array_equal(applied(second), value + offset)


def test_the_fingerprint_follows_constants_through_modules_and_ignores_comments_and_docstrings(modules):
    plain = fingerprint(modules().py_func)
    assert fingerprint(modules(("physics", "FACTOR = 3.0", "FACTOR = 3.0  # a word")).py_func) == plain
    assert fingerprint(modules(("physics", "A scaled value.", "A value, scaled.")).py_func) == plain
    assert fingerprint(modules(("physics", "FACTOR = 3.0", "FACTOR = 3")).py_func) != plain
    through = modules(("law", "scaled(a", "physics.scaled(a"))
    before = fingerprint(through.py_func)
    sys.modules["physics"].FACTOR = 5.0
    assert fingerprint(through.py_func) != before


def test_the_fingerprints_of_the_package_are_the_same_in_another_process():
    code = "from ogcm.kernel_cache import fingerprint as f; from ogcm.operators.tracer_advection import ADVECTION as A;"
    said = {
        subprocess.run(
            [sys.executable, "-c", code + "print([f(k.py_func) for k in A.values()])"],
            env=os.environ | {"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True,
        ).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert len(said) == 1


def test_what_numba_compiles_in_place_of_a_function_counts(modules, monkeypatch):
    kernel = modules(("law", "OFFSET *", "typed(OFFSET, a[k, j, i]) *"))
    before = fingerprint(kernel.py_func)
    typed = sys.modules["law"].typed
    monkeypatch.setitem(kernel_cache.IMPLEMENTATIONS, typed, lambda value, like: lambda value, like: 2 * value)
    assert fingerprint(kernel.py_func) != before


def test_kernels_of_one_name_that_two_processes_compiled_are_told_apart(tmp_path):
    (tmp_path / "two_kernels.py").write_text(TWO_KERNELS)

    def said(*factors):
        return subprocess.run(
            [sys.executable, tmp_path / "two_kernels.py", *factors],
            env=os.environ | {"OGCM_CACHE_DIR": str(tmp_path)}, capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip

    assert [said("2"), said("3"), said("2", "3")] == ["2.0\n", "3.0\n", "2.0\n3.0\n"]


def test_one_array_may_be_two_arguments_of_a_kernel():
    """As in the first step of ab2, where the state before the first is the first."""
    x, y_ad = np.ones((3, 8, 40)), np.arange(960.0).reshape(3, 8, 40)
    x_ad = np.zeros_like(x)
    extrapolate_ad(x, x, 0.5, y_ad, x_ad, x_ad)
    np.testing.assert_array_equal(x_ad, y_ad)


def test_a_damaged_file_is_never_loaded_and_is_replaced(modules, tmp_path):
    law = modules()
    expected = applied(law)
    (file,) = kept(tmp_path)
    whole, cache, context = file.read_bytes(), law.compiled._cache, law.compiled.targetctx
    assert cache.load_overload(law.compiled.signatures[0], context) is not None
    random = np.random.default_rng(0)
    for case in range(200):
        damaged = bytearray(whole)
        place = int(random.integers(len(whole)))
        if case % 3 == 0:
            damaged[place] ^= 1 << int(random.integers(8))
        elif case % 3 == 1:
            damaged = damaged[:place]
        else:
            damaged[place : place + 512] = bytes(len(damaged[place : place + 512]))
        file.write_bytes(damaged)
        assert bytes(damaged) == whole or cache.load_overload(law.compiled.signatures[0], context) is None
    file.write_bytes(whole[:1000])
    np.testing.assert_array_equal(applied(modules()), expected)
    assert cache.load_overload(law.compiled.signatures[0], context) is not None


# The directory of the files


@pytest.fixture
def directories(tmp_path, monkeypatch):
    """Name no directory, use a separate one for temporary files, and forget earlier results."""
    for name in ("OGCM_CACHE_DIR", "NUMBA_CACHE_DIR", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(kernel_cache.tempfile, "tempdir", str(tmp_path))
    kernel_cache.usable_directory.cache_clear()
    yield tmp_path
    kernel_cache.usable_directory.cache_clear()


@pytest.mark.parametrize(
    ("variable", "below"), [("OGCM_CACHE_DIR", "."), ("NUMBA_CACHE_DIR", "ogcm"), ("XDG_CACHE_HOME", "ogcm")]
)
def test_a_directory_is_the_one_that_a_variable_names(directories, monkeypatch, variable, below, capsys):
    monkeypatch.setenv(variable, str(directories / "mine"))
    assert kernel_cache.directory() == directories / "mine" / below
    assert stat.S_IMODE(kernel_cache.directory().stat().st_mode) == 0o700
    assert capsys.readouterr().err == ""


def test_without_a_variable_it_is_in_the_home_directory(directories, monkeypatch):
    monkeypatch.setattr(Path, "home", lambda: directories / "home")
    assert kernel_cache.directory() == directories / "home" / ".cache" / "ogcm"


def no_home():
    raise RuntimeError("Could not determine home directory.")


def writable_by_others(folder: Path) -> Path:
    folder.mkdir()
    folder.chmod(0o775)
    return folder


@pytest.mark.parametrize("case", ["no home", "below a file", "others can write"])
def test_an_unusable_directory_is_replaced_by_a_private_one_with_a_warning(directories, monkeypatch, capsys, case):
    (directories / "file").write_text("")
    if case == "no home":
        monkeypatch.setattr(Path, "home", no_home)
    elif case == "below a file":
        monkeypatch.setenv("OGCM_CACHE_DIR", str(directories / "file" / "x"))
    else:
        monkeypatch.setenv("OGCM_CACHE_DIR", str(writable_by_others(directories / "shared")))
    private = kernel_cache.directory()
    assert private.parent == directories
    assert private.name.startswith("ogcm-")
    assert stat.S_IMODE(private.stat().st_mode) == 0o700
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert str(private) in said
    assert {"no home": "home", "below a file": "cannot be written", "others can write": "others can write"}[
        case
    ] in said
    assert kernel_cache.directory() == private
    assert capsys.readouterr().err == ""  # once


def test_a_private_directory_that_another_made_is_not_trusted(directories, monkeypatch):
    monkeypatch.setattr(Path, "home", no_home)
    writable_by_others(directories / f"ogcm-{os.getuid()}")
    private = kernel_cache.directory()
    assert private.name != f"ogcm-{os.getuid()}"
    assert stat.S_IMODE(private.stat().st_mode) == 0o700


# The arrays of the grid


def test_each_grid_keeps_what_each_kernel_reads_of_it():
    one, other = rough_basin(nx=6, ny=6).grid, rough_basin(nx=7, ny=6).grid
    first = stretch.grid_for(one)
    assert stretch.grid_for(other) is not first
    assert stretch.grid_for(one) is first
    assert all(getattr(first, name) is getattr(one, name) for name in first._fields)
    changed = one._replace(r_depth_t=2 * one.r_depth_t)
    assert stretch.grid_for(changed).r_depth_t is changed.r_depth_t


def test_kernels_of_one_name_may_read_different_arrays():
    def law(a, grid, out):
        out[...] = a + grid.h_t

    first = kernel(law)

    def law(a, grid, out):
        out[...] = a + grid.z_t * grid.h_t

    grid = rough_basin(nx=6, ny=6).grid
    assert first.grid_for(grid)._fields == ("h_t",)
    assert kernel(law).grid_for(grid)._fields == ("h_t", "z_t")


def test_threads_with_grids_of_their_own_do_not_meet():
    """Two basins whose depths differ, stretched by the same eta in turns, from two threads."""
    grids = [rough_basin(nx=6, ny=6).grid for _ in range(2)]
    grids[1] = grids[1]._replace(r_depth_t=2 * grids[1].r_depth_t, r_depth_u=2 * grids[1].r_depth_u)
    eta = np.ones_like(grids[0].depth_t)
    expected, wrong = [], []
    for grid in grids:
        expected.append([np.zeros_like(eta) for _ in range(4)])
        stretch(eta, grid, *expected[-1])
    assert not np.array_equal(expected[0][0], expected[1][0])

    def work(number):
        for turn in range(300):
            which = (number + turn) % 2
            found = [np.zeros_like(eta) for _ in range(4)]
            stretch(eta, grids[which], *found)
            if not all(map(np.array_equal, found, expected[which])):
                wrong.append((number, turn))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
