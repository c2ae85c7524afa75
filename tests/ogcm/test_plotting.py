"""Pictures: their contents, and clear messages for mistakes."""

import h5netcdf
import h5py
import numpy as np
import pytest
from PIL import Image

import ogcm
from ogcm.constants import DAY
from ogcm.grid import interior
from ogcm.output import OutputFile
from ogcm.plotting import LAND, MAPS, Picture, animate, colour_scale, overview, plot
from ogcm.record import Record
from ogcm.variables import check_variables, variable_values


def swell(x, y):
    """A smooth pattern with both signs."""
    return np.sin(2 * np.pi * x / np.ptp(x)) * np.cos(2 * np.pi * y / np.ptp(y))


def ocean(kind="cartesian", nk=3, **options):
    """A small ocean with an island."""
    if kind == "spherical":
        grid = ogcm.spherical(lon=np.linspace(0, 360, 25), lat=np.linspace(-60, 60, 13))
    else:
        grid = ogcm.cartesian(nx=24, ny=12, dx=2e4, dy=2e4)
    depth = np.full((12, 24), 100.0 * nk)
    depth[4:8, 10:14] = 0.0
    fields = {"u": lambda x, y: 0.1 * swell(x, y), "v": lambda x, y: 0.1 * swell(y, x), "eta": swell}
    tracers = {"T": lambda x, y, z: 20 + z / 50 + 2 * swell(x, y), "S": 35.0}
    settings = {"depth": depth, "dz": [100.0] * nk, "dt": 600.0, "name": "test ocean"}
    return ogcm.Model(grid, **(settings | fields | tracers | options))


def write(model, path, days=(0.0, 10.0, 20.0)):
    """An output file of the model, its fields a little larger in each record."""
    variables = check_variables(model, ("u", "v", "eta", "T", "S", "w", "zeta"))
    output = OutputFile(path, model, variables, "", False)
    for n, day in enumerate(days):
        model.state.u *= 1.2
        model.state.eta *= 1.1
        output.write({name: variable_values(model, name) for name in variables}, day * DAY, day * DAY)
        assert output.records == n + 1
    output.close()
    return path


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return write(ocean(), tmp_path_factory.mktemp("plots") / "run.nc")


def colours_in(path):
    """Number of different colours in a picture, and the size of it."""
    with Image.open(path) as image:
        pixels = np.asarray(image.convert("RGB"), dtype=np.int64)
    return len(np.unique(pixels @ [1 << 16, 1 << 8, 1])), pixels.shape


@pytest.mark.parametrize("kind", ["cartesian", "spherical"])
def test_overview(kind, tmp_path):
    path = write(ocean(kind), tmp_path / "run.nc")
    figure = plot(path, tmp_path / "run.png")
    titles = " ".join(axes.get_title(loc="left") for axes in figure.axes)
    expected = ["temperature at 50 m [°C]", "surface height [m]", "barotropic streamfunction [Sv]"]
    for text in [*expected, "overturning streamfunction [Sv]", "kinetic energy [J]"]:
        assert text in titles
    assert figure.get_suptitle() == "test ocean, day 20"
    labels = {axes.get_xlabel() for axes in figure.axes}
    assert ("longitude [°E]" if kind == "spherical" else "x [km]") in labels
    number, (height, width, _) = colours_in(tmp_path / "run.png")
    assert number > 500
    assert min(height, width) > 500


@pytest.mark.parametrize(
    ("model", "number"),
    [
        (lambda: ocean(nk=1, equation_of_state="none"), 3),  # maps alone
        (lambda: ocean(nk=1), 3),
    ],
)
def test_overview_of_a_single_layer_has_no_sections(model, number, tmp_path):
    with Record(write(model(), tmp_path / "run.nc", days=(0.0,))) as record:
        figure = overview(record)
    titles = [axes.get_title(loc="left") for axes in figure.axes if axes.get_title(loc="left")]
    assert len(titles) == number
    assert not any("overturning" in title or "kinetic" in title for title in titles)


def test_overview_of_a_slice_has_sections_alone(tmp_path):
    grid = ogcm.cartesian(nx=20, ny=1, dx=500.0, dy=500.0, periodic_y=True)
    model = ogcm.Model(grid, depth=20.0, dz=[2.0] * 10, T=lambda x, y, z: 5 + x / 1e3, dt=10.0)
    figure = plot(write(model, tmp_path / "slice.nc"), tmp_path / "slice.png")
    heights = [axes for axes in figure.axes if axes.get_ylabel() == "height [m]"]
    assert len(heights) == 2
    assert colours_in(tmp_path / "slice.png")[0] > 50


def test_a_model_is_drawn_without_a_file(tmp_path):
    figure = ogcm.plot(ocean(), tmp_path / "now.png", kind="map", variable="mixed_layer_depth")
    assert figure.axes[0].get_title(loc="left") == "mixed layer depth [m]"
    assert colours_in(tmp_path / "now.png")[0] > 20
    assert list(tmp_path.iterdir()) == [tmp_path / "now.png"]


def test_a_simulation_is_drawn_from_its_file_or_its_model(run):
    class Finished:
        output, model = run, ocean()

    class Silent:
        output, model = None, ocean()

    assert plot(Finished()).get_suptitle() == "test ocean, day 20"
    assert plot(Silent()).get_suptitle() == "test ocean, day 0"


def test_map_shows_the_values_and_leaves_land_out(run):
    figure = plot(run, kind="map", variable="T", level=2, time=1)
    axes = figure.axes[0]
    shown = axes.collections[0].get_array().reshape(12, 24)
    with h5netcdf.File(run) as f:
        values = f["T"][1, 2]
    assert shown.mask[4:8, 10:14].all()
    assert shown.mask.sum() == 16
    np.testing.assert_array_equal(shown[~shown.mask], values[~shown.mask])
    assert axes.get_title(loc="left") == "conservative temperature at 250 m [°C]"
    assert axes.get_facecolor()[:3] == (float(LAND),) * 3
    assert figure.get_suptitle() == "test ocean, day 10"
    np.testing.assert_allclose(axes.get_xlim(), (0, 480))
    np.testing.assert_allclose(axes.get_ylim(), (0, 240))


def test_section_is_cut_at_the_given_place(run):
    axes = plot(run, kind="section", variable="T", at=250.0).axes[0]
    shown = axes.collections[0].get_array().reshape(3, 12)
    assert axes.get_title(loc="left") == "conservative temperature at x = 250 km [°C]"
    assert shown.mask[:, 4:8].all()
    np.testing.assert_allclose(axes.get_ylim(), (-300, 0))


def test_series(run):
    axes = plot(run, kind="series", variable="kinetic_energy").axes[0]
    days, values = axes.lines[0].get_data()
    np.testing.assert_array_equal(days, [0, 10, 20])
    assert (np.diff(values) > 0).all()


def test_streamfunction_is_in_sverdrups_and_zero_on_the_northern_coast(run):
    with Record(run) as record, h5netcdf.File(run) as f:
        np.testing.assert_allclose(record.field("psi"), f["psi"][-1] / 1e6)
        assert record.label("psi") == "barotropic streamfunction [Sv]"
    assert plot(run, kind="map", variable="psi").axes


def test_every_field_can_be_drawn(run):
    with Record(run) as record:
        names = {name: len(record.dims(name)) for name in record.fields()}
    assert {"T", "w", "zeta", "psi", "overturning", "depth", "kinetic_energy"} <= set(names)
    for name in ("u", "w", "zeta", "depth", "mask", "mixed_layer_depth"):
        assert plot(run, kind="map", variable=name).axes
    for name in ("v", "overturning"):
        assert plot(run, kind="section", variable=name).axes


def test_signed_fields_have_symmetrical_limits():
    values = np.linspace(-1.0, 3.0, 100)
    limits = colour_scale("eta", values)
    assert limits["vmin"] == -limits["vmax"]
    assert colour_scale("T", values)["vmin"] > -1.1
    for empty in (np.full(5, np.nan), np.zeros(5), np.full(5, 7.0)):
        limits = colour_scale("T", empty)
        assert limits["vmin"] < limits["vmax"]


def test_colour_maps_exist():
    for name in MAPS:
        assert colour_scale(name, np.arange(3.0))["cmap"].N == 256


def test_animation(run, tmp_path):
    animate(run, "eta", tmp_path / "eta.gif")
    with Image.open(tmp_path / "eta.gif") as image:
        assert image.n_frames == 3
        first = np.asarray(image.convert("RGB")).copy()
        image.seek(2)
        assert (np.asarray(image.convert("RGB")) != first).any()


def test_picture_shows_itself_in_a_notebook(run):
    figure = plot(run, kind="series")
    assert isinstance(figure, Picture)
    assert figure._repr_png_().startswith(b"\x89PNG")


def test_pyplot_is_left_alone(run):
    import matplotlib.pyplot

    plot(run)
    assert matplotlib.pyplot.get_fignums() == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "map", "variable": "tee"}, "unknown variable 'tee'"),
        ({"kind": "map", "variable": "overtuning"}, "did you mean 'overturning'"),
        ({"kind": "section", "variable": "zetta"}, "did you mean 'zeta'"),
        ({"kind": "series", "variable": "kinetic_enery"}, "did you mean 'kinetic_energy'"),
        ({"kind": "series", "variable": "T"}, "no series"),
        ({"kind": "map", "variable": "kinetic_energy"}, "no horizontal field"),
        ({"kind": "map", "variable": "overturning"}, "no horizontal field"),
        ({"kind": "section", "variable": "eta"}, "no depth"),
        ({"kind": "map", "variable": "T", "level": 7}, "layers 0 to 2"),
        ({"kind": "map", "variable": "T", "level": -1}, "layers 0 to 2"),
        ({"kind": "maps"}, "does not exist; choose from"),
        ({"time": 3}, "record 3 does not exist, the file has 3"),
    ],
)
def test_mistakes_are_named(run, options, message):
    with pytest.raises(ogcm.InputError, match=message):
        plot(run, **options)


def test_bad_files_are_named(run, tmp_path):
    with pytest.raises(ogcm.OceanError, match=r"nothing\.nc"):
        plot(tmp_path / "nothing.nc")
    (tmp_path / "text.nc").write_text("no file")
    with pytest.raises(ogcm.OceanError, match=r"text\.nc"):
        plot(tmp_path / "text.nc")
    with pytest.raises(ogcm.OceanError, match="no record"):
        plot(write(ocean(), tmp_path / "empty.nc", days=()))
    with h5py.File(tmp_path / "other.nc", "w") as f:
        f["time"], f["T"], f.attrs["title"] = np.zeros(2), np.array([b"a", b"b"]), 3
    with pytest.raises(ogcm.FileError, match="is no output of ogcm"):
        plot(tmp_path / "other.nc")
    with h5py.File(tmp_path / "groups.nc", "w") as f:
        f["time/T"] = np.zeros(2)
    with pytest.raises(ogcm.FileError, match="is no output of ogcm"):
        plot(tmp_path / "groups.nc")
    with pytest.raises(ogcm.OceanError, match="cannot be written"):
        plot(run, tmp_path / "nowhere" / "run.png")
    with pytest.raises(ogcm.OceanError, match="cannot be written"):
        plot(run, tmp_path / "run.nonsense")
    with pytest.raises(ogcm.InputError, match="no horizontal field"):
        animate(run, "overturning", tmp_path / "no.gif")


def test_the_model_is_untouched_by_its_picture():
    model = ocean()
    before = {name: interior(a).copy() for name, a in model.state.arrays().items()}
    plot(model)
    for name, a in model.state.arrays().items():
        np.testing.assert_array_equal(interior(a), before[name])
