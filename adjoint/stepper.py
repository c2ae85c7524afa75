"""The one explicit time stepper, run backwards.

`ogcm/stepper.py` in the opposite order: the stages from the last to the first, each with its tracers, its barotropic
mode and its momentum, then the slow physics. A step is first run forward again from the state at its beginning, and
everything it computed is kept; an adjoint kernel then adds what its outputs passed on to the adjoints of its inputs.

The halo of an adjoint field is filled (`exchange`) before a kernel that gathers from it reads it, as the halo of the
field itself is; what a field on a closed side's land would pass on is never used.
"""

import numpy as np

from adjoint.clear import clear
from adjoint.operators.barotropic import (
    barotropic_substeps_ad,
    depth_mean_ad,
    slow_forcing_ad,
    take_depth_mean_ad,
    tracer_transports_ad,
)
from adjoint.operators.bottom_drag import bottom_drag_ad
from adjoint.operators.equation_of_state import EQUATIONS_OF_STATE_AD
from adjoint.operators.extrapolation import extrapolate_ad
from adjoint.operators.friction import stress_divergence_ad
from adjoint.operators.layers import continuity_ad, stretch_ad, transports_ad
from adjoint.operators.momentum_advection import VORTICITY_AD, potential_vorticity_ad
from adjoint.operators.pressure import hydrostatic_pressure_ad, pressure_gradient_ad
from adjoint.operators.surface import hold_above_freezing_ad, surface_flux_ad, wind_stress_ad
from adjoint.operators.tracer_advection import ADVECTION_AD
from adjoint.operators.tracer_diffusion import diffuse_tracer_ad, tracer_laplacian_ad
from adjoint.operators.vertical_diffusion import advance_tracer_ad, advance_u_ad, advance_v_ad
from adjoint.operators.vertical_mixing import constant_mixing_ad, richardson_mixing_ad
from adjoint.operators.viscosity import leith_ad, smagorinsky_ad
from adjoint.state import Gradient
from ogcm.device import Graphs, zeros
from ogcm.forcing import Fluxes
from ogcm.halo import exchange
from ogcm.model import Model
from ogcm.operators.barotropic import take_depth_mean
from ogcm.operators.friction import stress_divergence
from ogcm.operators.tracer_diffusion import tracer_laplacian
from ogcm.state import State, Stretching, Tendencies
from ogcm.stepper import Stepper, Work

Array = np.ndarray


class AdjointStepper:
    """Runs single steps of `model` backwards; owns its work arrays, four to five times those of a run."""

    def __init__(self, model: Model, *, graphs: bool = True) -> None:
        """`graphs` as for a Stepper."""
        self.model, self.forward = model, Stepper(model, kept=True, graphs=graphs)
        self.graphs = Graphs() if graphs and model.device == "cuda" else None
        grid, dtype = model.grid, model.state.u.dtype
        shape, plane = grid.h_t.shape, grid.depth_t.shape
        interfaces = (shape[0] + 1, *shape[1:])

        def fields(number: int, size: tuple[int, ...]) -> tuple[Array, ...]:
            return tuple(zeros(grid.h_t, size, dtype) for _ in range(number))

        self.states_ad = [State.zeros(grid, dtype) for _ in self.forward.states]
        self.y_ad = State.zeros(grid, dtype) if self.forward.between else None  # of the extrapolated state
        # Of the step: they gather from all stages.
        self.D_u_ad, self.D_v_ad, self.D_T_ad, self.D_S_ad = fields(4, shape)
        self.nu_v_ad, self.kappa_v_ad, self.N2_ad = fields(3, interfaces)
        self.drag_u_ad, self.drag_v_ad, self.heat_ad, self.D_eta_ad = fields(4, plane)
        self.D_ad = Tendencies(self.D_u_ad, self.D_v_ad, self.D_eta_ad, self.D_T_ad, self.D_S_ad)
        self.bar_ad, self.s_old_ad = fields(2, plane), Stretching(*fields(4, plane))
        # Of a stage: zeroed before each.
        self.G_u_ad, self.G_v_ad, self.G_ad, self.U_ad, self.V_ad, self.b_ad, self.p_ad, self.q_ad = fields(8, shape)
        (self.W_ad,) = fields(1, interfaces)
        self.F_u_ad, self.F_v_ad, self.U_mean_ad, self.V_mean_ad = fields(4, plane)
        self.new_bar_ad, self.star_ad = fields(2, plane), fields(2, plane)
        self.s_y_ad, self.s_new_ad = Stretching(*fields(4, plane)), Stretching(*fields(4, plane))
        self.nu_ad, self.L_u_ad, self.L_v_ad = fields(3, shape)
        (self.one_ad,) = fields(1, (1, *plane))
        (self.eos_ad,) = fields(1, (len(model.parameters["eos"]), *plane))
        most = max(len(a) for a, _ in self.forward.weights)
        (self.history,) = fields(1, (5, most + 1, *plane))

    def step(self, n: State, new_ad: State, gradient: Gradient) -> None:
        """Take the step from n with everything kept, then run it `back`."""
        self.forward.advance(n)
        self.back(self.forward, n, new_ad, gradient)

    def back(self, forward: Stepper, n: State, new_ad: State, gradient: Gradient) -> None:
        """From `new_ad`, the adjoint of the state after n, to all that it depends on, added to `gradient`.

        With ab2, whatever `new_ad.previous` holds is of n itself and must be in `gradient.state` already; what this
        step passes on to the state before n goes to `gradient.state.previous`, or to n itself where that is None.
        """
        self.forward, fluxes, g = forward, forward.fluxes(n), gradient
        if self.model.numerics.dynamics == "none":
            self.corrected(n, fluxes, new_ad, gradient)
            return
        if self.graphs is None:
            self.physics(n, new_ad, fluxes, gradient)
        else:
            arrays = (*n.all_arrays(), *forward.states[-1].all_arrays(), *new_ad.all_arrays(), *fluxes)
            arrays += (*g.state.all_arrays(), *g.fluxes, *g.parameters.values())
            self.graphs.run("back", arrays, lambda: self.physics(n, new_ad, fluxes, gradient))
        g.parameters["eos"][...] += self.eos_ad.sum(axis=(1, 2))
        self.add_terms(n, fluxes, gradient)

    def add_terms(self, n: State, fluxes: Fluxes, gradient: Gradient) -> None:
        """From D to all that the model's terms depend on."""
        for name, term in self.model.terms.items():
            term.add_ad(self.model, n, fluxes, self.D_ad, gradient.of(name))

    def physics(self, n: State, new_ad: State, fluxes: Fluxes, gradient: Gradient) -> None:
        """All but the model's terms; what the columns pass on to the coefficients of sea water is left in `eos_ad`."""
        forward, dt = self.forward, self.model.numerics.dt
        clear(self.D_u_ad, self.D_v_ad, self.D_T_ad, self.D_S_ad, self.nu_v_ad, self.kappa_v_ad)
        clear(self.drag_u_ad, self.drag_v_ad, *self.bar_ad, *self.s_old_ad, self.eos_ad)
        extrapolated = bool(forward.integrator.extrapolation)
        first, first_ad = (forward.between, self.y_ad) if extrapolated else (n, gradient.state)
        for state_ad in (*self.states_ad[:-1], *[first_ad] * extrapolated):
            clear(*state_ad.arrays().values())
        for name, a in self.states_ad[-1].arrays().items():
            a[...] = getattr(new_ad, name)
            if name not in self.model.numerics.stepped:
                getattr(gradient.state, name)[...] += np.where(self.model.grid.mask_t, a, 0)
        befores = [first, *forward.states[:-1]]
        befores_ad = [first_ad, *self.states_ad[:-1]]
        for m in reversed(range(len(befores))):
            self.stage(
                n, befores[m], forward.states[m], forward.integrator.fractions[m] * dt, fluxes, forward.weights[m],
                forward.works[m], gradient, befores_ad[m], self.states_ad[m],
            )  # fmt: skip
        if extrapolated:
            self.extrapolated(n, gradient)
        self.slow_physics(n, fluxes, gradient)
        grid, n_ad = self.model.grid, gradient.state
        depth_mean_ad(n.u, n.v, grid, *self.bar_ad, n_ad.u, n_ad.v)
        exchange(grid, *self.s_old_ad)
        stretch_ad(n.eta, grid, *self.s_old_ad, n_ad.eta)

    def corrected(self, n: State, fluxes: Fluxes, new_ad: State, gradient: Gradient) -> None:
        """Of a step without dynamics: from n + dt N(n) to n and the terms."""
        grid, stepped = self.model.grid, self.model.numerics.stepped
        dt = grid.h_t.dtype.type(self.model.numerics.dt)
        for name, D_ad in self.D_ad._asdict().items():
            D_ad[...] = dt * (getattr(new_ad, name) / self.forward.thickness(name)) if name in stepped else 0
            getattr(gradient.state, name)[...] += getattr(new_ad, name)
        exchange(grid, *self.D_ad)
        self.add_terms(n, fluxes, gradient)

    def extrapolated(self, n: State, gradient: Gradient) -> None:
        """From y to n and the state before; where there was none, it was a copy of n."""
        e = n.u.dtype.type(self.forward.integrator.extrapolation)
        previous, previous_ad = n.previous or n, gradient.state.previous or gradient.state
        for name, y_ad in self.y_ad.arrays().items():
            arrays = [getattr(n, name), getattr(previous, name), y_ad]
            arrays += [getattr(gradient.state, name), getattr(previous_ad, name)]
            x, before, y_ad, x_ad, before_ad = (a[None] if a.ndim == 2 else a for a in arrays)
            extrapolate_ad(x, before, e, y_ad, x_ad, before_ad)

    def stage(
        self, n: State, y: State, s: State, dt: float, fluxes: Fluxes, weights: tuple, work: Work,
        gradient: Gradient, y_ad: State, s_ad: State,
    ) -> None:  # fmt: skip
        """From s_ad to y_ad, the state n and the slow physics."""
        grid, n_ad = self.model.grid, gradient.state
        dt = grid.h_t.dtype.type(dt)
        clear(self.G_u_ad, self.G_v_ad, self.U_ad, self.V_ad, self.W_ad, self.b_ad, self.p_ad, self.q_ad)
        clear(self.F_u_ad, self.F_v_ad, self.U_mean_ad, self.V_mean_ad)
        clear(*self.new_bar_ad, *self.star_ad, *self.s_y_ad, *self.s_new_ad)
        if self.model.numerics.has_tracers:
            self.tracers(n, y, s, dt, fluxes, gradient, work, y_ad, s_ad)
        self.barotropic_mode(n, y, dt, fluxes, weights, gradient, work, y_ad, s_ad)
        # The depth mean taken back gives the velocities that the momentum equations gave: s is not read any more.
        take_depth_mean(*work.bar, *work.bar_star, grid, s.u, s.v)
        moved_u = (self.G_u_ad, self.D_u_ad, self.nu_v_ad, self.drag_u_ad, self.s_y_ad.u)
        moved_v = (self.G_v_ad, self.D_v_ad, self.nu_v_ad, self.drag_v_ad, self.s_y_ad.v)
        slow, s_y = self.forward, work.s_y
        advance_u_ad(s.u, slow.nu_v, slow.drag_u, s_y.u, dt, grid, s_ad.u, n_ad.u, *moved_u, self.W_ad)
        advance_v_ad(s.v, slow.nu_v, slow.drag_v, s_y.v, dt, grid, s_ad.v, n_ad.v, *moved_v, self.W_ad)
        clear(self.U_ad, self.V_ad, self.W_ad)
        self.momentum_tendencies(y, fluxes, gradient, work, y_ad)
        exchange(grid, *self.s_y_ad)
        stretch_ad(y.eta, grid, *self.s_y_ad, y_ad.eta)

    def tracers(
        self, n: State, y: State, s: State, dt: float, fluxes: Fluxes, gradient: Gradient, work: Work,
        y_ad: State, s_ad: State,
    ) -> None:  # fmt: skip
        """From T and S to the tracers before and the transports, and through these to the velocities."""
        numerics, grid, n_ad, forward = self.model.numerics, self.model.grid, gradient.state, self.forward
        flow, flow_ad = (work.U_T, work.V_T, work.W_T), (self.U_ad, self.V_ad, self.W_ad)
        carry = ADVECTION_AD[numerics.advection]
        for name, D_ad in (("T", self.D_T_ad), ("S", self.D_S_ad)):
            old, old_ad = getattr(n, name), getattr(n_ad, name)
            clear(self.G_ad)
            advance_tracer_ad(
                getattr(s, name), old, forward.s_old.t, forward.kappa_v, work.s_new.t, dt, grid, getattr(s_ad, name),
                old_ad, self.s_old_ad.t, self.G_ad, D_ad, self.kappa_v_ad, self.s_new_ad.t,
            )  # fmt: skip
            exchange(grid, self.G_ad)
            from_old = numerics.advection == "monotone"
            carried, carried_ad = (old, old_ad) if from_old else (getattr(y, name), getattr(y_ad, name))
            carry(carried, *flow, dt, grid, self.G_ad, carried_ad, *flow_ad)
        exchange(grid, *self.s_new_ad, self.W_ad)
        stretch_ad(s.eta, grid, *self.s_new_ad, s_ad.eta)
        fresh_ad = gradient.fluxes.fresh_water
        continuity_ad(*flow[:2], fluxes.fresh_water, grid, self.W_ad, self.U_ad, self.V_ad, fresh_ad)
        share = grid.h_t.dtype.type(forward.integrator.share)
        tracer_transports_ad(
            n.u, n.v, s.u, s.v, *forward.bar, *work.bar, work.U_mean, work.V_mean, work.s_y.u, work.s_y.v, share,
            grid, self.U_ad, self.V_ad, n_ad.u, n_ad.v, s_ad.u, s_ad.v, *self.bar_ad, *self.new_bar_ad,
            self.U_mean_ad, self.V_mean_ad, self.s_y_ad.u, self.s_y_ad.v,
        )  # fmt: skip

    def barotropic_mode(
        self, n: State, y: State, dt: float, fluxes: Fluxes, weights: tuple, gradient: Gradient, work: Work,
        y_ad: State, s_ad: State,
    ) -> None:  # fmt: skip
        """From the surface and the depth mean to the velocities that the momentum equations gave."""
        grid, forward, star_ad = self.model.grid, self.forward, self.star_ad
        F, F_ad, bar = (work.F_u, work.F_v), (self.F_u_ad, self.F_v_ad), self.forward.bar
        take_depth_mean_ad(grid, s_ad.u, s_ad.v, *star_ad, *self.new_bar_ad)
        exchange(grid, s_ad.eta)
        history = self.history[:, : len(weights[0]) + 1]
        barotropic_substeps_ad(
            n.eta, *bar, *F, fluxes.fresh_water, *weights, dt, forward.coefficients, history, grid,
            s_ad.eta, *self.new_bar_ad, self.U_mean_ad, self.V_mean_ad,
            gradient.state.eta, *self.bar_ad, *F_ad, gradient.fluxes.fresh_water,
        )  # fmt: skip
        exchange(grid, *F_ad)
        slow_forcing_ad(*work.bar_star, *bar, y.eta, dt, grid, *F_ad, *star_ad, *self.bar_ad, y_ad.eta)
        depth_mean_ad(s_ad.u, s_ad.v, grid, *star_ad, s_ad.u, s_ad.v)

    def momentum_tendencies(self, y: State, fluxes: Fluxes, gradient: Gradient, work: Work, y_ad: State) -> None:
        """From G_u, G_v to the state y."""
        numerics, grid, p = self.model.numerics, self.model.grid, self.model.parameters
        G_ad, s, s_ad = (self.G_u_ad, self.G_v_ad), work.s_y, self.s_y_ad
        exchange(grid, *G_ad)
        pressure_gradient_ad(work.p, work.b, y.eta, s.t, grid, *G_ad, self.p_ad, self.b_ad, y_ad.eta, s_ad.t)
        hydrostatic_pressure_ad(work.b, y.eta, s.t, grid, self.p_ad, self.b_ad, y_ad.eta, s_ad.t)
        if numerics.has_tracers:
            equation = EQUATIONS_OF_STATE_AD[numerics.equation_of_state]
            equation.buoyancy_points(y.T, y.S, p["eos"], grid, self.b_ad, y_ad.T, y_ad.S, self.eos_ad)
        flow, flow_ad = (work.U, work.V, work.W), (self.U_ad, self.V_ad, self.W_ad)
        turn = VORTICITY_AD[numerics.vorticity]
        turn(y.u, y.v, *flow, work.q, s.u, s.v, grid, *G_ad, y_ad.u, y_ad.v, *flow_ad, self.q_ad, s_ad.u, s_ad.v)
        exchange(grid, self.q_ad, self.W_ad)
        potential_vorticity_ad(work.q, s.f, grid, self.q_ad, y_ad.u, y_ad.v, s_ad.f)
        fresh_ad = gradient.fluxes.fresh_water
        continuity_ad(*flow[:2], fluxes.fresh_water, grid, self.W_ad, self.U_ad, self.V_ad, fresh_ad)
        transports_ad(y.u, y.v, s.u, s.v, grid, self.U_ad, self.V_ad, y_ad.u, y_ad.v, s_ad.u, s_ad.v)

    def slow_physics(self, n: State, fluxes: Fluxes, gradient: Gradient) -> None:
        """From D, the mixing coefficients and the drag to the state n, the forcing and the parameters."""
        grid, n_ad, fluxes_ad, s = self.model.grid, gradient.state, gradient.fluxes, self.forward.s_old
        exchange(grid, self.D_u_ad, self.D_v_ad, self.drag_u_ad, self.drag_v_ad)
        if self.model.numerics.has_tracers:
            self.tracer_sources(n, fluxes, gradient)
        p, p_ad = self.model.parameters, gradient.parameters
        drag = (p["drag_linear"], p["drag_quadratic"])
        drag_ad = (p_ad["drag_linear"], p_ad["drag_quadratic"])
        bottom_drag_ad(n.u, n.v, *drag, grid, self.drag_u_ad, self.drag_v_ad, n_ad.u, n_ad.v, *drag_ad)
        self.mixing_coefficients(n, gradient)
        self.friction(n, gradient)
        stress, stress_ad = (fluxes.tau_x, fluxes.tau_y), (fluxes_ad.tau_x, fluxes_ad.tau_y)
        stretched_ad = (self.s_old_ad.u, self.s_old_ad.v)
        wind_stress_ad(*stress, s.u, s.v, grid, self.D_u_ad, self.D_v_ad, *stress_ad, *stretched_ad)

    def friction(self, n: State, gradient: Gradient) -> None:
        """From D_u, D_v through horizontal friction."""
        numerics, grid, p = self.model.numerics, self.model.grid, self.model.parameters
        n_ad, p_ad, forward, D_ad = gradient.state, gradient.parameters, self.forward, (self.D_u_ad, self.D_v_ad)
        work = (self.G_u_ad, self.G_v_ad)  # behind the stages their memory is free
        if numerics.friction == "none":
            return
        if numerics.friction == "biharmonic":
            clear(self.L_u_ad, self.L_v_ad)
            minus_ad = np.zeros_like(p["nu4_h"])
            forward.L_u.fill(0)
            forward.L_v.fill(0)
            stress_divergence(n.u, n.v, forward.one, grid, forward.L_u, forward.L_v)
            exchange(grid, forward.L_u, forward.L_v)
            L_ad = (self.L_u_ad, self.L_v_ad)
            stress_divergence_ad(forward.L_u, forward.L_v, -p["nu4_h"], grid, *D_ad, *L_ad, minus_ad, *work)
            p_ad["nu4_h"][...] -= minus_ad
            exchange(grid, *L_ad)
            stress_divergence_ad(n.u, n.v, forward.one, grid, *L_ad, n_ad.u, n_ad.v, self.one_ad, *work)
        if numerics.viscosity == "constant":
            stress_divergence_ad(n.u, n.v, p["nu_h"], grid, *D_ad, n_ad.u, n_ad.v, p_ad["nu_h"], *work)
            return
        clear(self.nu_ad)
        stress_divergence_ad(n.u, n.v, forward.nu, grid, *D_ad, n_ad.u, n_ad.v, self.nu_ad, *work)
        exchange(grid, self.nu_ad)
        clear(*work)
        flow_dependent_ad, arrays = {"smagorinsky": (smagorinsky_ad, 1), "leith": (leith_ad, 2)}[numerics.viscosity]
        coefficient, coefficient_ad = p[numerics.viscosity], p_ad[numerics.viscosity]
        flow_dependent_ad(
            n.u, n.v, p["nu_h"], coefficient, grid, self.nu_ad,
            n_ad.u, n_ad.v, p_ad["nu_h"], coefficient_ad, *work[:arrays],
        )  # fmt: skip

    def mixing_coefficients(self, n: State, gradient: Gradient) -> None:
        """From nu_v and kappa_v to the stratification, the shear and the parameters."""
        numerics, grid, p = self.model.numerics, self.model.grid, self.model.parameters
        n_ad, p_ad, N2 = gradient.state, gradient.parameters, self.forward.N2
        names = ("nu_v", "kappa_v", "kappa_convective")
        background, background_ad = (p[name] for name in names), (p_ad[name] for name in names)
        out_ad = (self.nu_v_ad, self.kappa_v_ad)
        if numerics.vertical_mixing == "constant":  # which passes nothing on to N2
            constant_mixing_ad(N2, *background, grid, *out_ad, self.N2_ad, *background_ad)
            return
        names = ("nu_richardson", "alpha_richardson")
        shear, shear_ad = (p[name] for name in names), (p_ad[name] for name in names)
        clear(self.N2_ad, self.W_ad)
        richardson_mixing_ad(
            n.u, n.v, N2, *background, *shear, grid, *out_ad,
            n_ad.u, n_ad.v, self.N2_ad, *background_ad, *shear_ad, self.W_ad,
        )  # fmt: skip
        if numerics.has_tracers:
            equation = EQUATIONS_OF_STATE_AD[numerics.equation_of_state]
            equation.stratification_points(n.T, n.S, p["eos"], grid, self.N2_ad, n_ad.T, n_ad.S, self.eos_ad)

    def tracer_sources(self, n: State, fluxes: Fluxes, gradient: Gradient) -> None:
        """From D_T, D_S to the surface fluxes and through diffusion."""
        numerics, grid = self.model.numerics, self.model.grid
        n_ad, fluxes_ad, nonlinear = gradient.state, gradient.fluxes, float(grid.nonlinear)
        exchange(grid, self.D_T_ad, self.D_S_ad)
        heat = fluxes.heat_flux / grid.h_t.dtype.type(numerics.heat_per_volume)
        held = self.forward.held if numerics.freezing else heat
        for name, D_ad, flux, share in (
            ("T", self.D_T_ad, held, nonlinear),
            ("S", self.D_S_ad, np.zeros_like(heat), nonlinear - 1),
        ):
            tracer, tracer_ad, share = getattr(n, name), getattr(n_ad, name), grid.h_t.dtype.type(share)
            self.diffusion(tracer, D_ad, tracer_ad, gradient)
            clear(self.heat_ad)
            restoring = (getattr(fluxes, f"{name}_star"), getattr(fluxes, f"rate_{name}"))
            restoring_ad = (getattr(fluxes_ad, f"{name}_star"), getattr(fluxes_ad, f"rate_{name}"))
            surface_flux_ad(
                tracer, flux, *restoring, fluxes.fresh_water, share, grid, D_ad,
                tracer_ad, self.heat_ad, *restoring_ad, fluxes_ad.fresh_water,
            )  # fmt: skip
            if name == "T":
                self.heat(n, heat, gradient)

    def heat(self, n: State, heat: Array, gradient: Gradient) -> None:
        """From the heat that entered to the heat flux."""
        grid, p, p_ad = self.model.grid, self.model.parameters, gradient.parameters
        heat_ad = self.heat_ad
        if self.model.numerics.freezing:
            heat_ad = np.zeros_like(self.heat_ad)
            freezing, freezing_ad = p["T_freezing"], p_ad["T_freezing"]
            hold_above_freezing_ad(n.T, heat, freezing, grid, self.heat_ad, gradient.state.T, heat_ad, freezing_ad)
        gradient.fluxes.heat_flux[...] += heat_ad / grid.h_t.dtype.type(self.model.numerics.heat_per_volume)

    def diffusion(self, T: Array, D_ad: Array, T_ad: Array, gradient: Gradient) -> None:
        """From D through horizontal diffusion."""
        numerics, grid, p, p_ad = self.model.numerics, self.model.grid, self.model.parameters, gradient.parameters
        if numerics.diffusion == "none":
            return
        if numerics.diffusion == "biharmonic":
            L, minus_ad = self.forward.L_u, np.zeros_like(p["kappa4_h"])
            clear(self.L_u_ad)
            tracer_laplacian(T, grid, L)
            exchange(grid, L)
            diffuse_tracer_ad(L, -p["kappa4_h"], grid, D_ad, self.L_u_ad, minus_ad)
            p_ad["kappa4_h"][...] -= minus_ad
            exchange(grid, self.L_u_ad)
            tracer_laplacian_ad(T, grid, self.L_u_ad, T_ad)
        diffuse_tracer_ad(T, p["kappa_h"], grid, D_ad, T_ad, p_ad["kappa_h"])
