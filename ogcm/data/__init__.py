"""Reading of gridded data from elsewhere: any convention of files in, one form out.

from ogcm.data import monthly, read_field, read_values
wind = read_field("era5_*.nc", "u10", "wind")
"""

from ogcm.data.quantities import QUANTITIES, Quantity
from ogcm.data.reader import monthly, read_field, read_values
from ogcm.data.sea_water import sea_water

__all__ = ["QUANTITIES", "Quantity", "monthly", "read_field", "read_values", "sea_water"]
