"""The files of a run: the name of its restart, files that are in the way, locks, and space on the disks."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ogcm import names
from ogcm.disk import check_room
from ogcm.errors import FileError, InputError
from ogcm.restart import restart_bytes

if TYPE_CHECKING:
    from ogcm.simulation import Simulation


def written_paths(simulation: "Simulation") -> list[Path]:
    """Return the files that the writers of a run write, in order."""
    return [writer.path for writer in simulation.writers.values() if writer.path is not None]


def restart_path(simulation: "Simulation") -> Path:
    """Return the path of the restart: beside the file of the first writer, or named after the model."""
    paths = written_paths(simulation)
    return names.beside(paths[0], ".restart.h5") if paths else Path(f"{simulation.model.name}.restart.h5")


def check_names(simulation: "Simulation") -> None:
    """Raise FileError for a folder that cannot be written to, or a name that another run is using."""
    paths = written_paths(simulation)
    for path in paths or [simulation.restart_file]:
        names.check_folder(path)
    if paths:
        with ExitStack() as held:
            lock(simulation, held)


def check_files(simulation: "Simulation") -> None:
    """Raise FileError for existing files that the run may not replace, and InputError for two writers of one file."""
    paths, restart_file = written_paths(simulation), simulation.restart_file
    records = [names.beside(path, ".toml") for path in paths]
    for n, path in enumerate(paths):
        if path in paths[:n]:
            raise InputError(f"writers: two of them write {path}; give each a file of its own")
        if records[n] in records[:n]:
            raise InputError(f"writers: two of them write {records[n]}, beside {path}; give each a name of its own")
    for writer in simulation.writers.values():
        writer.check(simulation)
    if any(writer.extends(simulation) for writer in simulation.writers.values()):
        names.check_regular(restart_file)
    elif paths:
        names.check_replaceable(restart_file, may_replace(simulation), "is the restart of another run")


def may_replace(simulation: "Simulation") -> bool:
    """Return True if existing files of ogcm may be replaced: with `overwrite`, or in a second call of `run`."""
    return simulation.overwrite or simulation.has_run


def check_new_file(path: Path, simulation: "Simulation") -> None:
    """Raise FileError if `path`, a new file of the run, or its `.part` file exists and may not be replaced."""
    part = Path(f"{path}.part")
    if names.is_taken(part) and not simulation.overwrite:
        raise FileError(
            f"{part}: holds the records of a run that was killed or failed; continue that run (--restart "
            f"{simulation.restart_file}), rename the file to keep it, or pass overwrite (--overwrite)"
        )
    names.check_replaceable(path, may_replace(simulation))
    names.check_replaceable(part, may_replace(simulation))


def check_disks(simulation: "Simulation") -> None:
    """Raise FileError for a disk that would be full before the end of the run."""
    paths = {writer.path: writer.needed_bytes(simulation) for writer in simulation.writers.values() if writer.path}
    first = next(iter(paths), simulation.restart_file)
    paths[first] = paths.get(first, 0) + restart_bytes(simulation.model)
    disks: dict[int, list[Path]] = {}
    for path in paths:
        disks.setdefault(path.resolve().parent.stat().st_dev, []).append(path)
    for together in disks.values():
        check_room(together[0], sum(paths[path] for path in together), "write less often")


@contextmanager
def claim(simulation: "Simulation") -> Iterator[None]:
    """Lock the names of a run, so that no other run writes its files. Raises FileError if another run holds one.

    A run without writers takes the first name without a restart: `ocean.restart.h5`, `ocean-2.restart.h5`, ...
    """
    with ExitStack() as held:
        simulation.restart_file = simulation.tile.on_first(lambda: lock(simulation, held))
        yield


def lock(simulation: "Simulation", held: ExitStack) -> Path:
    """Lock the names of a run until `held` is closed, and return the name of its restart."""
    paths = written_paths(simulation)
    if not paths and not may_replace(simulation):
        path, claimed = claim_free_name(simulation.model.name)
        held.enter_context(claimed)
        return path
    locks = [names.beside(simulation.restart_file, ".lock")]
    locks += [names.beside(path, ".restart.lock") for path in paths]
    for name in dict.fromkeys(locks):
        held.enter_context(names.Claim(name))
    return simulation.restart_file


def claim_free_name(name: str) -> tuple[Path, names.Claim]:
    """Return the first restart file of the series that does not exist and that no other run holds, and its lock."""
    n = 0
    while True:
        n += 1
        path = Path(f"{name}{f'-{n}' if n > 1 else ''}.restart.h5")
        if not names.is_taken(path):
            with suppress(names.TakenError):
                return path, names.Claim(names.beside(path, ".lock"))
