"""Diagnostics: numbers, series and maps computed from the state of a model, without changing it.

    from ogcm import diagnostics
    diagnostics.heat_content(model), diagnostics.barotropic_streamfunction(model), diagnostics.diagnose(model)

All are computed in float64 on the interior of the grid (without halo), on the host. `DIAGNOSTICS` lists those that are
written with every record of an output.
"""

from ogcm.diagnostics.basins import basin, heat_transport
from ogcm.diagnostics.cells import cell_volume, height, interior_float64, stretching, thickness, transports, wet_area
from ogcm.diagnostics.circulation import (
    barotropic_streamfunction,
    enstrophy,
    overturning,
    section_transport,
    strait_transport,
    vertical_velocity,
    vorticity,
    zonal_transport,
)
from ogcm.diagnostics.eddies import eddy_overturning, eddy_transports
from ogcm.diagnostics.energy import (
    available_potential_energy,
    kinetic_energy,
    mean_kinetic_energy,
    potential_energy,
    surface_energy,
)
from ogcm.diagnostics.harmonics import harmonics
from ogcm.diagnostics.inflow import Inflow, inflow
from ogcm.diagnostics.series import DIAGNOSTICS, Diagnostic, available_diagnostics, diagnose
from ogcm.diagnostics.stratification import density, mixed_layer_depth, potential_density, squared_buoyancy_frequency
from ogcm.diagnostics.totals import heat_content, largest_speed, mean_eta, mean_S, mean_T, salt_content, volume

__all__ = [
    "DIAGNOSTICS",
    "Diagnostic",
    "Inflow",
    "available_diagnostics",
    "available_potential_energy",
    "barotropic_streamfunction",
    "basin",
    "cell_volume",
    "density",
    "diagnose",
    "eddy_overturning",
    "eddy_transports",
    "enstrophy",
    "harmonics",
    "heat_content",
    "heat_transport",
    "height",
    "inflow",
    "interior_float64",
    "kinetic_energy",
    "largest_speed",
    "mean_S",
    "mean_T",
    "mean_eta",
    "mean_kinetic_energy",
    "mixed_layer_depth",
    "overturning",
    "potential_density",
    "potential_energy",
    "salt_content",
    "section_transport",
    "squared_buoyancy_frequency",
    "strait_transport",
    "stretching",
    "surface_energy",
    "thickness",
    "transports",
    "vertical_velocity",
    "volume",
    "vorticity",
    "wet_area",
    "zonal_transport",
]
