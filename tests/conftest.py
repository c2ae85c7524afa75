from pathlib import Path

import pytest

DATA = Path(__file__).resolve().parent.parent.parent / "shared" / "data"


@pytest.fixture
def ocean_data():
    """Path of a named file of real-ocean data, which the project does not ship: skips where it is absent."""

    def data_file(name: str) -> Path:
        path = DATA / name
        if not path.exists():
            pytest.skip(f"no real-ocean data: {path} does not exist")
        return path

    return data_file
