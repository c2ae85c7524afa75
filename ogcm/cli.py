"""The command `ogcm`: run, setups, info, plot, compile.

Every option of a setup, every numerical choice and every parameter is an option of `ogcm run SETUP`.
Imports are lazy, so that `ogcm --help` is instant.
"""

import argparse
import inspect
import sys
import types
import typing


def main(arguments: list[str] | None = None) -> int:
    """Run a command; returns the exit code: 0, 1 for a blow-up, 2 for a mistake in the input, 130 for Ctrl-C."""
    parser = argparse.ArgumentParser(prog="ogcm", description="A differentiable ocean general circulation model.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    run = commands.add_parser("run", help="run a setup, or repeat a run from its .toml file", add_help=False)
    run.add_argument("setup")
    commands.add_parser("setups", help="list the setups")
    about = commands.add_parser("info", help="say what an output or restart file holds")
    about.add_argument("file")
    draw = commands.add_parser("plot", help="draw an output file")
    draw.add_argument("file")
    draw.add_argument("--output", help="picture to write (default: FILE with .png, or .gif with --animate)")
    draw.add_argument("--kind", default="overview", choices=("overview", "map", "section", "series"))
    draw.add_argument("--variable", help="field of a map, section or animation, or a series")
    draw.add_argument("--time", type=int, default=-1, help="record to draw (default: the last)")
    draw.add_argument("--level", type=int, default=0, help="layer of a map (default: the surface)")
    draw.add_argument("--animate", action="store_true", help="animate a map over all records")
    commands.add_parser("compile", help="compile the kernels ahead, with every core")

    from ogcm.errors import BlowUpError, OceanError

    try:
        if arguments is None:
            arguments = sys.argv[1:]
        known, rest = parser.parse_known_args(arguments)
        if known.command == "run":
            return run_command(known.setup, rest)
        if rest:
            parser.error(f"unknown argument {rest[0]}")
        return COMMANDS[known.command](known)
    except BlowUpError as error:
        print(f"ogcm: the run blew up: {error}", file=sys.stderr)
        return 1
    except (OceanError, OSError) as error:
        print(f"ogcm: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def run_options(setup) -> dict[str, tuple[str, object, object, str]]:
    """All options of `ogcm run SETUP`: name -> (table, type, default, help)."""
    from dataclasses import MISSING, fields

    from ogcm.model import CHOICES, Numerics
    from ogcm.parameters import PARAMETERS

    options = {}
    for f in fields(Numerics):
        default = "the setup's" if f.default is MISSING else f"unless the setup says otherwise {f.default}"
        options[f.name] = ("numerics", f.type, None, " | ".join(CHOICES.get(f.name, ())) or default)
    for name, p in PARAMETERS.items():
        text = f"{p.description} [{p.units}], unless the setup says otherwise {p.default:g}"
        options[name] = ("parameters", float, None, text)
    hints = typing.get_type_hints(setup)
    for name, p in inspect.signature(setup).parameters.items():
        if p.kind == p.KEYWORD_ONLY and name != "parameters":
            options[name] = ("setup", plain(hints.get(name, str)), p.default, f"default {p.default}")
    run = {
        "days": (float, f"length of the run, from the restart where one is given [days] (default {setup.days:g})"),
        "output": (str, f"file to write (default {setup.__name__}.nc)"),
        "every": (float, "time between two records [days] (default: a tenth of the run)"),
        "variables": (str, "comma-separated fields (default u,v,eta,T,S)"),
        "means": (bool, "write means over the interval instead of snapshots"),
        "output_precision": (str, "float32 (default) | float64"),
        "restart": (str, "restart file to continue from; an existing output is extended"),
        "restart_every": (float, "time between two restarts [days] (default: one at the end)"),
        "overwrite": (bool, "replace an existing output"),
        "quiet": (bool, "no progress bar"),
    }
    return options | {name: ("run", kind, None, text) for name, (kind, text) in run.items()}


def plain(annotation: object) -> type:
    """The type in an annotation such as `str | None`."""
    if isinstance(annotation, types.UnionType):
        return next(a for a in typing.get_args(annotation) if a is not type(None))
    return annotation


def run_command(target: str, rest: list[str]) -> int:
    """`ogcm run SETUP|CONFIG.toml [--option value ...]`."""
    from ogcm import config, setups
    from ogcm.errors import InputError
    from ogcm.parameters import nearest

    if target in ("--help", "-h"):
        print("usage: ogcm run SETUP|FILE.toml [--OPTION VALUE ...]; `ogcm run SETUP --help` lists a setup's options")
        return 0
    tables = config.read(target) if target.endswith(".toml") else {"setup": {"name": target}}
    tables = {name: dict(tables.get(name, {})) for name in config.TABLES}
    name = tables["setup"].pop("name")
    if name not in setups.SETUPS:
        raise InputError(f"unknown setup {name!r}: {nearest(name, setups.SETUPS)}")
    setup = setups.SETUPS[name]
    options = run_options(setup)
    if "--help" in rest or "-h" in rest:
        print(f"{setup.__doc__}\n\noptions of `ogcm run {name}`:")
        for option, (table, _, _, text) in options.items():
            print(f"  --{option:20} {text} ({table})")
        return 0
    check_tables(target, tables, options)
    words = iter(rest)
    for word in words:
        option, _, value = word.removeprefix("--").partition("=")
        option = option.replace("-", "_")
        if not word.startswith("--") or option not in options:
            raise InputError(f"unknown option {word!r}: {nearest('--' + option, ['--' + o for o in options])}")
        table, kind, _, _ = options[option]
        tables[table][option] = convert(option, kind, value, words)
    settings = tables["run"]
    if isinstance(settings.get("variables"), str):
        settings["variables"] = settings["variables"].split(",")
    settings.setdefault("days", setup.days)
    settings.setdefault("output", f"{name}.nc")
    progress = not settings.pop("quiet", False)

    from ogcm.simulation import Simulation

    model = setup(**tables["setup"], parameters=tables["parameters"], **tables["numerics"])
    simulation = Simulation(model, **settings, progress=progress)
    simulation.run()
    print(f"{simulation.output} written; look at it with `ogcm plot {simulation.output}`", file=sys.stderr)
    return 0


def convert(option: str, kind: type, value: str, words: typing.Iterator[str]) -> object:
    """The value of an option, from `--option=value`, `--option value` or, for a switch, `--option`."""
    from ogcm.errors import InputError

    if kind is bool:
        if value.lower() not in ("", "true", "false"):
            raise InputError(f"--{option}: true or false, got {value!r}")
        return value.lower() != "false"
    value = value or next(words, "")
    if not value or value.startswith("--"):
        raise InputError(f"--{option}: needs a value")
    try:
        return kind(value)
    except ValueError:
        raise InputError(f"--{option}: needs a value of type {kind.__name__}, got {value!r}") from None


def check_tables(source: str, tables: dict[str, dict], options: dict[str, tuple]) -> None:
    """Raise InputError for an unknown name or a value of the wrong type in a configuration file."""
    from ogcm.errors import InputError
    from ogcm.parameters import nearest

    for table, entries in tables.items():
        known = {name: kind for name, (home, kind, _, _) in options.items() if home == table}
        known |= {"parameters": {"eos": list}, "run": {"variables": list}}.get(table, {})
        for name, value in entries.items():
            if name not in known:
                raise InputError(f"{source}: unknown {name!r} in [{table}]: {nearest(name, known)}")
            wanted = known[name]
            fits = isinstance(value, (float, int) if wanted is float else wanted)
            if not fits or (isinstance(value, bool) and wanted is not bool):
                raise InputError(
                    f"{source}: {name} in [{table}] needs a value of type {wanted.__name__}, got {value!r}"
                )


def setups_command(_) -> int:
    from ogcm.setups import SETUPS

    for name, setup in SETUPS.items():
        print(f"{name:24} {setup.__doc__.splitlines()[0]}")
    return 0


def info_command(known) -> int:
    from ogcm.io import info

    print(info(known.file))
    return 0


def plot_command(known) -> int:
    from pathlib import Path

    from ogcm.plotting import animate, plot

    output = known.output or str(Path(known.file).with_suffix(".gif" if known.animate else ".png"))
    if known.animate:
        animate(known.file, known.variable or "eta", output, level=known.level)
    else:
        plot(known.file, output, kind=known.kind, variable=known.variable, time=known.time, level=known.level)
    print(output)
    return 0


def compile_command(_) -> int:
    from ogcm.precompile import compile_all

    compile_all()
    return 0


COMMANDS = {"setups": setups_command, "info": info_command, "plot": plot_command, "compile": compile_command}
