"""ogcm: a differentiable ocean general circulation model."""

__version__ = "0.1.0"

from ogcm.errors import BlowUpError, FileError, InputError, OceanError
from ogcm.forcing import Forcing, Series
from ogcm.grid import cartesian, curvilinear, spherical
from ogcm.model import Model
from ogcm.state import State
from ogcm.stepper import Stepper

__all__ = [
    "BlowUpError",
    "FileError",
    "Forcing",
    "InputError",
    "Model",
    "OceanError",
    "Series",
    "State",
    "Stepper",
    "cartesian",
    "curvilinear",
    "spherical",
]
