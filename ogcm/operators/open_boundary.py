"""Temporary."""
import numpy as np


def put_on_rim(values, places, field):
    j, i = np.nonzero(places >= 0)
    field[:, j, i] = values[:, 0, places[j, i]]


def radiate(*a):
    pass


def carry_out(*a):
    pass
