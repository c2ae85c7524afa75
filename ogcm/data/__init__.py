"""Reading of gridded data from elsewhere: any convention of files in, one form out.

from ogcm.data import monthly, read_field, read_values
wind = read_field("era5_*.nc", "u10", "wind")
"""

from ogcm.data.quantities import QUANTITIES, Quantity
from ogcm.data.reader import monthly, read_field, read_values
from ogcm.data.s_levels import SLevels, find_s_levels, on_heights, read_s_field
from ogcm.data.sea_water import sea_water
from ogcm.data.vectors import read_vector

__all__ = [
    "QUANTITIES",
    "Quantity",
    "SLevels",
    "find_s_levels",
    "monthly",
    "on_heights",
    "read_field",
    "read_s_field",
    "read_values",
    "read_vector",
    "sea_water",
]
