"""Temporary."""
import numpy as np


def take_from_rim(field, places, values):
    j, i = np.nonzero(places >= 0)
    values[:, 0, places[j, i]] += field[:, j, i]
    field[:, j, i] = 0


def radiate_ad(*a):
    pass


def carry_out_ad(*a):
    pass
