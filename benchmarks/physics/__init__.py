"""The model against analytic solutions and published numbers: `python -m benchmarks.physics [--picture FILE]`.

Each case is a function that runs the model and returns its `Result` (`benchmarks.physics.case`): numbers of theory and
model with the error that is allowed, and curves for the picture. Its docstring holds the solution and ends with where
it was published. `tests/physics` runs the same functions; the script prints them as one table and draws
docs/pictures/physics.png. Where a solution is that of a limit (thin boundary layer, small Rossby number), the case
says how far it is from it.
"""

from benchmarks.physics import balance, circulation, mixing, waves

CASES = [*circulation.CASES, *balance.CASES, *mixing.CASES, *waves.CASES]
