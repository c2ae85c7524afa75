"""ogcm: a differentiable ocean general circulation model."""

from importlib import import_module

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
    "cartesian": "grid",
    "curvilinear": "grid",
    "plot": "plotting",
    "spherical": "grid",
}
__all__ = ["setups", *_HOME]


def __getattr__(name: str):
    """Import what is asked for when it is asked for: the command line must not wait for the compiler."""
    if name in _HOME:
        return getattr(import_module(f"ogcm.{_HOME[name]}"), name)
    if name == "setups":
        return import_module("ogcm.setups")
    raise AttributeError(f"module 'ogcm' has no attribute {name!r}")
