"""Shared by all tests: tests on request, profiles of hypothesis, files of real-ocean data, signals."""

import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
ON_REQUEST = {"long", "gpu"}  # markers whose tests run only where `-m` names them

settings.register_profile("mutations", max_examples=3000)  # for `--hypothesis-profile=mutations`


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect the tests that run on request alone, so that another `-m` expression does not switch them on."""
    markers = ON_REQUEST - set(re.findall(r"\w+", config.option.markexpr))
    deselected = [item for item in items if any(item.get_closest_marker(name) for name in markers)]
    if deselected:
        config.hook.pytest_deselected(items=deselected)
        items[:] = [item for item in items if item not in set(deselected)]


@pytest.fixture(scope="session", autouse=True)
def folder_of_runs(tmp_path_factory) -> Iterator[None]:
    """Run all tests in an empty folder, since a run without an output file leaves a restart in the current folder."""
    before = Path.cwd()
    os.chdir(tmp_path_factory.mktemp("runs"))
    yield
    os.chdir(before)


@pytest.fixture
def ocean_data():
    """Function that returns the path of a file of real-ocean data; skips where the file is absent."""

    def data_file(name: str) -> Path:
        path = DATA / name
        if not path.exists():
            pytest.skip(f"no real-ocean data: {path} does not exist")
        return path

    return data_file


@pytest.fixture
def signals_of_a_terminal() -> Iterator[None]:
    """Handle SIGINT and SIGHUP as in a terminal, in child processes too; `nohup` and background jobs ignore them."""
    handlers = {signal.SIGINT: signal.default_int_handler, signal.SIGHUP: signal.SIG_DFL}
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
