"""ogcm: a differentiable ocean general circulation model.

`__init__.pyi` beside this file is the table of contents: a name is imported from its module when it is first used, so
that the command line does not wait for the compiler.
"""

import warnings

import lazy_loader

from ogcm.extensions import PACKAGES, foreign_package

__version__ = "0.2.0"
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

for _package in PACKAGES:
    if (_message := foreign_package(_package)) is not None:
        warnings.warn(_message, stacklevel=2)
