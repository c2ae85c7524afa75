from pathlib import Path

import pytest
from hypothesis import settings

DATA = Path(__file__).resolve().parent.parent.parent / "shared" / "data"

settings.register_profile("mutations", max_examples=3000)  # for `--hypothesis-profile=mutations`


@pytest.fixture
def ocean_data():
    """Path of a named file of real-ocean data, which the project does not ship: skips where it is absent."""

    def data_file(name: str) -> Path:
        path = DATA / name
        if not path.exists():
            pytest.skip(f"no real-ocean data: {path} does not exist")
        return path

    return data_file
