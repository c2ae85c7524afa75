"""The names that users import from `ogcm`, each with its module."""

from . import backend as backend
from . import constants as constants
from . import diagnostics as diagnostics
from . import operators as operators
from . import setups as setups
from .errors import BlowUpError as BlowUpError
from .errors import FileError as FileError
from .errors import InputError as InputError
from .errors import KernelError as KernelError
from .errors import OceanError as OceanError
from .extensions import Registry as Registry
from .fields import FIELDS as FIELDS
from .files import seal as seal
from .forcing import Fluxes as Fluxes
from .forcing import Forcing as Forcing
from .forcing import Series as Series
from .grid import Grid as Grid
from .grid import interior as interior
from .halo import exchange as exchange
from .horizontal_grid import HorizontalGrid as HorizontalGrid
from .horizontal_grid import cartesian as cartesian
from .horizontal_grid import curvilinear as curvilinear
from .horizontal_grid import spherical as spherical
from .model import Model as Model
from .numerics import CHOICES as CHOICES
from .numerics import Numerics as Numerics
from .numerics import NumericsOptions as NumericsOptions
from .ocean_data import OceanData as OceanData
from .parameters import PARAMETERS as PARAMETERS
from .plotting import Picture as Picture
from .plotting import Record as Record
from .plotting import animate as animate
from .plotting import overview as overview
from .plotting import plot as plot
from .restart import load_restart as load_restart
from .restart import save_restart as save_restart
from .simulation import Simulation as Simulation
from .state import State as State
from .state import Tendencies as Tendencies
from .stepper import Stepper as Stepper
from .terms import TERMS as TERMS
from .terms import Term as Term

__version__: str
