"""Observations in tables of text: their columns, dates and kinds, and faults with their line and column."""

import gsw
import numpy as np
import pytest

import ogcm
from adjoint.observations import read
from ogcm.constants import DAY
from ogcm.errors import FileError, InputError


def sea(**options):
    """A flat sea with dates and the equation of state TEOS-10."""
    grid = ogcm.spherical(lon=np.arange(0.0, 11), lat=np.arange(34.0, 42))
    chosen = {"depth": 200.0, "dz": [20.0, 180], "T": 15.0, "S": 38.0, "dt": 600.0, "equation_of_state": "teos10"}
    return ogcm.Model(grid, **(chosen | {"start": "2021-01-01"} | options))


def by_field(points):
    return {p.field: p for p in points}


HEADER = "time,lon,lat,depth,field,value,error,platform"
LINES = [
    HEADER,
    "# a comment",
    "2021-01-02T12:00,5.5,38,10,T,16.5,0.1,float",
    "0.25, 6.5, 39, 0, eta, 0.1, 0.03, Jason-3",
]


def table(path, *lines):
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("separator", [",", ";"])
def test_a_table(tmp_path, separator):
    path = table(tmp_path / "a.csv", *(line.replace(",", separator) for line in LINES))
    found = by_field(read(path, sea()))
    T, eta = found["T"], found["eta"]
    assert [float(a[0]) for a in T[1:7]] == [5.5, 38.0, -10.0, 1.5, 16.5, 0.1]
    assert [float(a[0]) for a in eta[1:7]] == [6.5, 39.0, 0.0, 0.25, 0.1, 0.03]
    assert (T.platform.tolist(), eta.platform.tolist()) == (["float"], ["Jason-3"])
    assert (T.span.tolist(), T.offset.tolist()) == ([0.0], [-1])


def test_a_table_has_optional_columns_and_kinds(tmp_path):
    path = table(tmp_path / "a.csv", "field,value,error,time,lat,lon,z,span,offset", "S,38,0.1,1,38,5.5,-10,1,2")
    (S,) = read(path, sea(), salinity_kind="practical")
    assert S.values[0] == pytest.approx(gsw.SA_from_SP(38.0, gsw.p_from_z(-10.0, 38.0), 5.5, 38.0), rel=1e-14)
    assert (S.z.tolist(), S.span.tolist(), S.offset.tolist()) == ([-10.0], [1.0], [2])


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "2021-13-02,5.5,38,10,T,16.5,0.1,a",
            "a.csv, line 3, column time: '2021-13-02' is neither a number of days nor a date",
        ),
        (
            "1,5.5E,38,10,T,16.5,0.1,a",
            "a.csv, line 3, column lon: '5.5E' is not a number; correct it, or take the line",
        ),
        ("1,5.5,38,10,T,,0.1,a", "a.csv, line 3, column value: '' is not a number"),
        ("1,5.5,38,10,T,nan,0.1,a", "column value: 'nan' is not a number"),
        ("1,5.5,38,10,temp,16,0.1,a", "line 3, column field: 'temp' is none of the fields u, v, eta, T, S"),
        ("1,5.5,38,10,T,16,0,a", "line 3, column error: 0 is no standard error; it must be positive"),
        ("1,5.5,38,10,T,16,0.1", "line 3: has 7 entries, the header 8"),
    ],
)
def test_lines_that_cannot_be_used_are_named(tmp_path, line, message):
    with pytest.raises(InputError, match=message):
        read(table(tmp_path / "a.csv", HEADER, "# a comment", line), sea())


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (HEADER.replace("lon", "long"), "unknown column 'long'; did you mean 'lon'"),
        (HEADER.replace(",error", ""), "lacks the columns error; the header needs time, lon, lat, field, value, error"),
        (HEADER + ",z", "has both z and depth"),
        (HEADER + ",lat", "has the column lat twice"),
    ],
)
def test_headers_that_cannot_be_used_are_named(tmp_path, header, message):
    with pytest.raises(FileError, match=message):
        read(table(tmp_path / "a.csv", header, LINES[-1]), sea())


def test_tables_that_are_none(tmp_path):
    with pytest.raises(FileError, match="needs a header line and a line for each observation; it has 1 of both"):
        read(table(tmp_path / "a.csv", HEADER), sea())
    with pytest.raises(FileError, match="cannot be read as text"):
        read(tmp_path / "none.csv", sea())
    with pytest.raises(InputError, match="is the date '2021-01-02T12:00', but the model has no date"):
        read(table(tmp_path / "a.csv", *LINES), sea(start=None))


def test_dates_are_counted_from_the_present_state(tmp_path):
    """After a restart on day 2, an observation of day 1.5 belongs to day -0.5 of the run."""
    model = sea()
    model.state.time = 2 * DAY
    found = by_field(read(table(tmp_path / "a.csv", *LINES), model))
    assert (found["T"].days.tolist(), found["eta"].days.tolist()) == ([-0.5], [0.25])
