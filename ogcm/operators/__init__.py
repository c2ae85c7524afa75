"""The operators: one file for each term of the equations, with its kernels.

    layers                                              stretching of the layers, volume transports, continuity
    momentum_advection                                  advection of momentum and Coriolis force
    momentum_upwinding, vertical_upwinding              upwinding of the advection of momentum (WENO)
    pressure                                            hydrostatic pressure and its gradient
    equation_of_state, teos10                           buoyancy and stratification
    expansion                                           thermal expansion and haline contraction
    barotropic                                          substeps of the depth mean, transports of the tracers
    flather, open_boundary, nudging, volume             long waves, radiation, nudging and volume at open sides
    friction, viscosity                                 horizontal friction, viscosities that depend on the flow
    tracer_advection, tracer_diffusion                  advection and horizontal diffusion of tracers
    isoneutral, visbeck                                 isoneutral diffusion, eddy-induced advection, eddy diffusivity
    weno                                                advection of tracers by fluxes of fifth order (WENO)
    tracer_sources                                      sources and decay of further tracers
    vertical_diffusion, vertical_mixing, bottom_drag    implicit vertical terms and their coefficients
    tke                                                 turbulent kinetic energy and the mixing by it
    surface, shortwave                                  wind, fluxes of heat and fresh water, shortwave
    surface_potential                                   pressure of the air and equilibrium tide
    bulk_fluxes, radiation, longwave                    these fluxes from the state of the atmosphere
    ncar, coare, surface_layer                          the bulk algorithms, and what they share
    extrapolation                                       extrapolation of the state in time
    stencils                                            differences, means and masks that several operators share

A file holds a docstring (equation, discrete formula, source, adjoint, points that are not smooth), point functions
and kernels. All of them keep these conventions:

- Fields are (nk, nj, ni), maps (nj, ni), each with a halo of HALO = 3 cells on every side: nj = ny + 6, ni = nx + 6.
  Index order is [k, j, i]; k = 0 is the layer at the surface, i is contiguous. Quantities at the tops of the cells are
  (nk + 1, nj, ni): top k lies above cell k, and top nk is the sea floor. Coefficients that are equal in all layers are
  (1, nj, ni).
- U(j, i) is the eastern face of the cell T(j, i), V(j, i) the northern one, and F(j, i) the corner between them.
- Inputs have filled halos. "Written on the interior" leaves the halo of an output as it is.
- On land, velocities, eta and fresh water are 0. Tracers, other forcing and parameters may hold anything there, NaN
  included: kernels select by mask and never multiply such a value by 0.
- The argument `grid` comes after inputs and constants, and before outputs. "Added" means `+=`, "written" means `=`.
- Kernels accept float32, float64, and complex128 for the complex step, with a grid of the same precision.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
