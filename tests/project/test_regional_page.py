"""The page on a regional model can be followed, with files in the form of those that it downloads."""

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from ogcm.cli import main
from ogcm.preparation import ocean_file
from tests.project.test_documentation import blocks

PAGE = "docs/regional.md"


def write_downloads(ocean_data, folder: Path) -> None:
    """Files as GEBCO, the World Ocean Atlas and the Climate Data Store write them, from the data of the tests."""
    region = {"lat": slice(29.5, 42), "lon": slice(14, 37)}
    relief = xr.open_dataset(ocean_data("etopo5_med_blacksea.nc")).sel(region)[["elevation"]]
    relief["elevation"].attrs = {"standard_name": "height_above_mean_sea_level", "units": "m"}
    relief.to_netcdf(folder / "gebco.nc", engine="h5netcdf")
    months = {"units": "months since 1991-01-01 00:00:00", "climatology": "climatology_bounds"}
    for file, name, new, kind, units in (
        ("woa_monthly_temp_2deg.nc", "temp", "t_an", "sea_water_temperature", "degrees_celsius"),
        ("levitus_annual_1deg.nc", "salt", "s_an", "sea_water_practical_salinity", "1"),
    ):
        climate = xr.open_dataset(ocean_data(file), decode_times=False)
        climate = climate.isel(month=0).drop_vars("month") if "month" in climate.dims else climate
        field = climate[[name]].rename({name: new}).expand_dims(time=[360.5])
        field["time"].attrs, field[new].attrs = months, {"standard_name": kind, "units": units}
        field.to_netcdf(folder / f"woa_{new[0]}.nc", engine="h5netcdf")
    air = xr.open_dataset(ocean_data("med202101/atmosphere_6hourly.nc")).sel(region).drop_vars("land")
    air = air.rename(time="valid_time", lat="latitude", lon="longitude", t2="t2m", d2="d2m", clc="tcc", precip="tp")
    air = air.isel(latitude=slice(None, None, -1), valid_time=slice(0, 28))  # ERA5 begins in the north
    air = air.assign(tcc=(air.tcc / 100).clip(0, 1), tp=(air.tp / 6).clip(0)).assign_coords(number=0)
    for name, units in {"t2m": "K", "d2m": "K", "tcc": "(0 - 1)", "tp": "m", "msl": "Pa"}.items():
        air[name].attrs = {"units": units, "standard_name": "unknown"}
    for name in air.variables:
        air[name].encoding = {}
    air["valid_time"].encoding = {"units": "seconds since 1970-01-01", "dtype": "int64"}
    air.to_netcdf(folder / "era5.nc", engine="h5netcdf")


@pytest.mark.slow
def test_the_page_on_a_regional_model_can_be_followed(ocean_data, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write_downloads(ocean_data, tmp_path)
    for language, block in blocks(PAGE):
        if language == "toml":
            Path(re.match(r"# (\S+\.toml)\n", block)[1]).write_text(block, encoding="utf-8")
        elif language == "python":
            exec(block, {"__name__": "__main__"})
        else:
            for command in block.splitlines():
                program, *words = shlex.split(command)
                assert (program, main(words)) == ("ogcm", 0), command
    ocean = ocean_file.read("levant.nc")
    assert ocean.depth.shape == (43, 85)
    assert 3000 < ocean.depth.max() < 4001
    text = re.findall(r"by day: \[(.*?)\]|degC\]: \[(.*?)\]|m s-1\]: (\S+)", capsys.readouterr().out)
    heat, surface, current = (np.array("".join(found).split(), float) for found in text)
    assert len(heat) == 5
    assert -90 < heat.mean() < -40
    assert 0.05 < surface[0] - surface[-1] < 0.2
    assert 15 < surface[-1] < 18
    assert 0.1 < current < 1.5
    for file in ("levant.png", "january.png", "heat_flux.png", "sharper.nc"):
        assert Path(file).stat().st_size > 10_000
