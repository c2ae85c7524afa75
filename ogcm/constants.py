"""Constants: units of time, and the physical constants that a model has unless it is given others (`Numerics`)."""

DAY = 86400.0  # [s]
YEAR = 360 * DAY  # [s] of twelve months of 30 days, the calendar of a run and of most climatologies

GRAVITY = 9.81  # [m s-2]
RHO0 = 1026.0  # reference density [kg m-3] (Roquet et al. 2015)
FRESH_WATER_DENSITY = 1000.0  # of the rain of a file in kg m-2 s-1 [kg m-3]
EARTH_RADIUS = 6.371e6  # [m]
EARTH_ROTATION = 7.292e-5  # [s-1]
HEAT_CAPACITY = 3991.86795711963  # of sea water, for conservative temperature [J kg-1 K-1] (TEOS-10)
