"""Columns of water with turbulence, against MITgcm and against the mooring at Ocean Station Papa."""

import numpy as np
import pytest

from benchmarks.columns import (
    GASPAR,
    PACANOWSKI_PHILANDER,
    monitored,
    persistence_errors,
    read_vermix,
    surface_errors,
    vermix,
)

MIXING = {"vertical_mixing": "tke"}


def test_the_warm_layer_of_vermix_is_that_of_mitgcm(ocean_data):
    """GGL90 of MITgcm: the warmest water in each of 20 steps, after the last the currents and the change of sd(T)."""
    case = read_vermix(ocean_data("mitgcm_cases.nc"))
    found = monitored(vermix(case, {"kappa_convective": 0.0} | GASPAR, **MIXING))
    theirs = case.monitor
    assert found["theta_max"][0] == pytest.approx(theirs["theta_max"][0], abs=1e-6)
    np.testing.assert_allclose(found["theta_max"], theirs["theta_max"], atol=0.006)
    assert found["theta_max"][20] == pytest.approx(theirs["theta_max"][20], abs=0.002)  # 8.9712 degC
    change, their_change = (a["theta_sd"][20] - a["theta_sd"][0] for a in (found, theirs))
    assert change == pytest.approx(their_change, rel=0.01)
    for name in ("uvel_max", "uvel_min", "vvel_min"):
        assert found[name][20] == pytest.approx(theirs[name][20], abs=0.003), name


@pytest.mark.slow
def test_turbulence_forecasts_papa_better_than_pacanowski_and_philander(ocean_data):
    """Surface temperature after 5, 10, 30 and 120 days, with the coefficients of the literature, from 25 starts."""
    data, leads = str(ocean_data("papa_2012_2013_hourly.nc")), (5, 10, 30, 120)
    turbulence, shear = (
        np.sqrt(np.mean(surface_errors(data, leads, every=240, dt=3600.0, **options) ** 2, axis=1))
        for options in (MIXING, PACANOWSKI_PHILANDER)
    )
    assert (turbulence < 0.85 * shear).all()
    persistence = np.sqrt(np.mean(persistence_errors(data, leads, every=240) ** 2, axis=1))
    assert (turbulence < 0.85 * persistence).all()
