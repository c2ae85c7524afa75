"""A release: versions agree, and the built distributions are complete and run without the source tree."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest
import yaml

import ogcm

ROOT = Path(__file__).resolve().parents[2]


def test_versions_agree():
    """The citation and the newest release in the changelog have the number in ogcm/__init__.py."""
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    releases = re.findall(r"^## (\S+)(?: - (\d{4}-\d\d-\d\d))?$", changelog, re.MULTILINE)
    assert releases[0] == ("Unreleased", "")
    assert releases[1] == (citation["version"], str(citation["date-released"]))
    assert citation["version"] == ogcm.__version__


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    """The folder of a source distribution, and of a wheel that was built from it; the tree itself stays clean."""
    pytest.importorskip("build")
    source, folder = tmp_path_factory.mktemp("source") / "ogcm", tmp_path_factory.mktemp("dist")
    shutil.copytree(ROOT, source, ignore=shutil.ignore_patterns(".*", "*.egg-info", "build", "dist", "_build", "*.nc"))
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(source)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def without_source() -> dict[str, str]:
    """The environment variables without PYTHONPATH, which may lead to the source tree."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


@pytest.fixture(scope="module")
def environment(built, tmp_path_factory) -> Path:
    """A virtual environment with the wheel; its dependencies are those of the environment of the tests."""
    folder = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    (wheel,) = built.glob("*.whl")
    pip = [sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python"), "install", "--quiet"]
    subprocess.run([*pip, "--no-deps", "--no-index", str(wheel)], env=without_source(), check=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    (packages / "dependencies.pth").write_text(sysconfig.get_paths()["purelib"], encoding="utf-8")
    return folder


def run(environment: Path, folder: Path, program: str, *arguments: str) -> str:
    """Output of a program in the environment, without the source tree on its path."""
    command = [str(environment / "bin" / program), *arguments]
    return subprocess.run(command, cwd=folder, env=without_source(), capture_output=True, text=True, check=True).stdout


@pytest.mark.slow
def test_the_wheel_holds_the_packages_and_nothing_else(built):
    (wheel,) = built.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert tops == {"ogcm", "adjoint", "nn", f"ogcm-{ogcm.__version__}.dist-info"}
    source = {
        path.relative_to(ROOT).as_posix()
        for package in ("ogcm", "adjoint", "nn")
        for path in (ROOT / package).rglob("*")
        if path.suffix in (".py", ".pyi", ".toml") or path.name == "py.typed"
    }
    assert source == {name for name in names if ".dist-info" not in name}
    assert {
        "ogcm/py.typed",
        "ogcm/__init__.pyi",
        "ogcm/setups/global_1deg.py",
        "ogcm/setups/global_1deg.toml",
    } <= source


@pytest.mark.slow
def test_the_source_distribution_is_complete(built):
    """Tests, benchmarks, documentation and notebooks are in it; `built` has made the wheel from it."""
    (archive,) = built.glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        names = {name.split("/", 1)[1] for name in opened.getnames() if "/" in name}
    wanted = ("tests/oceans.py", "benchmarks/channel.toml", "docs/design.md", "CHANGELOG.md", "CITATION.cff", "LICENSE")
    assert set(wanted) <= names
    assert any(name.startswith("notebooks/") for name in names)
    assert not [name for name in names if "__pycache__" in name]


@pytest.mark.slow
def test_the_wheel_runs_without_the_source(environment, tmp_path):
    assert run(environment, tmp_path, "ogcm", "--version").split() == ["ogcm", ogcm.__version__]
    code = "import adjoint, nn, ogcm; print(*(package.__file__ for package in (adjoint, nn, ogcm)), sep='\\n')"
    for file in run(environment, tmp_path, "python", "-c", code).splitlines():
        assert Path(file).is_relative_to(environment)
    run(environment, tmp_path, "ogcm", "run", "inertial_oscillation", "--days", "0.1", "--quiet")
    assert (tmp_path / "inertial_oscillation.nc").exists()
