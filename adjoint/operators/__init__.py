"""The adjoint operators: file for file and name for name the mirror of `ogcm.operators`.

The adjoint of a kernel `f(x, ..., grid, y)` is `f_ad(x, ..., grid, y_ad, x_ad)`: it reads `y_ad`, the gradient of the
loss with respect to the output y, and adds to `x_ad`, the gradient with respect to the input x, what x contributes
through y. So

- arguments are those of the forward kernel in the same order, with `y_ad` in place of y, then one `x_ad` for each
  input, then work arrays; where the result of the forward kernel spares work, it takes the place of inputs;
- `x_ad` has the shape of x, and the units of the loss over those of x;
- all adjoint kernels gather: each point of `x_ad` sums the contributions of the points that used it, so that threads
  never write to the same element and the result does not depend on their number; `y_ad` needs a filled halo where this
  reads beside the point;
- values on land are not passed on, NaN included.

The docstring of a file repeats the discrete formula, derives the adjoint line by line, and lists the points where the
operator is not smooth with the derivative that is taken there. `adjoint.registry` ties each operator to its adjoint,
and `ogcm check-gradients` tests the pairs. The conventions for shapes are those of `ogcm.operators`.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
