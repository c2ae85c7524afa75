"""The adjoint of the model: gradients of any scalar of a run, the checks that they are right, and what they are for.

adjoint.gradient(loss, simulation, controls)      of a loss (`adjoint.losses`) by controls (`adjoint.controls`)
adjoint.tangent(simulation, perturbation)         the tangent linear model, by the complex step
adjoint.gradient_check                            is all that right? of operators, runs and losses
adjoint.sensitivity                               maps of what a transport, a heat content, ... depends on
adjoint.assimilate(loss, simulation, estimates)   parameters and initial states from observations (4D-Var)
adjoint.operators                                 file for file the adjoint of `ogcm.operators`
"""

from importlib import import_module

_HOME = {"Estimate": "assimilation", "assimilate": "assimilation", "gradient": "run", "tangent": "complex_step"}
__all__ = ["Estimate", "assimilate", "gradient", "losses", "tangent"]


def __getattr__(name: str):
    """Import what is asked for when it is asked for, as `ogcm` does."""
    if name in _HOME:
        return getattr(import_module(f"adjoint.{_HOME[name]}"), name)
    if name == "losses":
        return import_module("adjoint.losses")
    raise AttributeError(f"module 'adjoint' has no attribute {name!r}")
