"""The adjoint of the model: gradients of any scalar of a run, tests of them, and their applications.

adjoint.gradient(loss, simulation, controls)      gradient of a loss (`adjoint.losses`) with respect to controls
adjoint.tangent(simulation, perturbation)         the tangent linear model, by the complex step
adjoint.assimilate(loss, simulation, estimates)   parameters and initial states from observations (4D-Var)
adjoint.observations, adjoint.background          observations as they come, and the errors of the first guess
adjoint.cycles(...), adjoint.score(...)           window after window; runs beside observations
adjoint.gradient_check                            tests of the adjoints of operators, runs and losses
adjoint.sensitivity                               maps of what a transport, a heat content, ... depends on
adjoint.operators                                 file for file the adjoint of `ogcm.operators`

`__init__.pyi` beside this file is the table of contents; a name is imported from its module when it is first used.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
