"""Reading of gridded data from elsewhere: any convention of files in, one form out.

from ogcm.data import read_field
wind = read_field("era5_*.nc", "u10", "wind")
"""

from ogcm.data.quantities import QUANTITIES, Quantity
from ogcm.data.reader import read_field

__all__ = ["QUANTITIES", "Quantity", "read_field"]
