"""Background errors: what is known of the controls of an assimilation before there are observations.

    B = K D C D K^T,     dx = K D C^(1/2) z,     z of variance 1

A correlation C is a diffusion in space and time (`diffusion`, `correlation`), D has the standard deviations, from
numbers or files (`deviations`), and the balance K derives salinity, sea level and velocity from other controls
(`balance`). `adjoint.estimates` applies C and D to one control, and `joint` makes dx of all of them.
"""
