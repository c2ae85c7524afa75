"""The adjoints of `ogcm.operators`, file for file and name for name."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
