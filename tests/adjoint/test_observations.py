"""Observations: their counterparts in the model, those that are missing or not in its water, and their files."""

import h5py
import numpy as np
import pytest

import ogcm
from adjoint.gradient_check import loss_error
from adjoint.losses import BoxMean, MeanSquare
from adjoint.observation_loss import Observations
from adjoint.observations import Points, misfit, read, synthetic, write
from ogcm.errors import FileError, InputError
from ogcm.grid import interior
from ogcm.regions import heights
from tests.oceans import rough_basin

DZ = [50.0, 150.0, 300.0, 500.0]
NX, NY, DX = 8, 6, 2e4
T = lambda x, y, z: 10 + z / 100  # noqa: E731


def cells(depth=875.0, periodic=True, **options):
    """Four layers whose last cell is cut at 875 m: its centre is at 687.5 m, that of the full cell at 750 m."""
    grid = ogcm.cartesian(nx=NX, ny=NY, dx=DX, dy=DX, f0=1e-4, periodic_x=periodic)
    return ogcm.Model(grid, **({"depth": depth, "dz": DZ, "T": T, "dt": 600.0} | options))


def at(x=5e4, y=5e4, z=-100.0, **changes):
    return {"x": x, "y": y, "z": z, "days": 0.0, "values": 0.0, "errors": 1.0} | changes


# The model equivalent


@pytest.mark.parametrize("z", [-687.5, -25.0, -125.0, -600.0])
def test_a_linear_profile_is_observed_exactly_in_partial_cells(z):
    model = cells()
    seen = Observations(model, "T", **at([5e4, 1.59e5], [5e4, 3.3e4], z)).observe(model.state)
    np.testing.assert_allclose(seen, 10 + z / 100, rtol=1e-14)  # 3.125 at 687.5 m


def test_beyond_the_last_centres_the_nearest_cell_is_observed():
    model = cells()
    seen = Observations(model, "T", **at(z=[-1.0, -700.0, -874.0])).observe(model.state)
    np.testing.assert_allclose(seen, [9.75, 10 - 6.875, 10 - 6.875], rtol=1e-14)


def test_columns_of_other_depths_each_have_their_own_centres():
    depth = np.full((NY, NX), 1000.0)
    depth[:, 3:] = 700.0
    model = cells(depth)
    seen = Observations(model, "T", **at(x=5.4e4, z=[-560.0, -640.0, -720.0])).observe(model.state)
    # Of the shallow column, which counts a fifth, the last cell is at 600 m; below 700 m there is no water in it.
    np.testing.assert_allclose(seen, [10 - 5.6, 0.8 * (10 - 6.4) + 0.2 * (10 - 6.0), 10 - 7.2], rtol=1e-14)


@pytest.mark.parametrize("field", ["u", "v"])
def test_faces_have_centres_of_their_own(field):
    """A face is as thick as the thinner of its cells."""
    depth = 600.0 + 350.0 * np.random.default_rng(0).uniform(size=(NY, NX))
    model = cells(depth)
    z = heights(model, field)
    interior(getattr(model.state, field))[...] = z * (interior(getattr(model.grid, f"mask_{field}")) > 0)
    h = interior(getattr(model.grid, f"h_{field}"))
    np.testing.assert_allclose(z[3], -500 - 0.5 * h[3])
    deepest = z[3].max()  # above it, all four columns have a cell below the place
    x, y = np.random.default_rng(1).uniform(1e4, 9e4, (2, 20))
    seen = Observations(model, field, **at(x, y, deepest)).observe(model.state)
    np.testing.assert_allclose(seen, deepest, rtol=1e-12)


@pytest.mark.parametrize("field", ["T", "u", "v", "eta"])
def test_what_a_twin_sees_is_what_the_cells_hold(field):
    model = rough_basin(u=0.1, v=0.1, eta=0.1)
    truth = ogcm.Simulation(model, days=0.01, progress=False)
    (points,) = synthetic(truth, {field: 1e-12}, days=[0.0], every=2)
    np.testing.assert_allclose(points.loss(model).observe(model.state), points.values, rtol=1e-9)


def test_the_adjoint_is_the_transpose_between_rough_columns():
    model, rng = rough_basin(), np.random.default_rng(2)
    n = 200
    places = {"x": rng.uniform(0, 3.2e5, n), "y": rng.uniform(0, 2.4e5, n), "z": rng.uniform(-500, 0, n)}
    for field in ("T", "u", "v", "eta"):
        with pytest.warns(UserWarning, match="of 200 observations are not in the water"):
            loss = Observations(
                model, field, **places, days=rng.integers(0, 2, n), values=rng.normal(size=n), errors=0.5
            )
        assert 50 < len(loss.values) < n
        np.testing.assert_allclose(loss.H.sum(axis=1), 1, rtol=1e-14)
        assert loss_error(loss, model.state) < 1e-12


def test_ranges_of_depth_go_by_the_centres_of_partial_cells():
    model = cells()
    np.testing.assert_allclose(BoxMean(model, "T", z=(-700, -680)).value(model.state, 0), 10 - 6.875)
    with pytest.raises(InputError, match="no water"):
        BoxMean(model, "T", z=(-760, -740))


# What is not in the water, and what is missing


def island(**options):
    depth = np.full((NY, NX), 1000.0)
    depth[2:5, 2:5] = 0.0
    return cells(depth, **options)


LAND = (7e4, 7e4)


def test_observations_out_of_the_water_are_dropped_with_a_warning():
    model = island(periodic=False)
    x, y = [1.3e5, LAND[0], 1.3e5, 1.3e5, 1e9], [5e4, LAND[1], 5e4, 5e4, 5e4]
    given = at(x, y, [-10.0, -20.0, -30.0, -2000.0, -50.0], values=np.arange(5.0), days=[0, 0, 1, 1, 1])
    words = (
        "T: 3 of 5 observations are not in the water of the model: observation 1 at x = 70000, y = 70000, z = -20 lies "
        "on land or below the sea floor; they are dropped"
    )
    with pytest.warns(UserWarning, match=words):
        loss = Observations(model, "T", **given)
    np.testing.assert_array_equal(loss.kept, [0, 2])
    np.testing.assert_array_equal(loss.values, [0.0, 2.0])
    np.testing.assert_array_equal(loss.times, [0.0, 1.0])
    alone = Observations(model, "T", **at(1.3e5, 5e4, [-10.0, -30.0], values=[0.0, 2.0], days=[0, 1]))
    values = [[one.value(model.state, n) for n in one.all_records()] for one in (loss, alone)]
    assert values[0] == values[1]
    assert values[0][-1] > 0
    points = [Points("T", *(np.broadcast_to(given[n], 5) for n in ("x", "y", "z", "days", "values", "errors")))]
    with pytest.warns(UserWarning, match="3 of 5"):
        misfit(points, model)
    with pytest.raises(InputError, match=r"3 of 5 .*; leave them out, or correct"):
        misfit(points, model, out_of_water="refuse")
    with pytest.raises(InputError, match=r"1 of 1 .* lies outside the grid; leave them out"):
        Observations(model, "T", **at(1e9))
    with pytest.raises(InputError, match="out_of_water: unknown 'keep'"):
        Observations(model, "T", **at(), out_of_water="keep")


@pytest.mark.parametrize("masked", ["x", "y", "z", "days", "values", "errors"])
def test_a_mask_means_missing(masked):
    model = cells()
    given = at(np.array([3e4, 5e4, 7e4]), z=np.full(3, -30.0), y=np.full(3, 5e4), values=np.arange(3.0))
    given |= {"days": np.zeros(3), "errors": np.ones(3)}
    alone = Observations(model, "T", **{name: a[[0, 2]] for name, a in given.items()})
    given[masked] = np.ma.array(given[masked], mask=[False, True, False])
    given[masked].data[1] = 9.97e36
    loss = Observations(model, "T", **given)
    np.testing.assert_array_equal(loss.kept, [0, 2])
    assert loss.value(model.state, 0) == alone.value(model.state, 0)
    again = Points("T", **given).loss(model)
    assert again.value(model.state, 0) == loss.value(model.state, 0)
    with pytest.raises(InputError, match="there is no observation"):
        Observations(model, "T", **(given | {masked: np.ma.masked_all(3)}))


def test_masked_data_of_a_mean_square_do_not_count():
    model = cells()
    data = np.full((4, NY, NX), 5.0)
    gaps = np.ma.array(data, mask=np.random.default_rng(0).uniform(size=data.shape) < 0.4)
    gaps.data[gaps.mask] = 9.97e36
    wet, weight = ~gaps.mask, np.broadcast_to(np.array([50, 150, 300, 375.0])[:, None, None], data.shape)
    T = interior(model.state.T)
    loss = MeanSquare(model, "T", gaps)
    assert loss.value(model.state, 0) == pytest.approx(np.average((T - 5)[wet] ** 2, weights=weight[wet]), rel=1e-12)
    assert loss_error(loss, model.state) < 1e-12
    with pytest.raises(InputError, match="masked at all points"):
        MeanSquare(model, "T", np.ma.masked_all(data.shape))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"x": [1e4, np.nan]}, "x: observation 1 has nan; leave it out, mask it"),
        ({"values": np.ma.array([np.nan, np.inf], mask=[True, False])}, "values: observation 1 has inf"),
        ({"errors": [1.0, -1.0]}, "errors: the error of observation 1 is -1; it must be positive"),
        ({"span": [1.0, -0.5]}, "span: the span of observation 1 is -0.5; it must not be negative"),
        ({"x": [1e4, 2e4], "y": [1e4, 2e4, 3e4]}, r"one for each observation or one for all; got x \(2,\), y \(3,\)"),
        ({"values": "warm"}, "need numbers"),
        ({"values": np.zeros((2, 2))}, "need columns"),
        ({"values": []}, "there is no observation"),
    ],
)
def test_mistakes_are_named(changes, message):
    with pytest.raises(InputError, match=message):
        Observations(cells(), "T", **at(**changes))


# Files


COLUMNS = {
    "time": (np.array([0.0, 0.5, 1.0]), {"units": "days"}),
    "x": (np.array([3e4, 5e4, 7e4]), {"units": "m"}),
    "y": (np.array([5e4, 5e4, 5e4]), {"units": "m"}),
    "z": (np.array([-100.0, -200.0, -687.5]), {"units": "m"}),
    "T": (np.array([15.25, 12.0, 9.5]), {"units": "degC"}),
    "T_error": (np.array([0.5, 0.25, 0.5]), {"units": "degC"}),
}


def file_of(path, **changes):
    """A file of observations; a change of None takes a column away."""
    with h5py.File(path, "w") as f:
        for name, given in (COLUMNS | changes).items():
            if given is not None:
                f[name] = given[0]
                f[name].attrs.update(given[1])
    return path


PACKED = {"units": "degC", "scale_factor": 0.001, "add_offset": 20.0, "_FillValue": np.int16(-32768)}
DEPTH = np.array([100.0, 200.0, 687.5])
ERRORS = np.array([0.5, 0.25, 0.5])


@pytest.mark.parametrize(
    "changes",
    [
        {"T": (np.int16([-4750, -8000, -10500]), PACKED)},
        {"T": (np.array([288.4, 285.15, 282.65]), {"units": "K"}), "T_error": (ERRORS, {"units": "K"})},
        {"T": (np.array([15.25, 12.0, 9.5]), {"units": "degrees_C"})},
        {"z": (DEPTH, {"units": "m", "positive": "down"})},
        {"z": (-DEPTH / 1e3, {"units": "km", "positive": "up"})},
        {"z": None, "depth": (DEPTH, {"units": "m"})},
        {"z": None, "depth": (-DEPTH, {"units": "m", "positive": "up"})},
        {"time": (np.array([0.0, 12.0, 24.0]), {"units": "hours"})},
        {"x": (np.array([30.0, 50.0, 70.0]), {"units": "km"})},
    ],
)  # fmt: skip
def test_a_file_in_other_conventions_holds_the_same(tmp_path, changes):
    (points,) = read(file_of(tmp_path / "a.nc", **changes), cells())
    assert points.field == "T"
    expected = {"x": "x", "y": "y", "z": "z", "days": "time", "values": "T", "errors": "T_error"}
    for name, column in expected.items():
        np.testing.assert_allclose(getattr(points, name), COLUMNS[column][0], rtol=1e-12, err_msg=name)


@pytest.mark.parametrize(
    ("values", "attributes"),
    [
        ([15.25, -999.0, 9.5], {"missing_value": -999.0}),
        ([15.25, 9.96921e36, 9.5], {}),
        (np.int16([-4750, -32768, -10500]), PACKED),
        ([15.25, np.nan, 9.5], {"_FillValue": 0.0}),
    ],
)
def test_missing_values_of_a_file_are_left_out(tmp_path, values, attributes):
    (points,) = read(file_of(tmp_path / "a.nc", T=(np.asarray(values), {"units": "degC"} | attributes)), cells())
    np.testing.assert_allclose(points.values, [15.25, 9.5])
    np.testing.assert_allclose(points.z, [-100.0, -687.5])


def test_an_observation_without_a_place_is_reported(tmp_path):
    path = file_of(tmp_path / "a.nc", x=(np.array([3e4, np.nan, 7e4]), {"units": "m"}))
    with pytest.warns(UserWarning, match="1 of 3 observations of T lack a place, time or error, the first is number 1"):
        (points,) = read(path, cells())
    np.testing.assert_allclose(points.values, [15.25, 9.5])


def test_a_written_file_on_the_sphere_is_read_again(tmp_path):
    grid = ogcm.spherical(lon=np.arange(300.0, 305), lat=np.arange(20.0, 24))
    model = ogcm.Model(grid, depth=100.0, dz=[100.0], T=10.0, dt=600.0)
    masked = np.ma.array([10.0, 9.97e36], mask=[False, True])
    seen = Points("T", *np.array([[-58.5, 302.0], [21.0, 22.0], [-50.0, -50.0], [0.0, 1.0]]), masked, np.ones(2))
    write(tmp_path / "a.nc", [seen], model)
    (again,) = read(tmp_path / "a.nc", model)
    assert [a.tolist() for a in again[1:7]] == [[-58.5], [21.0], [-50.0], [0.0], [10.0], [1.0]]
    with h5py.File(tmp_path / "a.nc") as f:
        assert f["lon"].attrs["units"] == "degrees_east"


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"time": (np.zeros(3), {"units": "days since 2010-01-01"})}, InputError,
         "time is in 'days since 2010-01-01', but the model has no date; give it .*, or give times in days from"),
        ({"time": (np.zeros(3), {})}, InputError, "time has the units ''; give it the attribute units, such as days"),
        ({"T": (np.array([15.0, 12.0, 9.0]), {})}, InputError, "T has the units ''"),
        ({"T": (np.array([288.0, 285.0, 282.0]), {"units": "degC"})}, InputError, "T holds 288 degC, beyond"),
        ({"T_error": None}, FileError, "lacks the variable T_error"),
        ({"T_error": (np.ones(3), {"units": "m"})}, InputError, "T_error has the units 'm'"),
        ({"x": None}, FileError, "lacks the variable x"),
        ({"T": None}, FileError, "holds none of the fields u, v, eta, T, S"),
        ({"depth": (DEPTH, {"units": "m"})}, FileError, "holds both z and depth"),
        ({"z": (DEPTH, {"units": "m", "positive": "north"})}, InputError, "positive = 'north'; it must be"),
        ({"y": (np.zeros(4), {"units": "m"})}, FileError, r"y has the shape \(4,\), time \(3,\)"),
        ({"T": (np.array([b"a", b"b", b"c"]), {"units": "degC"})}, InputError, "numbers are needed"),
        ({"T": (np.full(3, np.nan), {"units": "degC"})}, FileError, "holds no observation, all values of T are"),
        ({"T": (np.ones(3), {"units": "degC", "_FillValue": "-1"})}, InputError, "_FillValue = '-1', which is text"),
    ],
)  # fmt: skip
def test_files_that_cannot_be_used_are_named(tmp_path, changes, error, message):
    with pytest.raises(error, match=message):
        read(file_of(tmp_path / "a.nc", **changes), cells())


def test_files_of_another_kind_are_named(tmp_path):
    path = tmp_path / "a.nc"
    with h5py.File(path, "w") as f:
        f["seen/T"] = np.ones(3)
    with pytest.raises(FileError, match="holds none of the fields"):
        read(path, cells())
    for content, words in ((b"CDF\x01rest", "damaged"), (b"time,T\n", "not a NetCDF file"), (b"", "not a NetCDF file")):
        path.write_bytes(content)
        with pytest.raises(FileError, match=words):
            read(path, cells())
    with pytest.raises(FileError, match="missing"):
        read(tmp_path, cells())
