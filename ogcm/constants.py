"""Physical constants as they are unless a model is given others (`Numerics`); no gradient sees them."""

GRAVITY = 9.81  # [m s-2]
RHO0 = 1026.0  # reference density [kg m-3] (Roquet et al. 2015)
HEAT_CAPACITY = 3991.86795711963  # of sea water, for conservative temperature [J kg-1 K-1] (TEOS-10)
