"""ogcm: a differentiable ocean general circulation model."""

__version__ = "0.1.0"
