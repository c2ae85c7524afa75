"""ogcm: a differentiable ocean general circulation model."""

import warnings
from importlib import import_module

from ogcm.extensions import PACKAGES, hidden

__version__ = "0.1.0"

_HOME = {
    "BlowUpError": "errors",
    "FileError": "errors",
    "Forcing": "forcing",
    "InputError": "errors",
    "Model": "model",
    "OceanError": "errors",
    "Series": "forcing",
    "Simulation": "simulation",
    "State": "state",
    "Stepper": "stepper",
    "Term": "terms",
    "cartesian": "grid",
    "curvilinear": "grid",
    "plot": "plotting",
    "spherical": "grid",
}
__all__ = ["setups", *_HOME]

for _package in PACKAGES:
    if (_text := hidden(_package)) is not None:
        warnings.warn(_text, stacklevel=2)


def __getattr__(name: str):
    """Import what is asked for when it is asked for: the command line must not wait for the compiler."""
    if name in _HOME:
        return getattr(import_module(f"ogcm.{_HOME[name]}"), name)
    if name == "setups":
        return import_module("ogcm.setups")
    raise AttributeError(f"module 'ogcm' has no attribute {name!r}")
