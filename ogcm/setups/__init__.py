"""Configurations that are ready to run. Each is one short file, and `ogcm new` writes a copy of it to change.

A setup is a function of keyword options that returns a `Model`. `parameters` replace its physical parameters, and
further keywords its numerical choices (see `ogcm.Numerics`).
"""

from ogcm.setups.agulhas import agulhas
from ogcm.setups.baroclinic_wave import baroclinic_wave
from ogcm.setups.california_current import california_current
from ogcm.setups.channel import channel
from ogcm.setups.double_gyre import double_gyre
from ogcm.setups.geostrophic_adjustment import geostrophic_adjustment
from ogcm.setups.global_1deg import global_1deg
from ogcm.setups.global_4deg import global_4deg
from ogcm.setups.gravity_wave import gravity_wave
from ogcm.setups.inertial_oscillation import inertial_oscillation
from ogcm.setups.lock_exchange import lock_exchange
from ogcm.setups.mediterranean import mediterranean
from ogcm.setups.ocean import ocean
from ogcm.setups.papa import papa

SETUPS = {
    setup.__name__: setup
    for setup in (
        double_gyre,
        channel,
        lock_exchange,
        baroclinic_wave,
        global_4deg,
        global_1deg,
        ocean,
        papa,
        agulhas,
        california_current,
        mediterranean,
        gravity_wave,
        geostrophic_adjustment,
        inertial_oscillation,
    )
}

__all__ = ["SETUPS", *SETUPS]
