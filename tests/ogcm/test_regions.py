"""Regions: a longitude means the same with and without multiples of 360 degrees."""

import numpy as np
import pytest

import ogcm
from adjoint.losses import BoxMean, Transport
from adjoint.observation_loss import Observations
from adjoint.sensitivity import extents
from ogcm import diagnostics
from ogcm.errors import InputError
from ogcm.grid import interior
from ogcm.regions import heights, nearest_face, shift_longitude, within


@pytest.fixture(scope="module")
def region():
    """Twelve columns from 300 to 312 E, whose fields tell the longitude."""
    grid = ogcm.spherical(lon=np.arange(300.0, 313), lat=np.arange(20.0, 27))
    return ogcm.Model(
        grid, depth=400.0, dz=[100.0, 300.0], T=lambda x, y, z: x - 300, u=lambda x, y, z: x / 1e3, dt=600.0
    )


def test_longitudes_are_turned_to_the_nearest():
    np.testing.assert_array_equal(shift_longitude(np.array([-55.0, 305.0, 665.0]), 306.0), 305.0)
    assert shift_longitude(10.0, 350.0) == 370.0
    assert shift_longitude(123.456, 120.0) == 123.456  # to the bit


@pytest.mark.parametrize("turn", [0, -360, 360])
def test_a_longitude_means_the_same_everywhere(region, turn, tmp_path):
    west, east, at = 303 + turn, 306 + turn, 304.9 + turn
    h, state = region.horizontal, region.state
    seen = Observations(region, "T", x=[at], y=23.0, z=-50.0, days=0, values=0.0, errors=1.0)
    assert seen.observe(state)[0] == pytest.approx(4.9, rel=1e-12)
    assert BoxMean(region, "T", x=(west, east)).value(state, 0) == pytest.approx(4.5)
    U = diagnostics.transports(region)[0]
    assert nearest_face(h, "x", at) == 4  # its face is at 305
    assert diagnostics.strait_transport(region, x=at, y=(22, 24)) == pytest.approx(U[:, 2:4, 4].sum(), rel=1e-14)
    assert Transport(region, x=at, y=(22, 24)).value(state, 0) == pytest.approx(U[:, 2:4, 4].sum(), rel=1e-12)
    np.testing.assert_array_equal(within(h, "x", h.x_t, (west, east)), (h.x_t > 303) & (h.x_t < 306))
    np.testing.assert_allclose(extents(region, {"x": (west, east)})["x"], (303, 306))
    axes = ogcm.plot(region, kind="section", variable="T", at=at).axes[0]
    assert "304.5°E" in axes.get_title(loc="left")


def test_places_outside_are_refused(region):
    h = region.horizontal
    for at in (-65.0, 299.0, 313.0, 20.0):
        with pytest.raises(InputError, match=r"x: .* lies outside the grid, which reaches from 300 to 312"):
            nearest_face(h, "x", at)
        with pytest.raises(InputError, match="lies outside the grid"):
            Observations(region, "T", x=at, y=23.0, days=0, values=0.0, errors=1.0)
        with pytest.raises(InputError, match="lies outside the grid"):
            ogcm.plot(region, kind="section", variable="T", at=at)
    with pytest.raises(InputError, match="y: 40 lies outside the grid"):
        diagnostics.strait_transport(region, x=(301, 304), y=40)


def test_a_westward_range_is_refused(region):
    words = r"x: the range 350 to 10 goes westward; .* 10 to 350, or across the seam, -10 to 10"
    for call in (
        lambda: BoxMean(region, "T", x=(350, 10)),
        lambda: diagnostics.strait_transport(region, x=(350, 10), y=23),
    ):
        with pytest.raises(InputError, match=words):
            call()


def test_a_range_across_the_seam_of_the_globe():
    grid = ogcm.spherical(lon=np.arange(0.0, 361, 10), lat=np.arange(-20.0, 21, 10))
    np.testing.assert_array_equal(np.flatnonzero(within(grid, "x", grid.x_t, (-10, 10))), [0, 35])
    assert within(grid, "x", grid.x_t, (0, 360)).all()
    assert within(grid, "x", grid.x_t, (-180, 180)).all()
    assert nearest_face(grid, "x", -0.1) == nearest_face(grid, "x", 0.1) == 35


def test_heights_are_those_of_the_water():
    grid = ogcm.cartesian(nx=3, ny=1, dx=1e4, dy=1e4)
    model = ogcm.Model(grid, depth=np.array([[400.0, 300.0, 0.0]]), dz=[100.0, 300.0], dt=100.0)
    np.testing.assert_allclose(heights(model, "t")[1, 0], [-250.0, -200.0, -250.0])
    np.testing.assert_allclose(heights(model, "u")[1, 0], [-200.0, -250.0, -250.0])  # dry faces as full cells
    np.testing.assert_array_equal(heights(model, "t")[interior(model.grid.mask_t) > 0],
                                  interior(model.grid.z_t)[interior(model.grid.mask_t) > 0])  # fmt: skip
