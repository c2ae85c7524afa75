"""Preparation of an ocean of one's own: from relief, climatology and forcing to one file that a model reads."""

from ogcm.preparation.job import prepare

__all__ = ["prepare"]
