"""Ensembles: runs of one model from perturbed initial states, one after another.

    ogcm.run_ensemble(model, members=4, perturb={"T": 0.01}, days=30, output="gyre.nc")

writes gyre_001.nc to gyre_004.nc, each with a restart and with the TOML file that repeats the member alone, and the
record gyre.toml, which repeats the ensemble.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ogcm import config, names
from ogcm.constants import DAY
from ogcm.errors import BlowUpError, InputError
from ogcm.inputs import number
from ogcm.model import Model
from ogcm.perturbation import check_perturbation
from ogcm.simulation import Simulation
from ogcm.writers import file_writer


def run_ensemble(
    model: Model,
    *,
    members: int,
    perturb: Mapping[str, float],
    days: float,
    output: str | Path | None = None,
    overwrite: bool = False,
    **options: Any,
) -> list[Path]:
    """Run the members of an ensemble, whose initial states are perturbed by noise.

    Parameters
    ----------
    model : Model
        The model, which remains as it is; each member is a copy of it.
    members : int
        Number of members.
    perturb : mapping of str to float
        Standard deviation of the noise by field, in the units of the field (see `ogcm.perturbation`).
    days : float
        Length of each run [days].
    output : str or Path, optional
        The members write NAME_001.nc, NAME_002.nc, ... if this is NAME.nc; default the name of the model.
    overwrite : bool, optional
        Replace files of ogcm that have the names of this ensemble.
    **options : object
        Further arguments of `Simulation`, the same for all members, such as every, variables, restart and callbacks.

    Returns
    -------
    list of Path
        The outputs of the members.

    Raises
    ------
    InputError, FileError
        Before the first member, for perturbations that cannot be, and for files that exist.
    BlowUpError
        After the last member, if some of them blew up; the message names them, and the others are complete.
    CallbackError
        As `Simulation.run`; the members before it are complete.
    """
    if number("members", members, whole=True) < 1:
        raise InputError(f"members: needs a positive number, got {members!r}")
    for name in ("writers", "member"):
        if options.get(name) is not None:
            raise InputError(f"{name}: cannot be given to an ensemble; each member has its own")
    check_perturbation(model, perturb, 1)
    whole, tile = file_writer(f"{model.name}.nc" if output is None else output).path, model.grid.tile
    paths, record = [member_path(whole, n) for n in range(1, members + 1)], names.beside(whole, ".toml")

    def check_files() -> None:
        config.check_toml_replaceable(record)
        for path in paths:
            names.check_replaceable(path, overwrite)

    tile.on_first(check_files)
    text, results, failed = "", "\n", dict[int, str]()
    for member, path in enumerate(paths, 1):
        run: dict[str, Any] = {"output": path, "overwrite": overwrite, "perturb": perturb, "member": member}
        simulation = Simulation(model.copy(), days=days, **run, **options)
        text = text or simulation.toml(folder=whole.parent, members=members, member=None)
        try:
            simulation.run()
            state = simulation.model.state
            result = f"day {state.time / DAY:g}, state {state.digest(tile)}"
        except BlowUpError as error:
            failed[member] = str(error)
            result = "blew up"
        results += f"# {path.name}: member {member}, {result}\n"
        tile.on_first(lambda: config.write(record, text + results))  # noqa: B023, it is called at once
    if failed:
        numbers = ", ".join(map(str, failed))
        raise BlowUpError(
            f"{len(failed)} of {members} members blew up ({numbers}), the others are complete; "
            + "; ".join(f"member {member}: {message}" for member, message in failed.items())
        )
    return paths


def member_path(output: Path, member: int) -> Path:
    """Return the output of a member: NAME_001.nc for NAME.nc."""
    ending = output.suffix if output.suffix.lower() in (*names.NETCDF, names.ZARR) else ""
    return names.beside(output, f"_{member:03d}{ending}")
