"""Dates: the start of a model, the calendar of its output, and forcing that is given by dates."""

import datetime

import cftime
import numpy as np
import pytest
import xarray as xr

import ogcm
from ogcm.constants import DAY, YEAR
from ogcm.dates import since_new_year, start_date
from ogcm.errors import FileError, InputError

MONTHLY = np.arange(12.0)


def ocean(**options):
    grid = ogcm.cartesian(nx=4, ny=3, dx=1e4, dy=1e4, f0=1e-4)
    return ogcm.Model(grid, depth=100.0, dz=[40.0, 60.0], parameters={"nu_h": 100.0}, dt=900.0, **options)


@pytest.mark.parametrize(
    "given",
    ["2021-03-01", "2021-03-01T00:00:00", datetime.date(2021, 3, 1), datetime.datetime(2021, 3, 1),
     np.datetime64("2021-03-01"), cftime.DatetimeGregorian(2021, 3, 1)],
)  # fmt: skip
def test_a_start_may_be_any_kind_of_date(given):
    found = start_date(given)
    assert (found.isoformat(), found.calendar) == ("2021-03-01T00:00:00", "standard")
    assert since_new_year(found) == 59 * DAY


@pytest.mark.parametrize("given", ["yesterday", 2021, "2021-13-01", object()])
def test_anything_else_is_no_start(given):
    with pytest.raises(InputError, match="start: needs a date such as '2021-01-01'"):
        ocean(start=given)


def test_output_has_the_dates_of_its_calendar(tmp_path):
    for start, expected in (
        ("2020-02-28", np.array(["2020-02-29", "2020-03-01"], "M8[s]")),
        (cftime.DatetimeNoLeap(2020, 2, 28), [cftime.DatetimeNoLeap(2020, 3, 1), cftime.DatetimeNoLeap(2020, 3, 2)]),
        (None, None),
    ):
        model, path = ocean(start=start), tmp_path / "run.nc"
        ogcm.Simulation(model, days=2, every=1, output=path, progress=False, overwrite=True).run()
        with xr.open_dataset(path, decode_times=xr.coders.CFDatetimeCoder(use_cftime=None)) as f:
            times = f.time.values
        if start is None:
            assert times[0].calendar == "360_day"
        else:
            assert list(times[-2:]) == list(expected)


def test_an_output_of_another_start_is_not_extended(tmp_path):
    model, path = ocean(start="2020-01-01"), tmp_path / "run.nc"
    ogcm.Simulation(model, days=1, every=1, output=path, progress=False).run()
    other = ocean(start="2021-01-01")
    with pytest.raises(FileError, match=r"counts days since 2020-01-01 .* the model days since 2021-01-01"):
        ogcm.Simulation(
            other, days=1, every=1, output=path, restart=path.with_suffix(".restart.h5"), progress=False
        ).run()


@pytest.mark.parametrize("kind", ["datetime64", "cftime", "python"])
def test_records_are_given_by_dates(kind):
    dates = {
        "datetime64": np.array(["2020-12-31", "2021-01-02"], "M8[D]"),
        "cftime": np.array([cftime.DatetimeGregorian(2020, 12, 31), cftime.DatetimeGregorian(2021, 1, 2)]),
        "python": np.array([datetime.datetime(2020, 12, 31), datetime.datetime(2021, 1, 2)]),
    }[kind]
    heat = ogcm.Series([10.0, 30.0], dates)
    model = ocean(start="2021-01-01", forcing=ogcm.Forcing(heat_flux=heat))
    flux = ogcm.interior(model.forcing.at(0.5 * DAY).heat_flux)
    assert flux.max() == pytest.approx(25.0)
    with pytest.raises(InputError, match=r"heat_flux: its times are dates .* but the model has no start"):
        ocean(forcing=ogcm.Forcing(heat_flux=heat))


def test_dates_of_another_calendar_are_refused():
    heat = ogcm.Series([10.0, 30.0], np.array(["2020-12-31", "2021-01-02"], "M8[D]"))
    with pytest.raises(InputError, match=r"cannot be counted from .* but the model has noleap"):
        ocean(start=cftime.DatetimeNoLeap(2021, 1, 1), forcing=ogcm.Forcing(heat_flux=heat))


@pytest.mark.parametrize(
    ("start", "days"), [(None, 360), ("2021-01-01", 365.2425), (cftime.DatetimeNoLeap(2021, 1, 1), 365)]
)
def test_a_climatology_follows_the_year_of_the_calendar(start, days):
    model = ocean(start=start, forcing=ogcm.Forcing(heat_flux=ogcm.Series.monthly(MONTHLY)))
    series = model.forcing.series["heat_flux"]
    assert series.period == days * DAY
    for month in (0, 7):
        time = (month + 0.5) / 12 * days * DAY
        assert ogcm.interior(model.forcing.at(time).heat_flux).max() == pytest.approx(month, abs=1e-9)


def test_a_climatology_begins_at_the_season_of_the_start():
    july = ocean(start="2021-07-02T12:00", forcing=ogcm.Forcing(heat_flux=ogcm.Series.monthly(MONTHLY)))
    winter = ocean(start="2021-01-01", forcing=ogcm.Forcing(heat_flux=ogcm.Series.monthly(MONTHLY)))
    ahead = since_new_year(july.start)
    for time in (0.0, 0.3 * YEAR, 1.7 * YEAR):
        found = ogcm.interior(july.forcing.at(time).heat_flux).max()
        expected = ogcm.interior(winter.forcing.at(time + ahead).heat_flux).max()
        assert found == pytest.approx(expected, abs=1e-9)
    assert ogcm.interior(july.forcing.at(0.0).heat_flux).max() == pytest.approx(5.5, abs=0.05)


def test_the_sun_is_that_of_the_date():
    air = {"u10": 1.0, "v10": 0.0, "t2": 10.0, "d2": 5.0, "cloud": 0.5, "latitude": 45.0}
    light = []
    for start in ("2021-06-21", "2021-12-21"):
        model = ocean(start=start, forcing=ogcm.Forcing(atmosphere=ogcm.Atmosphere(**air)))
        light.append(ogcm.interior(ogcm.fluxes_at(model, model.state, 0.0).shortwave).max())
    assert light[0] > 3 * light[1]
