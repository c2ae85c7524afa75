"""The explicit time stepper.

A step begins with the slow physics D of the state n (`ogcm.slow_physics`), which stays for the whole step. Then an
integrator (`ogcm.integrators`) carries the dynamics: each of its stages starts from n, evaluates advection and pressure
G at a state y that is already known, and arrives at a state s after a fraction c of the step:

    s = n + c dt [ G(y) + D(n) + vertical mixing of s ]

    1  momentum      u* = u_n + c dt (G_u + D_u), then vertical friction and drag, implicitly
    2  barotropic    substeps of eta, u_bar, v_bar from n; their averages become the depth mean of u*
    3  tracers       carried by (1 - a) u_n + a u_s with the averaged barotropic transports, then
                     vertical diffusion, implicitly

Since each stage contains all terms, a steady state of the equations is a steady state of the step for any dt. D, of
which a network can be the most expensive part, is computed once a step instead of once a stage. Dissipation, explicit
from n, is of first order in time, as in most ocean models.

Since the new velocity carries tracers as well (weight a > 0), internal waves are stepped forward-backward. With a = 1/2
a wave does not grow up to omega dt = 2.44 in rk3, instead of 1.73, and the step is of second order (docs/numerics.md).
"""

from collections.abc import Callable, Collection
from typing import Any, NamedTuple

import numpy as np

from ogcm import stage_passes
from ogcm.air_sea import AirSea, air_sea_fluxes
from ogcm.device import Graphs, to_device, zeros
from ogcm.forcing import Fluxes
from ogcm.halo import exchange
from ogcm.integrators import INTEGRATORS, StepStates, integrate
from ogcm.model import Model
from ogcm.open_stage import hold_volume, open_sea_level, open_tracers, open_velocity, uniform_inflow
from ogcm.operators.barotropic import slow_forcing
from ogcm.operators.layers import stretch
from ogcm.operators.vertical_diffusion import dither_increments
from ogcm.slow_physics import slow_physics
from ogcm.stability import barotropic_steps, check_numerics, substep_weights, thickness
from ogcm.state import PROGNOSTIC, State
from ogcm.terms import check_terms
from ogcm.work import SHARED, SHARED_BY_SLOW_PHYSICS, SlowWork, StageWork, Substeps, windows_of

Array = np.ndarray


class Stage(NamedTuple):
    """One stage of a step, s = n + dt [G(y) + D(n) + vertical mixing of s].

    Attributes
    ----------
    n : State
        State at the beginning of the step.
    y : State
        State at which advection and pressure are evaluated.
    s : State
        State at the end of the stage, which is computed; it may be y itself.
    dt : floating
        Length of the stage [s].
    fluxes : Fluxes
        Forcing in the middle of the step.
    substeps : Substeps
        Weights and memory of the barotropic substeps.
    work : StageWork
        Work arrays of the stage.
    """

    n: State
    y: State
    s: State
    dt: np.floating
    fluxes: Fluxes
    substeps: Substeps
    work: StageWork


class Stepper:
    """Stepper of one model. It owns all work arrays, so that a step allocates nothing.

    Parameters
    ----------
    model : Model
        Model whose state is advanced.
    kept : bool, optional
        Keep everything that the last step computed, for the adjoint.
    graphs : bool, optional
        Launch the parts of a step as CUDA graphs; without effect on the CPU.
    without : collection of str, optional
        Names of terms of the model that are left out.

    Attributes
    ----------
    model : Model
        The model.
    integrator : Integrator
        The time integrator.
    works : list of StageWork
        Work arrays of each stage; of a run the same for all stages.
    substeps : list of Substeps
        Weights and memory of the barotropic substeps of each stage.
    slow : SlowWork
        Results and work arrays of the slow physics.
    states : StepStates
        States within the step.

    Raises
    ------
    InputError
        For an object among the terms of the model that is no term, and for a step that is too long for the rotation,
        the mixing or the surface waves of the model.
    """

    def __init__(self, model: Model, *, kept: bool = False, graphs: bool = True, without: Collection[str] = ()) -> None:
        check_terms(model.terms)
        if not kept:  # the adjoint repeats steps of a run whose model was checked before
            check_numerics(model)
        self.model, self.without = model, without
        self.integrator = INTEGRATORS[model.numerics.integrator]
        grid, dtype, stages = model.grid, model.state.u.dtype, len(self.integrator.fractions)
        self.momentum = stage_passes.momentum(model.numerics)
        self.flow = stage_passes.flow(model.numerics, {name: model.advection(name) for name in model.tracers})
        if kept:
            self.works = [StageWork.zeros(grid, dtype, {}) for _ in range(stages)]
        else:
            windows = windows_of(grid, dtype, self.momentum, self.flow)
            self.works = [StageWork.zeros(grid, dtype, SHARED, windows)] * stages
        self.slow = SlowWork.zeros(model, self.works[0], {} if kept else SHARED_BY_SLOW_PHYSICS)
        self.states = StepStates.zeros(self.integrator, model.state, kept=kept)
        self.dither = zeros(grid.h_t, grid.h_t.shape[:1], dtype)
        self.turns = to_device(dither_increments(len(grid.h_t)), model.device)
        self.prepared = False
        self.graphs = Graphs() if graphs and model.device == "cuda" else None
        self.air_sea = AirSea.zeros(model)
        self.sent: dict[str, Array] = {}  # forcing that varies, in arrays whose addresses the graphs know
        weights = [self.substep_weights(c) for c in self.integrator.fractions]
        self.substeps = Substeps.of_stages(weights, grid, dtype, kept=kept)
        if grid.open_sides and model.open_sides.volume == "constrained":
            self.graphs = None  # the sum over the ocean is made on the host
            self.substeps = [
                substeps._replace(inflow=uniform_inflow(model, substeps, self.stage_length(m)))
                for m, substeps in enumerate(self.substeps)
            ]

    def substep_weights(self, fraction: float) -> tuple[Array, Array]:
        """Compute the averaging weights of the barotropic substeps in a stage.

        Parameters
        ----------
        fraction : float
            Length of the stage relative to the step [1].

        Returns
        -------
        tuple of ndarray
            Weights of the surface and of the transports [1] (`substep_weights`).
        """
        a, b = substep_weights(barotropic_steps(self.model), fraction)
        return a.astype(self.model.grid.h_t.dtype), b.astype(self.model.grid.h_t.dtype)

    def step(self) -> None:
        """Advance the state of the model by one time step, in place.

        Before the first step the state is prepared (`State.prepare`).

        Raises
        ------
        InputError
            For fields of a wrong shape or type, before the first step.
        """
        n, stepped = self.model.state, self.model.stepped
        if not self.prepared:
            n.prepare(self.model.grid)
            self.prepared = True
        self.advance(n)
        if self.integrator.extrapolation and n.previous is None:
            n.previous = n.copy()
        if n.previous is not None:
            n.previous.swap_arrays(n, stepped)
            n.previous.time, n.previous.step = n.time, n.step
        n.swap_arrays(self.states.ends[-1], stepped)
        n.step += 1
        n.time += self.model.numerics.dt

    def advance(self, n: State) -> State:
        """Compute the state one step after n, which stays as it is.

        Parameters
        ----------
        n : State
            State at the beginning of the step, with its halo filled.

        Returns
        -------
        State
            The new state, in the memory of the stepper; fields that are not stepped are those of n.
        """
        fluxes = self.surface_fluxes(n, self.fluxes(n))
        if self.model.numerics.dynamics == "none":
            self.advance_by_terms(n, fluxes)
        else:
            if self.model.numerics.precision == "float32":
                self.dither[...] = (n.step + 1) * self.turns % 1
            self.launch("slow physics", n, fluxes, lambda: slow_physics(self.model, n, fluxes, self.slow))
            self.add_terms(n, fluxes)
            self.launch("stages", n, fluxes, lambda: self.stages(n, fluxes))
        end = self.states.ends[-1].arrays()
        stepped: dict[str, Any] = {name: end[name] for name in self.model.stepped}
        fields: dict[str, Any] = n.arrays()
        previous = State(**fields, time=n.time, step=n.step) if self.integrator.extrapolation else None
        time = n.time + self.model.numerics.dt
        return State(**(fields | stepped), time=time, step=n.step + 1, previous=previous)

    def fluxes(self, n: State) -> Fluxes:
        """Return the forcing in the middle of a step; for graphs, in arrays that are always the same.

        Parameters
        ----------
        n : State
            State at the beginning of the step, with its halo filled.

        Returns
        -------
        Fluxes
            The forcing, with halo.
        """
        forcing = self.model.forcing
        fluxes = forcing.at(n.time + 0.5 * self.model.numerics.dt)
        if self.graphs is None:
            return fluxes
        for name in (*forcing.series, *forcing.functions):
            if name not in self.sent:
                self.sent[name] = np.empty_like(getattr(fluxes, name))
            self.sent[name][...] = getattr(fluxes, name)
        return Fluxes(**(fluxes.arrays() | self.sent))

    def surface_fluxes(self, n: State, given: Fluxes) -> Fluxes:
        """Return the surface fluxes of a step.

        Parameters
        ----------
        n : State
            State at the beginning of the step, with its halo filled.
        given : Fluxes
            The forcing in the middle of the step.

        Returns
        -------
        Fluxes
            The forcing; with an atmosphere, the fluxes between it and the state, in the memory of the stepper.
        """
        work = self.air_sea
        if work is None:
            return given
        self.launch("surface fluxes", n, given, lambda: air_sea_fluxes(self.model, n, given, work))
        return work.in_place(given)

    def launch(self, name: str, n: State, fluxes: Fluxes, part: Callable[[], None]) -> None:
        """Compute a part of the step, on a GPU as a graph.

        Parameters
        ----------
        name : str
            Name of the part.
        n : State
            State at the beginning of the step, with its halo filled.
        fluxes : Fluxes
            Forcing in the middle of the step.
        part : callable
            Function without arguments that computes it.
        """
        if self.graphs is None:
            part()
        else:
            arrays = (*n.all_arrays(), *self.states.ends[-1].all_arrays(), *fluxes)
            arrays += (*self.model.parameters.values(),)
            self.graphs.run(name, arrays, part)

    def add_terms(self, n: State, fluxes: Fluxes) -> None:
        """Add the tendencies of the terms of the model to D.

        Parameters
        ----------
        n : State
            State at the beginning of the step, with its halo filled.
        fluxes : Fluxes
            Forcing in the middle of the step.
        """
        for name, term in self.model.terms.items():
            if name not in self.without:
                term.add(self.model, n, fluxes, self.slow.D)

    def advance_by_terms(self, n: State, fluxes: Fluxes) -> None:
        """Compute n + dt N(n), a step without dynamics, in which the terms N alone change the state.

        Parameters
        ----------
        n : State
            State at the beginning of the step, with its halo filled.
        fluxes : Fluxes
            Forcing in the middle of the step.
        """
        grid, stepped, end, D = self.model.grid, self.model.stepped, self.states.ends[-1], self.slow.D
        dt = grid.h_t.dtype.type(self.model.numerics.dt)
        for tendency in D:
            tendency.fill(0)
        self.add_terms(n, fluxes)
        for name in stepped:
            getattr(end, name)[...] = getattr(n, name) + dt * (getattr(D, name) / self.thickness(name))
        exchange(grid, *(getattr(end, name) for name in stepped))

    def thickness(self, name: str) -> Array | int:
        """Return the factor that the tendency of a field contains.

        Parameters
        ----------
        name : str
            Name of the field.

        Returns
        -------
        ndarray, shape (nk, nj, ni), or int
            The resting thickness [m] for tracers, 1 for other fields.
        """
        return thickness(self.model.grid) if name in self.model.tracers else 1

    def stages(self, n: State, fluxes: Fluxes) -> None:
        """Compute all stages of a step, with the slow physics in `slow`; the new state is the last of `states.ends`.

        Parameters
        ----------
        n : State
            State at the beginning of the step, with its halo filled.
        fluxes : Fluxes
            Forcing in the middle of the step.
        """
        integrate(self.integrator, n, self.states, lambda m, y, s: self.stage(self.context(m, n, y, s, fluxes)))
        if "tke" in n.names:  # which takes one step for all stages
            self.states.ends[-1].tke[...] = self.slow.tke

    def context(self, m: int, n: State, y: State, s: State, fluxes: Fluxes) -> Stage:
        """Make the context of one stage.

        Parameters
        ----------
        m : int
            Number of the stage.
        n : State
            State at the beginning of the step, with its halo filled.
        y : State
            State at which advection and pressure are evaluated.
        s : State
            State at the end of the stage.
        fluxes : Fluxes
            Forcing in the middle of the step.

        Returns
        -------
        Stage
            The context.
        """
        return Stage(n, y, s, self.stage_length(m), fluxes, self.substeps[m], self.works[m])

    def stage_length(self, m: int) -> np.floating:
        """Return the length of a stage.

        Parameters
        ----------
        m : int
            Number of the stage.

        Returns
        -------
        floating
            The length [s].
        """
        return self.model.grid.h_t.dtype.type(self.integrator.fractions[m] * self.model.numerics.dt)

    def stage(self, stage: Stage) -> None:
        """Compute s = n + dt [G(y) + D(n) + vertical mixing of s].

        Parameters
        ----------
        stage : Stage
            The stage.
        """
        grid, work = self.model.grid, stage.work
        stretch(stage.y.eta, grid, *work.s_y)
        arrays = self.arrays(stage)
        self.momentum(grid, arrays)
        exchange(grid, work.u_star, work.v_star, *work.bar_star)
        if grid.open_sides:
            open_velocity(self.model, stage)
        self.barotropic_mode(stage)
        if grid.open_sides:
            open_sea_level(self.model, stage)
        if self.model.tracers:
            stretch(stage.s.eta, grid, *work.s_new)
        self.flow(grid, arrays)
        exchange(grid, *(getattr(stage.s, name) for name in self.model.stepped if name not in ("eta", "tke")))
        if grid.open_sides:
            open_tracers(self.model, stage)

    def arrays(self, stage: Stage) -> dict[str, Any]:
        """Return the arrays and numbers of a stage by the names that `ogcm.stage_passes` uses.

        Parameters
        ----------
        stage : Stage
            The stage.

        Returns
        -------
        dict
            The arrays, and windows of intermediate results.
        """
        n, y, s, dt, fluxes, _, work = stage
        slow, number = self.slow, self.model.grid.h_t.dtype.type
        table = self.tendency_arrays(y, fluxes, work) | {"dt": dt, "dither": self.dither}
        table |= {f"n_{name}": a for name, a in n.arrays().items()}
        table |= {f"y_{name}": a for name, a in y.arrays().items()}
        table |= {f"new_{name}": a for name, a in s.arrays().items()}
        table |= {f"D_{name}": a for name, a in slow.D.arrays().items()}
        for name, (u_bar, v_bar) in (("{}", work.bar), ("n_{}", slow.bar), ("{}_star", work.bar_star)):
            table |= {name.format("u_bar"): u_bar, name.format("v_bar"): v_bar}
        table |= {name: getattr(slow, name) for name in ("nu_v", "kappa_v", "drag_u", "drag_v")}
        return table | {"n_s_t": slow.s.t, "new_s_t": work.s_new.t, "new_weight": number(self.integrator.new_weight)}

    def tendency_arrays(self, y: State, fluxes: Fluxes, work: StageWork) -> dict[str, Any]:
        """Return the arrays of the tendencies G(y) by the names that `ogcm.stage_passes` uses.

        Parameters
        ----------
        y : State
            State at which they are evaluated, with its halo filled.
        fluxes : Fluxes
            Forcing in the middle of the step.
        work : StageWork
            Work arrays, with the stretching of y in `s_y`.

        Returns
        -------
        dict
            The arrays, and windows of intermediate results.
        """
        table: dict[str, Any] = {name: getattr(y, name) for name in PROGNOSTIC}
        table |= {**vars(work), "eos": self.model.parameters["eos"]}
        table |= {f"s_{point}": a for point, a in work.s_y._asdict().items()}
        return table | {"fresh": fluxes.fresh_water}

    def barotropic_mode(self, stage: Stage) -> None:
        """Compute eta and the depth mean by substeps.

        Parameters
        ----------
        stage : Stage
            The stage; `bar_star` of its work arrays is the depth mean after the momentum equations.
        """
        n, y, s, dt, fluxes, substeps, work = stage
        grid, F, bar = self.model.grid, (work.F_u, work.F_v), self.slow.bar
        slow_forcing(*work.bar_star, *bar, y.eta, dt, grid, *F)
        given = n.eta, *bar, *F, fluxes.fresh_water, work.outer_u, work.outer_v
        substeps.take(given, dt, grid, (s.eta, *work.bar, work.U_mean, work.V_mean))
        if substeps.inflow is not None:
            hold_volume(self.model, stage, substeps.inflow)
        exchange(grid, s.eta, *work.bar, work.U_mean, work.V_mean)
