"""Activations of networks, and their derivatives.

Each works in place: z becomes a(z) and `slope`, where one is given, a'(z), both from the same hyperbolic tangent where
there is one. |a(z)| is at most |z|, and |a'(z)| at most STEEPEST. Constants are floats of Python, so that arrays of
float32 stay float32.
"""

from types import ModuleType

import numpy as np

Array = np.ndarray
STEEPEST = 1.13  # upper bound of the slopes of the activations, of which gelu is the steepest
GELU = 0.7978845608028654, 0.03567740813636141  # sqrt(2/pi), 0.044715 sqrt(2/pi)


def tanh(xp: ModuleType, z: Array, slope: Array | None = None) -> None:
    """Replace z by tanh z."""
    xp.tanh(z, out=z)
    if slope is not None:
        xp.multiply(z, z, out=slope)
        xp.subtract(1, slope, out=slope)


def relu(xp: ModuleType, z: Array, slope: Array | None = None) -> None:
    """Replace z by itself where it is positive, else by 0."""
    positive = z.real > 0
    z *= positive
    if slope is not None:
        slope[...] = positive


def gate(xp: ModuleType, z: Array, u: Array, steepness: Array, slope: Array | None) -> None:
    """Replace z by z s(u), s(u) = (1 + tanh u)/2; with `steepness` = 2 z du/dz the derivative is s + s (1 - s)
    steepness."""
    s = xp.tanh(u, out=u)
    s += 1
    s *= 0.5
    if slope is not None:
        xp.subtract(1, s, out=slope)
        slope *= s
        slope *= steepness
        slope += s
    z *= s


def silu(xp: ModuleType, z: Array, slope: Array | None = None) -> None:
    """Replace z by z/(1 + exp(-z)) (Hendrycks and Gimpel 2016, section 2); with u = z/2 nothing overflows."""
    gate(xp, z, 0.5 * z, z, slope)


def gelu(xp: ModuleType, z: Array, slope: Array | None = None) -> None:
    """Replace z by z (1 + tanh u)/2, u = sqrt(2/pi) (z + 0.044715 z^3) (Hendrycks and Gimpel 2016, section 2)."""
    a, b = GELU
    steepness = z * z
    u = b * steepness
    u += a
    u *= z
    if slope is not None:
        steepness *= 6 * b
        steepness += 2 * a
        steepness *= z
    gate(xp, z, u, steepness, slope)


ACTIVATIONS = {"tanh": tanh, "gelu": gelu, "silu": silu, "relu": relu}
