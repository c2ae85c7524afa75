"""Where an ocean is open: the rim, the steps inwards from it, and sides that cannot be open."""

import numpy as np
import pytest

import ogcm
from ogcm.open_sides import SIDES, inward_maps, land_beside

SHAPE = 6, 7
ALL = {side: np.ones(SHAPE[0] if SIDES[side][1] else SHAPE[1], bool) for side in SIDES}
NAMES = {"": (0, 0), "n": (1, 0), "s": (-1, 0), "e": (0, 1), "w": (0, -1)}
NAMES |= {j + i: (NAMES[j][0], NAMES[i][1]) for j in "ns" for i in "ew"}


def drawn(steps):
    """The rows of a map of steps from north to south, each step as the direction it takes, or a dot."""
    names = {step: name for name, step in NAMES.items()}
    return [" ".join(names[tuple(map(int, step))] or "." for step in row) for row in steps[:, ::-1].transpose(1, 2, 0)]


def ocean(depth=100.0, periodic_x=False, **open_sides):
    grid = ogcm.cartesian(nx=SHAPE[1], ny=SHAPE[0], dx=1e4, dy=1e4, f0=1e-4, periodic_x=periodic_x)
    return ogcm.Model(grid, depth=depth, dz=[50.0, 50.0], dt=60.0, open_sides=ogcm.OpenSides(**open_sides))


def test_an_ocean_open_on_all_sides_has_diagonal_steps_at_its_corners():
    maps = inward_maps(np.ones(SHAPE, bool), ALL)
    assert drawn(maps["t"]) == ["se s s s s s sw", *["e . . . . . w"] * 4, "ne n n n n n nw"]
    assert drawn(maps["u"]) == ["se s s s s sw .", *["e . . . . w ."] * 4, "ne n n n n nw ."]
    assert drawn(maps["v"]) == [". . . . . . .", "se s s s s s sw", *["e . . . . . w"] * 3, "ne n n n n n nw"]


def test_a_stretch_that_meets_another_side_has_a_corner():
    """The southern side begins one cell east of the western one, whose last cell would look along the rim."""
    sides = {"west": ALL["west"], "south": np.isin(np.arange(SHAPE[1]), (1, 2, 3))}
    maps = inward_maps(land_beside(np.ones(SHAPE), sides) > 0, sides)
    assert drawn(maps["t"])[-2:] == ["e . . . . . .", "ne n n n . . ."]
    assert drawn(maps["u"])[-2:] == ["e . . . . . .", "ne n n . . . ."]
    assert drawn(maps["v"])[-2:] == ["e . . . . . .", "ne n n n . . ."]


def test_an_island_on_the_rim_is_no_part_of_it():
    wet = np.ones(SHAPE, bool)
    wet[0, 3] = False
    maps = inward_maps(wet, {"south": ALL["south"]})
    assert drawn(maps["t"])[-1] == "n n n . n n n"
    assert drawn(maps["u"])[-1] == "n n . . n n ."
    assert drawn(maps["v"])[-1] == "n n n . n n n"


def test_no_rim_point_looks_at_another_one():
    rng = np.random.default_rng(0)
    for _ in range(200):
        sides = {side: stretch & (rng.uniform(size=len(stretch)) < 0.8) for side, stretch in ALL.items()}
        depth = land_beside(100.0 * (rng.uniform(size=SHAPE) < 0.8), sides)
        for point, steps in inward_maps(depth > 0, sides).items():
            rim = steps.any(axis=0)
            j, i = np.nonzero(rim)
            assert len(j), point
            assert not rim[j + steps[0, j, i], i + steps[1, j, i]].any(), point


def test_cells_of_an_open_side_that_are_not_open_are_land():
    model = ocean(west=np.arange(SHAPE[0]) < 4, south=np.arange(SHAPE[1]) > 2)
    wet = ogcm.interior(model.grid.mask_t)[0]
    assert wet[:, 0].tolist() == [1, 1, 1, 1, 0, 0]
    assert wet[0].tolist() == [1, 0, 0, 1, 1, 1, 1]
    assert wet[1:, 1:].all()


def test_faces_of_the_rim_do_not_follow_the_momentum_equations():
    grid = ocean(east=True).grid
    assert ogcm.interior(grid.moves_u).tolist() == [[1, 1, 1, 1, 1, 0, 0]] * SHAPE[0]
    assert ogcm.interior(grid.moves_v).tolist() == [[1, 1, 1, 1, 1, 1, 0]] * (SHAPE[0] - 1) + [[0] * SHAPE[1]]
    assert (ogcm.interior(grid.r_area_eta) > 0).tolist() == [[True] * 6 + [False]] * SHAPE[0]


def test_a_model_without_open_sides_has_no_rim():
    grid = ocean().grid
    assert not grid.open_sides
    assert not any(a.any() for a in (grid.inward_t, grid.inward_u, grid.inward_v))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"west": True, "periodic_x": True}, "west: a side of a periodic direction cannot be open.* periodic_x"),
        ({"north": [True, False]}, "north: needs True, False or 7 of these along the side"),
        ({"north": 1}, "north: needs True, False or 7 of these"),
        ({"north": True, "depth": np.diag([0.0, 1, 1, 1, 1, 0]) @ np.full(SHAPE, 100.0)}, "north: no water where"),
        ({"flow": "sticky"}, "flow: 'sticky' is no condition of open sides; choose from"),
        ({"west": True, "zone": -1.0}, "zone: the width of a zone"),
    ],
)
def test_what_cannot_be_open_is_reported(options, message):
    with pytest.raises(ogcm.InputError, match=message):
        ocean(**options)


def test_an_ocean_that_is_too_narrow_is_reported():
    grid = ogcm.cartesian(nx=5, ny=8, dx=1e4, dy=1e4, f0=1e-4)
    sides = ogcm.OpenSides(west=True, east=True)
    with pytest.raises(ogcm.InputError, match="west and east: the ocean has 5 cells across, and 6 are needed"):
        ogcm.Model(grid, depth=100.0, dz=[100.0], dt=60.0, open_sides=sides)
