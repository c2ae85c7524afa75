"""The commands of `ogcm` that need the adjoint. Each is `NAME_command(target, rest)`; `ogcm.cli` calls it by name."""
