"""The modules of `adjoint.operators`."""

from . import barotropic as barotropic
from . import bottom_drag as bottom_drag
from . import equation_of_state as equation_of_state
from . import expansion as expansion
from . import extrapolation as extrapolation
from . import friction as friction
from . import isoneutral as isoneutral
from . import layers as layers
from . import momentum_advection as momentum_advection
from . import momentum_upwinding as momentum_upwinding
from . import pressure as pressure
from . import shortwave as shortwave
from . import stencils as stencils
from . import surface as surface
from . import teos10 as teos10
from . import tke as tke
from . import tracer_advection as tracer_advection
from . import tracer_diffusion as tracer_diffusion
from . import tracer_sources as tracer_sources
from . import vertical_diffusion as vertical_diffusion
from . import vertical_mixing as vertical_mixing
from . import vertical_upwinding as vertical_upwinding
from . import visbeck as visbeck
from . import viscosity as viscosity
from . import weno as weno
