"""The one explicit time stepper.

A step begins with the slow physics of the state n: everything that dissipates, mixes, forces or is learned,

    D = wind + friction + terms,   D_T = surface fluxes + diffusion + terms,   nu_v, kappa_v, bottom drag

where the terms are those that a model was given (`ogcm.terms`), the neural corrector for one. It stays for the whole
step. Then an integrator, a list of stages, carries the dynamics. A stage starts from n,
evaluates advection and pressure at a state y that is already known, and arrives at a state s after a fraction c
of the step:

    s = n + c dt [ G(y) + D(n) + vertical mixing of s ]

with y = n in the first stage and the s before in the others (Wicker and Skamarock 2002, doi
10.1175/1520-0493(2002)130<2088:TSMFEM>2.0.CO;2; Jameson, Schmidt and Turkel 1981), or with
y = n + (1/2 + 0.1) (n - n before) in the one stage of Adams-Bashforth 2. Within a stage:

    1  momentum      u* = u_n + c dt (G_u + D_u), then vertical friction and drag, implicitly
    2  barotropic    substeps of eta, u_bar, v_bar from n; their averages become the depth mean of u*
    3  tracers       carried by (1 - share) u_n + share u_s with the averaged barotropic transports, then
                     vertical diffusion, implicitly

Since each stage holds all terms, a steady state of the equations is one of the step, whatever dt. D costs once
what three stages would cost three times (a network above all), and dissipation, explicit from n, is of first
order in time, as in most ocean models.

Carrying tracers with the new velocity (share > 0) lets internal waves step forward-backward: with
share 1/2 a wave may turn by omega dt = 2.45 in a step of rk3, instead of 1.73, and the step is of
second order. Table and derivation: docs/numerics.md.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ogcm.device import Graphs, put, zeros
from ogcm.forcing import Fluxes
from ogcm.grid import Grid
from ogcm.halo import exchange
from ogcm.integrators import INTEGRATORS
from ogcm.model import Model
from ogcm.operators.barotropic import (
    COEFFICIENTS,
    barotropic_substeps,
    depth_mean,
    slow_forcing,
    take_depth_mean,
    tracer_transports,
)
from ogcm.operators.bottom_drag import bottom_drag
from ogcm.operators.equation_of_state import EQUATIONS_OF_STATE
from ogcm.operators.extrapolation import extrapolate
from ogcm.operators.friction import stress_divergence
from ogcm.operators.layers import continuity, stretch, transports
from ogcm.operators.momentum_advection import VORTICITY, potential_vorticity
from ogcm.operators.pressure import hydrostatic_pressure, pressure_gradient
from ogcm.operators.surface import hold_above_freezing, surface_flux, wind_stress
from ogcm.operators.tracer_advection import ADVECTION
from ogcm.operators.tracer_diffusion import diffuse_tracer, tracer_laplacian
from ogcm.operators.vertical_diffusion import (
    advance_tracer,
    advance_tracer_single,
    advance_u,
    advance_v,
    dither_turns,
)
from ogcm.operators.vertical_mixing import constant_mixing, richardson_mixing
from ogcm.operators.viscosity import leith, smagorinsky
from ogcm.stability import barotropic_steps, check_numerics, substep_weights
from ogcm.state import PROGNOSTIC, State, Stretching, Tendencies
from ogcm.terms import check_terms

Array = np.ndarray


class Work:
    """What a stage computes on its way. A run has one for all stages; `kept` for the adjoint, it overwrites nothing."""

    def __init__(self, grid: Grid, dtype: np.dtype, kept: bool) -> None:
        shape, plane = grid.h_t.shape, grid.depth_t.shape
        interfaces = (shape[0] + 1, *shape[1:])

        def fields(number: int, size: tuple[int, ...]) -> tuple[Array, ...]:
            return tuple(zeros(grid.h_t, size, dtype) for _ in range(number))

        self.s_y, self.s_new = Stretching.ones(grid, dtype), Stretching.ones(grid, dtype)
        self.G_u, self.G_v, self.U, self.V, self.b, self.q = fields(6, shape)
        (self.W,) = fields(1, interfaces)
        self.F_u, self.F_v, self.U_mean, self.V_mean = fields(4, plane)
        self.bar, self.bar_star = fields(2, plane), fields(2, plane)
        # Memory that serves in turn: what is left of one name is not read any more when the other is written.
        self.p, self.G_T, self.G_S = self.q, self.b, self.b
        self.U_T, self.V_T, self.W_T = self.U, self.V, self.W  # the transports of the tracers
        if kept:
            self.p, self.G_T, self.G_S, self.U_T, self.V_T = fields(5, shape)
            (self.W_T,) = fields(1, interfaces)


class Stepper:
    """Advances `model.state`; owns every work array, so that a step allocates nothing."""

    def __init__(self, model: Model, *, kept: bool = False, graphs: bool = True) -> None:
        """With `kept`, all that the last step computed stays to be read, for the adjoint.

        On a GPU a step is launched as one of `graphs`, unless they are not wanted. Raises InputError for a term of the
        model that is none, and for a step that is too long for the model's rotation, mixing or surface waves.
        """
        check_terms(model.terms)
        if not kept:  # the adjoint repeats steps of a run whose model was checked before
            check_numerics(model)
        self.model = model
        self.integrator = INTEGRATORS[model.numerics.integrator]
        grid, dtype = model.grid, model.state.u.dtype
        shape, plane = grid.h_t.shape, grid.depth_t.shape
        interfaces = (shape[0] + 1, *shape[1:])

        def fields(number: int, size: tuple[int, ...]) -> tuple[Array, ...]:
            return tuple(zeros(grid.h_t, size, dtype) for _ in range(number))

        stages = len(self.integrator.fractions)
        self.works = [Work(grid, dtype, kept) for _ in range(stages if kept else 1)]
        self.states = [State.zeros(grid, dtype) for _ in self.works]  # at the end of each stage
        if not kept:
            self.works, self.states = self.works * stages, self.states * stages
        self.between = State.zeros(grid, dtype) if self.integrator.extrapolation else None
        self.s_old = Stretching.ones(grid, dtype)
        self.bar = fields(2, plane)
        self.D_u, self.D_v, self.D_T, self.D_S = fields(4, shape)
        self.nu_v, self.kappa_v = fields(2, interfaces)
        self.drag_u, self.drag_v, self.heat, self.held, self.D_eta, self.nothing = fields(6, plane)
        self.D = Tendencies(self.D_u, self.D_v, self.D_eta, self.D_T, self.D_S)
        (self.dither,), self.turns = fields(1, shape[:1]), put(dither_turns(shape[0]), model.device)
        (self.coefficients,), (self.instant,) = fields(1, (COEFFICIENTS, *plane)), fields(1, (5, 1, *plane))
        self.one = np.ones_like(grid.h_t, dtype, shape=(1, *plane))
        # Before the stages, their memory and D_T are free.
        work = self.works[0]
        self.N2, self.nu, self.L_u, self.L_v = work.W, self.D_T, work.G_u, work.G_v
        if kept:
            (self.N2,) = fields(1, interfaces)
            self.nu, self.L_u, self.L_v = fields(3, shape)
        self.minus: dict[str, Array] = {}  # parameters with the other sign
        self.begins = True
        self.graphs = Graphs() if graphs and model.device == "cuda" else None
        self.sent: dict[str, Array] = {}  # what varies of the forcing, where the graphs read it
        self.weights = [self.substep_weights(c) for c in self.integrator.fractions]

    def substep_weights(self, fraction: float) -> tuple[Array, Array]:
        """Averaging weights of the barotropic substeps in a stage of length fraction * dt."""
        a, b = substep_weights(barotropic_steps(self.model), fraction)
        return a.astype(self.model.grid.h_t.dtype), b.astype(self.model.grid.h_t.dtype)

    def step(self) -> None:
        """Advance the model's state by one time step, in place.

        Before the first, the state is made ready (`State.settle`): raises InputError for wrong shapes.
        """
        n = self.model.state
        if self.begins:
            n.settle(self.model.grid)
            self.begins = False
        new = self.advance(n)
        if self.integrator.extrapolation and n.previous is None:
            n.previous = n.copy()
        if n.previous is not None:
            for name in PROGNOSTIC:  # the state before last gives its memory to the next new one
                spare = getattr(n.previous, name)
                setattr(n.previous, name, getattr(n, name))
                setattr(n, name, getattr(new, name))
                setattr(new, name, spare)
            n.previous.time, n.previous.step = n.time, n.step
        else:
            for name in PROGNOSTIC:
                old = getattr(n, name)
                setattr(n, name, getattr(new, name))
                setattr(new, name, old)
        n.step += 1
        n.time += self.model.numerics.dt

    def advance(self, n: State) -> State:
        """The state one step after n, in the memory of the stepper; n stays as it is, and gives what is not stepped."""
        fluxes = self.fluxes(n)
        if self.model.numerics.precision == "float32":
            self.dither[...] = (n.step + 1) * self.turns % 1
        for name in PROGNOSTIC:
            if name not in self.model.numerics.stepped:
                setattr(self.states[-1], name, getattr(n, name))
        if self.model.numerics.dynamics == "none":
            self.corrected(n, fluxes)
            return self.states[-1]
        self.recorded("slow physics", n, fluxes, lambda: self.slow_physics(n, fluxes))
        self.add_terms(n, fluxes)
        self.recorded("stages", n, fluxes, lambda: self.stages(n, fluxes))
        return self.states[-1]

    def add_terms(self, n: State, fluxes: Fluxes) -> None:
        """Adds what the model's terms say to D."""
        for term in self.model.terms.values():
            term.add(self.model, n, fluxes, self.D)

    def recorded(self, name: str, n: State, fluxes: Fluxes, work: Callable[[], None]) -> None:
        """Do a part of the step, on a GPU as a graph."""
        if self.graphs is None:
            work()
        else:
            arrays = (*n.all_arrays(), *self.states[-1].all_arrays(), *fluxes, *self.model.parameters.values())
            self.graphs.run(name, arrays, work)

    def fluxes(self, n: State) -> Fluxes:
        """The forcing in the middle of the step that begins at n; for graphs, in arrays that are always the same."""
        forcing = self.model.forcing
        fluxes = forcing.at(n.time + 0.5 * self.model.numerics.dt)
        if self.graphs is None:
            return fluxes
        for name in (*forcing.series, *forcing.functions):
            if name not in self.sent:
                self.sent[name] = np.empty_like(getattr(fluxes, name))
            self.sent[name][...] = getattr(fluxes, name)
        return fluxes._replace(**self.sent)

    def stages(self, n: State, fluxes: Fluxes) -> None:
        """The dynamics, from n to the last of `states`."""
        dt, y = self.model.numerics.dt, self.extrapolated(n) if self.integrator.extrapolation else n
        stages = zip(self.integrator.fractions, self.weights, self.works, self.states, strict=True)
        for fraction, weights, work, s in stages:
            self.stage(n, y, s, fraction * dt, fluxes, weights, work)
            y = s

    def after(self, n: State) -> State:
        """The state that `advance` made of n; it shares the memory of the stepper and of n."""
        previous = replace(n, previous=None) if self.integrator.extrapolation else None
        time = n.time + self.model.numerics.dt
        return State(**self.states[-1].arrays(), time=time, step=n.step + 1, previous=previous)

    def corrected(self, n: State, fluxes: Fluxes) -> None:
        """n + dt N(n): without dynamics the terms alone move the state."""
        grid, s, D, stepped = self.model.grid, self.states[-1], self.D._asdict(), self.model.numerics.stepped
        dt = grid.h_t.dtype.type(self.model.numerics.dt)
        for tendency in D.values():
            tendency.fill(0)
        self.add_terms(n, fluxes)
        for name in stepped:
            getattr(s, name)[...] = getattr(n, name) + dt * (D[name] / self.thickness(name))
        exchange(grid, *(getattr(s, name) for name in stepped))

    def thickness(self, name: str) -> Array | int:
        """What the tendency of a field is weighted with: of tracers the resting thickness, 1 on land."""
        grid = self.model.grid
        return np.where(grid.mask_t, grid.h_t, grid.h_t.dtype.type(1)) if name in ("T", "S") else 1

    def extrapolated(self, n: State) -> State:
        """The state in the middle of the step, from n and the one before (without one, in Euler's manner, from n)."""
        previous = n.previous or n
        e = n.u.dtype.type(self.integrator.extrapolation)
        for name, now in n.arrays().items():
            before, out = getattr(previous, name), getattr(self.between, name)
            if now.ndim == 2:
                now, before, out = now[None], before[None], out[None]
            extrapolate(now, before, e, out)
        return self.between

    def slow_physics(self, n: State, fluxes: Fluxes) -> None:
        """Layers and depth mean of n, and D_u, D_v, D_T, D_S, nu_v, kappa_v and bottom drag, without the terms."""
        grid, s = self.model.grid, self.s_old
        stretch(n.eta, grid, *s)
        depth_mean(n.u, n.v, grid, *self.bar)
        self.D_u.fill(0)
        self.D_v.fill(0)
        wind_stress(fluxes.tau_x, fluxes.tau_y, s.u, s.v, grid, self.D_u, self.D_v)
        self.friction(n)
        self.mixing_coefficients(n)
        if self.model.numerics.has_tracers:
            self.tracer_sources(n, fluxes)

    def friction(self, n: State) -> None:
        """Adds horizontal friction to D_u, D_v."""
        grid, numerics = self.model.grid, self.model.numerics
        if numerics.friction == "none":
            return
        stress_divergence(n.u, n.v, self.viscosity(n, self.nu), grid, self.D_u, self.D_v)
        if numerics.friction == "biharmonic":
            self.L_u.fill(0)
            self.L_v.fill(0)
            stress_divergence(n.u, n.v, self.one, grid, self.L_u, self.L_v)
            exchange(grid, self.L_u, self.L_v)
            stress_divergence(self.L_u, self.L_v, self.negative("nu4_h"), grid, self.D_u, self.D_v)

    def viscosity(self, n: State, nu: Array) -> Array:
        """The Laplacian viscosity in state n (1 or nk layers) [m2 s-1]; one that follows the flow is put into nu."""
        grid, p, numerics = self.model.grid, self.model.parameters, self.model.numerics
        if numerics.viscosity == "constant":
            return p["nu_h"]
        flow_dependent = {"smagorinsky": smagorinsky, "leith": leith}[numerics.viscosity]
        flow_dependent(n.u, n.v, p["nu_h"], p[numerics.viscosity], grid, nu)
        exchange(grid, nu)
        return nu

    def mixing_coefficients(self, n: State) -> None:
        """Vertical viscosity and diffusivity, and the bottom drag, of the state n."""
        grid, p, numerics = self.model.grid, self.model.parameters, self.model.numerics
        if numerics.has_tracers:
            EQUATIONS_OF_STATE[numerics.equation_of_state].stratification(n.T, n.S, p["eos"], grid, self.N2)
        else:
            self.N2.fill(0)
        background = (p["nu_v"], p["kappa_v"], p["kappa_convective"])
        if numerics.vertical_mixing == "richardson":
            shear = (p["nu_richardson"], p["alpha_richardson"])
            richardson_mixing(n.u, n.v, self.N2, *background, *shear, grid, self.nu_v, self.kappa_v)
        else:
            constant_mixing(self.N2, *background, grid, self.nu_v, self.kappa_v)
        exchange(grid, self.nu_v)
        bottom_drag(n.u, n.v, p["drag_linear"], p["drag_quadratic"], grid, self.drag_u, self.drag_v)

    def tracer_sources(self, n: State, fluxes: Fluxes) -> None:
        """D_T, D_S: what enters through the surface, and horizontal diffusion."""
        model, grid = self.model, self.model.grid
        nonlinear = float(grid.nonlinear)
        heat = np.divide(fluxes.heat_flux, grid.h_t.dtype.type(model.numerics.heat_per_volume), out=self.heat)
        if model.numerics.freezing:
            hold_above_freezing(n.T, heat, model.parameters["T_freezing"], grid, self.held)
            heat = self.held
        sources = {
            "T": (self.D_T, heat, fluxes.T_star, fluxes.rate_T, nonlinear),
            "S": (self.D_S, self.nothing, fluxes.S_star, fluxes.rate_S, nonlinear - 1),
        }
        for name, (D, flux, target, rate, share) in sources.items():
            D.fill(0)
            tracer = getattr(n, name)
            share = grid.h_t.dtype.type(share)
            surface_flux(tracer, flux, target, rate, fluxes.fresh_water, share, grid, D)
            self.diffusion(tracer, D)

    def diffusion(self, T: Array, D: Array) -> None:
        """Adds horizontal diffusion to D."""
        grid, p, numerics = self.model.grid, self.model.parameters, self.model.numerics
        if numerics.diffusion == "none":
            return
        diffuse_tracer(T, p["kappa_h"], grid, D)
        if numerics.diffusion == "biharmonic":
            tracer_laplacian(T, grid, self.L_u)
            exchange(grid, self.L_u)
            diffuse_tracer(self.L_u, self.negative("kappa4_h"), grid, D)

    def negative(self, name: str) -> Array:
        """Minus a parameter."""
        p = self.model.parameters[name]
        if name not in self.minus or self.minus[name].shape != p.shape:
            self.minus[name] = np.empty_like(p)
        return np.negative(p, out=self.minus[name])

    def stage(
        self, n: State, y: State, s: State, dt: float, fluxes: Fluxes, weights: tuple[Array, Array], work: Work
    ) -> None:
        """s = n + dt [G(y) + D(n) + vertical mixing of s]; s may be y."""
        grid = self.model.grid
        dt = grid.h_t.dtype.type(dt)
        stretch(y.eta, grid, *work.s_y)
        self.momentum_tendencies(y, fluxes, work)
        advance_u(n.u, work.G_u, self.D_u, self.nu_v, self.drag_u, work.s_y.u, dt, grid, s.u)
        advance_v(n.v, work.G_v, self.D_v, self.nu_v, self.drag_v, work.s_y.v, dt, grid, s.v)
        self.barotropic_mode(n, y, s, dt, fluxes, weights, work)
        if self.model.numerics.has_tracers:
            self.tracers(n, y, s, dt, fluxes, work)

    def momentum_tendencies(self, y: State, fluxes: Fluxes, work: Work) -> None:
        """G_u, G_v: advection, Coriolis and pressure."""
        model, grid, s, G = self.model, self.model.grid, work.s_y, (work.G_u, work.G_v)
        numerics = model.numerics
        transports(y.u, y.v, s.u, s.v, grid, work.U, work.V)
        continuity(work.U, work.V, fluxes.fresh_water, grid, work.W)
        potential_vorticity(y.u, y.v, s.f, grid, work.q)
        VORTICITY[numerics.vorticity](y.u, y.v, work.U, work.V, work.W, work.q, s.u, s.v, grid, *G)
        if numerics.has_tracers:
            EQUATIONS_OF_STATE[numerics.equation_of_state].buoyancy(y.T, y.S, model.parameters["eos"], grid, work.b)
        hydrostatic_pressure(work.b, y.eta, s.t, grid, work.p)
        pressure_gradient(work.p, work.b, y.eta, s.t, grid, *G)

    def barotropic_mode(
        self, n: State, y: State, s: State, dt: float, fluxes: Fluxes, weights: tuple, work: Work
    ) -> None:
        """Substep eta and the depth mean, and hand the mean to s.u, s.v."""
        grid, F, star = self.model.grid, (work.F_u, work.F_v), work.bar_star
        depth_mean(s.u, s.v, grid, *star)
        slow_forcing(*star, *self.bar, y.eta, dt, grid, *F)
        barotropic_substeps(
            n.eta, *self.bar, *F, fluxes.fresh_water, *weights, dt, self.coefficients, self.instant, grid,
            s.eta, *work.bar, work.U_mean, work.V_mean,
        )  # fmt: skip
        take_depth_mean(*star, *work.bar, grid, s.u, s.v)
        exchange(grid, s.u, s.v, s.eta, *work.bar, work.U_mean, work.V_mean)

    def tracers(self, n: State, y: State, s: State, dt: float, fluxes: Fluxes, work: Work) -> None:
        """Advance T and S with the transports of the barotropic mode."""
        numerics, grid = self.model.numerics, self.model.grid
        share = grid.h_t.dtype.type(self.integrator.share)
        means, flow = (*self.bar, *work.bar, work.U_mean, work.V_mean), (work.U_T, work.V_T)
        tracer_transports(n.u, n.v, s.u, s.v, *means, work.s_y.u, work.s_y.v, share, grid, *flow)
        continuity(*flow, fluxes.fresh_water, grid, work.W_T)
        stretch(s.eta, grid, *work.s_new)
        for name, G, D in (("T", work.G_T, self.D_T), ("S", work.G_S, self.D_S)):
            old, new = getattr(n, name), getattr(s, name)
            carried = old if numerics.advection == "monotone" else getattr(y, name)
            ADVECTION[numerics.advection](carried, *flow, work.W_T, dt, grid, G)
            moved = (old, self.s_old.t, G, D, self.kappa_v, work.s_new.t, dt)
            if self.model.numerics.precision == "float32":
                advance_tracer_single(*moved, self.dither, grid, new)
            else:
                advance_tracer(*moved, grid, new)
        exchange(grid, s.T, s.S)
