"""The adjoint of the explicit time stepper.

`ogcm.stepper` in the opposite order: the stages from the last to the first, each with its tracers, its barotropic
mode and its momentum, then the slow physics. A step is first computed again from the state at its beginning, and
all results are kept. Then each adjoint kernel adds to the adjoints of its inputs, from those of its outputs; work
adjoints that a kernel overwrites (`adjoint.registry`) are not cleared before.

The halo of an adjoint field is filled (`exchange`) before a kernel that gathers from it reads it, as the halo of the
field itself is; adjoints on the land of a closed side are never used.
"""

import numpy as np

from adjoint.air_sea import air_sea_fluxes_ad
from adjoint.clear import clear
from adjoint.integrators import integrate_ad
from adjoint.open_stage import hold_volume_ad, open_sea_level_ad, open_tracers_ad, open_velocity_ad
from adjoint.operators.barotropic import (
    CARRIED_FIELDS,
    GATHERED,
    barotropic_substeps_ad,
    depth_mean_ad,
    slow_forcing_ad,
    take_depth_mean_ad,
    tracer_transports_ad,
)
from adjoint.operators.equation_of_state import EQUATIONS_OF_STATE_AD
from adjoint.operators.layers import continuity_ad, stretch_ad, transports_ad
from adjoint.operators.momentum_advection import VORTICITY_AD, potential_vorticity_ad
from adjoint.operators.momentum_upwinding import upwind_horizontal_ad
from adjoint.operators.pressure import hydrostatic_pressure_ad, pressure_gradient_ad
from adjoint.operators.tracer_advection import ADVECTION_AD
from adjoint.operators.vertical_diffusion import advance_tracer_ad, advance_u_ad, advance_v_ad
from adjoint.operators.vertical_upwinding import upwind_vertical_ad
from adjoint.slow_physics import slow_physics_ad
from adjoint.state import Gradient, sum_columns
from adjoint.work import SHARED, SHARED_BY_SLOW_PHYSICS, BackwardStage, BackwardStep, Scratch
from ogcm.air_sea import AirSea
from ogcm.device import Graphs, zeros
from ogcm.forcing import Fluxes
from ogcm.halo import exchange
from ogcm.integrators import StepStates
from ogcm.model import Model
from ogcm.operators.barotropic import call_ranges
from ogcm.state import State
from ogcm.stepper import Stepper
from ogcm.work import SlowWork, StageWork

Array = np.ndarray


class AdjointStepper:
    """Adjoint stepper of one model.

    It owns its work arrays: with 16 layers 29 times the bytes of the state, of which the histories of the barotropic
    substeps take two.

    Parameters
    ----------
    model : Model
        The model.
    graphs : bool, optional
        Launch a step as a CUDA graph; without effect on the CPU.

    Attributes
    ----------
    model : Model
        The model.
    forward : Stepper
        A stepper that keeps what it computes, which `step` uses.
    with_eos : bool
        Compute the gradient with respect to the coefficients of the equation of state. These sums are expensive:
        `adjoint.gradient` leaves them out unless "eos" is a control.
    """

    def __init__(self, model: Model, *, graphs: bool = True) -> None:
        self.model, self.forward = model, Stepper(model, kept=True, graphs=graphs)
        self.graphs = Graphs() if self.forward.graphs is not None else None
        grid, dtype = model.grid, model.state.u.dtype
        self.states_ad = StepStates.zeros(self.forward.integrator, model.state, kept=True)
        self.work_ad = StageWork.zeros(grid, dtype, SHARED)
        self.slow_ad = SlowWork.zeros(model, self.work_ad, SHARED_BY_SLOW_PHYSICS)
        self.scratch, self.air_sea_ad = Scratch.of(self.work_ad), AirSea.zeros(model)
        self.with_eos = True
        self.eos_ad = zeros(grid.h_t, (len(model.parameters["eos"]), *grid.depth_t.shape), dtype)
        self.carried = zeros(grid.h_t, (CARRIED_FIELDS, *grid.depth_t.shape), dtype)

    def step(self, n: State, new_ad: State, gradient: Gradient) -> None:
        """Compute the step that begins at n again and keep everything, then its adjoint (`reverse`).

        Parameters
        ----------
        n : State
            State at the beginning of the step, with its halo filled.
        new_ad : State
            Adjoint of the state at the end of the step.
        gradient : Gradient
            Adjoints of the inputs of the step, to which those of this step are added.
        """
        self.begin(with_eos=self.with_eos)
        self.forward.advance(n)
        self.reverse(self.forward, n, new_ad, gradient)
        self.finish(gradient)

    def begin(self, *, with_eos: bool) -> None:
        """Prepare the adjoint of a run, or of one step.

        Parameters
        ----------
        with_eos : bool
            Compute the gradient with respect to the coefficients of the equation of state.
        """
        self.with_eos = with_eos
        clear(self.eos_ad)

    def finish(self, gradient: Gradient) -> None:
        """Add what was collected by columns: the adjoint of the coefficients of the equation of state.

        Their sum over the ocean is exact and computed on the host, hence once for all steps of a run.

        Parameters
        ----------
        gradient : Gradient
            Adjoints of the inputs of the steps.
        """
        if self.with_eos:
            sum_columns(self.eos_ad, self.model.grid, gradient.parameters["eos"])

    def reverse(self, kept: Stepper, n: State, new_ad: State, gradient: Gradient) -> None:
        """Compute the adjoint of a step, between `begin` and `finish`.

        Parameters
        ----------
        kept : Stepper
            Stepper whose last step began at n, and which kept all results.
        n : State
            State at the beginning of the step, with its halo filled.
        new_ad : State
            Adjoint of the state at the end of the step.
        gradient : Gradient
            Adjoints of the inputs of the step, to which those of this step are added.

        Notes
        -----
        With ab2, the adjoint `new_ad.previous` belongs to n and must have been added to `gradient.state` before. The
        adjoint of the state before n is added to `gradient.state.previous`, or to that of n if there is no such state.
        """
        given, g = kept.fluxes(n), gradient
        fluxes = given if kept.air_sea is None else kept.air_sea.in_place(given)
        if self.model.numerics.dynamics == "none":
            self.advance_by_terms(n, fluxes, new_ad, gradient)
            self.surface_fluxes(kept, n, given, gradient)
            return
        eos_ad = self.eos_ad if self.with_eos else None
        step = BackwardStep(n, fluxes, kept.slow, self.slow_ad, eos_ad, self.scratch, gradient)
        if self.graphs is None:
            self.physics(kept, step, new_ad)
        else:
            arrays = (*n.all_arrays(), *kept.states.ends[-1].all_arrays(), *new_ad.all_arrays())
            arrays += (*fluxes, *g.fluxes)
            arrays += (*g.state.all_arrays(), *g.parameters.values())
            name = "back with eos" if self.with_eos else "back"
            self.graphs.run(name, arrays, lambda: self.physics(kept, step, new_ad))
        self.add_terms(n, fluxes, gradient)
        self.surface_fluxes(kept, n, given, gradient)

    def surface_fluxes(self, kept: Stepper, n: State, given: Fluxes, gradient: Gradient) -> None:
        """Compute the adjoint of the surface fluxes, after everything that they act on.

        Parameters
        ----------
        kept : Stepper
            Stepper that computed them.
        n : State
            State at the beginning of the step, with its halo filled.
        given : Fluxes
            The forcing in the middle of the step.
        gradient : Gradient
            Adjoints of the fluxes, and those to which is added.
        """
        work, work_ad = kept.air_sea, self.air_sea_ad
        if work is None or work_ad is None:
            return
        if self.graphs is None:
            air_sea_fluxes_ad(self.model, n, given, work, work_ad, gradient)
            return
        arrays = (*n.all_arrays(), *given, *work, *gradient.fluxes, *gradient.state.all_arrays())
        arrays += (*gradient.parameters.values(),)
        self.graphs.run(
            "surface fluxes back", arrays, lambda: air_sea_fluxes_ad(self.model, n, given, work, work_ad, gradient)
        )

    def add_terms(self, n: State, fluxes: Fluxes, gradient: Gradient) -> None:
        """Add the adjoints of the inputs of the terms, from the adjoint of D.

        Parameters
        ----------
        n : State
            State at the beginning of the step, with its halo filled.
        fluxes : Fluxes
            Forcing in the middle of the step.
        gradient : Gradient
            Adjoints to which those of the terms are added.
        """
        for name, term in self.model.terms.items():
            term.add_ad(self.model, n, fluxes, self.slow_ad.D, gradient.of(name))

    def advance_by_terms(self, n: State, fluxes: Fluxes, new_ad: State, gradient: Gradient) -> None:
        """Compute the adjoint of n + dt N(n), a step without dynamics, in which the terms N alone change the state.

        Parameters
        ----------
        n : State
            State at the beginning of the step, with its halo filled.
        fluxes : Fluxes
            Forcing in the middle of the step.
        new_ad : State
            Adjoint of the state at the end of the step.
        gradient : Gradient
            Adjoints to which those of this step are added.
        """
        grid, stepped = self.model.grid, self.model.stepped
        dt = grid.h_t.dtype.type(self.model.numerics.dt)
        for name, D_ad in self.slow_ad.D.arrays().items():
            D_ad[...] = dt * (getattr(new_ad, name) / self.forward.thickness(name)) if name in stepped else 0
            getattr(gradient.state, name)[...] += getattr(new_ad, name)
        exchange(grid, *self.slow_ad.D)
        self.add_terms(n, fluxes, gradient)

    def physics(self, kept: Stepper, step: BackwardStep, new_ad: State) -> None:
        """Compute the adjoint of a step without the terms of the model.

        Parameters
        ----------
        kept : Stepper
            Stepper that kept the results of the step.
        step : BackwardStep
            The step.
        new_ad : State
            Adjoint of the state at the end of the step.
        """
        slow_ad, n_ad, end_ad = self.slow_ad, step.gradient.state, self.states_ad.ends[-1]
        clear(*slow_ad.D, slow_ad.nu_v, slow_ad.kappa_v)
        clear(slow_ad.drag_u, slow_ad.drag_v, *slow_ad.bar, *slow_ad.s)
        for name, a in end_ad.arrays().items():
            a[...] = getattr(new_ad, name)
            if name not in self.model.stepped:
                getattr(n_ad, name)[...] += np.where(self.model.grid.mask_t, a, 0)
        if "tke" in end_ad.names:
            slow_ad.tke[...] = end_ad.tke
        self.stages(kept, step)
        slow_physics_ad(self.model, step)

    def stages(self, kept: Stepper, step: BackwardStep) -> None:
        """Compute the adjoint of all stages, from the last of `states_ad.ends` to n and the slow physics.

        Parameters
        ----------
        kept : Stepper
            Stepper that kept the results of the step.
        step : BackwardStep
            The step.
        """

        def stage(m: int, y: State, s: State, y_ad: State, s_ad: State) -> None:
            self.stage(BackwardStage(step, kept.context(m, step.n, y, s, step.fluxes), y_ad, s_ad))

        integrate_ad(kept.integrator, step.n, kept.states, step.gradient.state, self.states_ad, stage)

    def stage(self, backward: BackwardStage) -> None:
        """Compute the adjoint of a stage, from s_ad to y_ad, the state n and the slow physics.

        Parameters
        ----------
        backward : BackwardStage
            The stage.
        """
        grid, work_ad, slow_ad, (step, stage, y_ad, s_ad) = self.model.grid, self.work_ad, self.slow_ad, backward
        clear(work_ad.U_mean, work_ad.V_mean, *work_ad.bar, *work_ad.bar_star, *work_ad.s_y)
        if grid.open_sides:
            open_tracers_ad(self.model, backward, work_ad)
        if self.model.tracers:
            self.tracers(backward)
        self.barotropic_mode(backward)
        dt, work, slow, n_ad = stage.dt, stage.work, step.slow, step.gradient.state
        advance_u_ad(
            work.u_star, slow.nu_v, slow.drag_u, work.s_y.u, dt, grid, s_ad.u, n_ad.u, work_ad.G_u, slow_ad.D.u,
            slow_ad.nu_v, slow_ad.drag_u, work_ad.s_y.u, self.scratch.interfaces,
        )  # fmt: skip
        advance_v_ad(
            work.v_star, slow.nu_v, slow.drag_v, work.s_y.v, dt, grid, s_ad.v, n_ad.v, work_ad.G_v, slow_ad.D.v,
            slow_ad.nu_v, slow_ad.drag_v, work_ad.s_y.v, self.scratch.interfaces,
        )  # fmt: skip
        self.momentum_tendencies(backward)
        exchange(grid, work_ad.s_y.u, work_ad.s_y.v, work_ad.s_y.f)
        stretch_ad(stage.y.eta, grid, *work_ad.s_y, y_ad.eta)

    def tracers(self, backward: BackwardStage) -> None:
        """Compute the adjoint of the tracers, from those of s_ad to y_ad, n and the barotropic mode.

        Parameters
        ----------
        backward : BackwardStage
            The stage.
        """
        step, (n, y, s, dt, fluxes, _, work), y_ad, s_ad = backward
        grid, work_ad, slow_ad = self.model.grid, self.work_ad, self.slow_ad
        slow, n_ad, fresh_ad = step.slow, step.gradient.state, step.gradient.fluxes.fresh_water
        flow, flow_ad = (work.U_T, work.V_T, work.W_T), (work_ad.U_T, work_ad.V_T, work_ad.W_T)
        clear(*flow_ad, *work_ad.s_new)
        G_ad = work_ad.G
        for name in self.model.tracers:
            old, old_ad, D_ad = getattr(n, name), getattr(n_ad, name), getattr(slow_ad.D, name)
            advance_tracer_ad(
                getattr(s, name), old, slow.s.t, slow.kappa_v, work.s_new.t, dt, grid, getattr(s_ad, name),
                old_ad, slow_ad.s.t, G_ad, D_ad, slow_ad.kappa_v, work_ad.s_new.t,
            )  # fmt: skip
            exchange(grid, G_ad)
            scheme = self.model.advection(name)
            from_old = scheme == "monotone"
            carried, carried_ad = (old, old_ad) if from_old else (getattr(y, name), getattr(y_ad, name))
            faces = self.scratch.faces if scheme == "weno5" else ()
            ADVECTION_AD[scheme](carried, *flow, dt, grid, G_ad, carried_ad, *flow_ad, *faces)
        exchange(grid, work_ad.W_T)  # of s_new, tracers use s_t alone, which is not gathered
        stretch_ad(s.eta, grid, *work_ad.s_new, s_ad.eta)
        continuity_ad(*flow[:2], fluxes.fresh_water, grid, work_ad.W_T, work_ad.U_T, work_ad.V_T, fresh_ad)
        new_weight = grid.h_t.dtype.type(self.forward.integrator.new_weight)
        means = (*slow.bar, *work.bar, work.U_mean, work.V_mean, work.s_y.u, work.s_y.v)
        means_ad = (*slow_ad.bar, *work_ad.bar, work_ad.U_mean, work_ad.V_mean, work_ad.s_y.u, work_ad.s_y.v)
        tracer_transports_ad(
            n.u, n.v, s.u, s.v, *means, new_weight, grid, work_ad.U_T, work_ad.V_T,
            n_ad.u, n_ad.v, s_ad.u, s_ad.v, *means_ad,
        )  # fmt: skip

    def barotropic_mode(self, backward: BackwardStage) -> None:
        """Compute the adjoint of the barotropic mode, from eta and the depth mean to the velocities before it.

        Parameters
        ----------
        backward : BackwardStage
            The stage.
        """
        step, (_, y, _, dt, _, substeps, work), y_ad, s_ad = backward
        grid, work_ad, bar, bar_ad = self.model.grid, self.work_ad, step.slow.bar, self.slow_ad.bar
        F_ad, star_ad = (work_ad.F_u, work_ad.F_v), work_ad.bar_star
        if grid.open_sides:
            open_sea_level_ad(self.model, backward, work_ad)
        take_depth_mean_ad(grid, s_ad.u, s_ad.v, *star_ad, *work_ad.bar)
        if substeps.inflow is not None:
            hold_volume_ad(self.model, backward, work_ad, substeps.inflow)
        exchange(grid, s_ad.eta)
        for first, last in call_ranges(2 * len(substeps.weights[0]) + 2, grid.tile.is_whole):
            barotropic_substeps_ad(
                *substeps.weights, dt, first, last, substeps.work, substeps.history, grid,
                s_ad.eta, *work_ad.bar, work_ad.U_mean, work_ad.V_mean,
                step.gradient.state.eta, *bar_ad, *F_ad, step.gradient.fluxes.fresh_water,
                work_ad.outer_u, work_ad.outer_v, self.carried,
            )  # fmt: skip
            if not grid.tile.is_whole and first >= 0:
                exchange(grid, *self.carried[GATHERED[first % 2]])
        exchange(grid, *F_ad)
        slow_forcing_ad(*work.bar_star, *bar, y.eta, dt, grid, *F_ad, *star_ad, *bar_ad, y_ad.eta)
        depth_mean_ad(s_ad.u, s_ad.v, grid, *star_ad, s_ad.u, s_ad.v)
        if grid.open_sides:
            open_velocity_ad(self.model, backward, work_ad)

    def momentum_tendencies(self, backward: BackwardStage) -> None:
        """Compute the adjoint of advection, Coriolis force and pressure gradient, from G_u and G_v to y_ad.

        Parameters
        ----------
        backward : BackwardStage
            The stage.
        """
        step, (_, y, _, _, fluxes, _, work), y_ad, _ = backward
        numerics, grid, work_ad = self.model.numerics, self.model.grid, self.work_ad
        G_ad, s, s_ad, fresh_ad = (work_ad.G_u, work_ad.G_v), work.s_y, work_ad.s_y, step.gradient.fluxes.fresh_water
        exchange(grid, *G_ad)
        pressure_gradient_ad(work.p, work.b, y.eta, s.t, grid, *G_ad, work_ad.p, work_ad.b, y_ad.eta, s_ad.t)
        hydrostatic_pressure_ad(work.b, y.eta, s.t, grid, work_ad.p, work_ad.b, y_ad.eta, s_ad.t)
        if numerics.has_tracers:
            equation, coefficients = EQUATIONS_OF_STATE_AD[numerics.equation_of_state], self.model.parameters["eos"]
            equation.buoyancy_tracers(y.T, y.S, coefficients, grid, work_ad.b, y_ad.T, y_ad.S)
            if step.eos_ad is not None:
                equation.buoyancy_columns(y.T, y.S, coefficients, grid, work_ad.b, step.eos_ad)
        flow, flow_ad = (work.U, work.V, work.W), (work_ad.U, work_ad.V, work_ad.W)
        inputs, inputs_ad = (y.u, y.v, *flow, work.q, s.u, s.v), (y_ad.u, y_ad.v, *flow_ad, work_ad.q, s_ad.u, s_ad.v)
        if numerics.momentum_upwinding == "all":
            upwind_horizontal_ad(y.u, y.v, grid, *G_ad, y_ad.u, y_ad.v, *self.scratch.points)
        VORTICITY_AD[numerics.vorticity](*inputs, grid, *G_ad, *inputs_ad)
        if numerics.momentum_upwinding != "none":
            lifted, lifted_ad = (y.u, y.v, work.W, s.u, s.v), (y_ad.u, y_ad.v, work_ad.W, s_ad.u, s_ad.v)
            upwind_vertical_ad(*lifted, grid, *G_ad, *lifted_ad, work_ad.p, work_ad.b)
        exchange(grid, work_ad.q, work_ad.W)
        potential_vorticity_ad(work.q, s.f, grid, work_ad.q, y_ad.u, y_ad.v, s_ad.f)
        continuity_ad(work.U, work.V, fluxes.fresh_water, grid, work_ad.W, work_ad.U, work_ad.V, fresh_ad)
        transports_ad(y.u, y.v, s.u, s.v, grid, work_ad.U, work_ad.V, y_ad.u, y_ad.v, s_ad.u, s_ad.v)
