"""The command line of ogcm.

Every option of a setup, every numerical choice and every parameter is an option of the commands that take a setup
(`ogcm run SETUP`). Imports are lazy, so that `ogcm --help` is instantaneous.
"""

import argparse
import inspect
import pkgutil
import sys
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import ogcm

# Commands that take a setup: name: (module of `NAME_command(target, rest)`, help)
SETUP_COMMANDS = {
    "run": ("ogcm.commands", "run a setup, or repeat a run from its .toml file"),
    "check-gradients": ("adjoint.commands", "check the adjoint of every operator, and the gradient of a short run"),
    "sensitivity": ("adjoint.commands", "compute maps of the sensitivity of a transport, a heat content, ..."),
    "assimilate": ("adjoint.assimilate_command", "estimate parameters and initial states from observations"),
    "train": ("nn.commands", "train a corrector and physical parameters, as a TOML file says"),
    "evaluate": (
        "nn.commands",
        "score forecasts of what was trained, beside physics alone, persistence and climatology",
    ),
    "make-data": ("nn.commands", "run a fine model and write its states on a coarse grid, to train a network on"),
}
Options = dict[str, tuple[str, type, str]]  # name: (table, type, help)


def main(arguments: list[str] | None = None) -> int:
    """Run a command.

    Parameters
    ----------
    arguments : list of str, optional
        The words after `ogcm`; default those of the process.

    Returns
    -------
    int
        The exit code: 0, 1 for a run that blew up, 2 for a mistake in the input, 130 for Ctrl-C.
    """
    parser = argparse.ArgumentParser(prog="ogcm", description="A differentiable ocean general circulation model.")
    parser.add_argument("--version", action="version", version=f"ogcm {ogcm.__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (_, text) in SETUP_COMMANDS.items():
        commands.add_parser(name, help=text, add_help=False)
    commands.add_parser("setups", help="list the setups")
    new = commands.add_parser("new", help="write the file of a setup of your own, to start from")
    new.add_argument("file", help="Python file to write, such as my_gyre.py")
    new.add_argument("--from", dest="setup", default="double_gyre", help="setup to copy (default double_gyre)")
    about = commands.add_parser("info", help="describe an output or restart file, or this machine")
    about.add_argument("file", nargs="?")
    draw = commands.add_parser("plot", help="draw an output file")
    draw.add_argument("file")
    draw.add_argument("--output", help="picture to write (default: FILE with .png, or .gif with --animate)")
    draw.add_argument("--kind", default="overview", choices=("overview", "map", "section", "series"))
    draw.add_argument("--variable", help="field of a map, section or animation, or a series")
    draw.add_argument("--time", type=int, default=-1, help="record to draw (default: the last)")
    draw.add_argument("--level", type=int, default=0, help="layer of a map (default: the surface)")
    draw.add_argument("--animate", action="store_true", help="animate a map over all records")
    made = commands.add_parser("prepare", help="make the file of an ocean from a region and files, as a TOML file says")
    made.add_argument("configuration", help="TOML file, see docs/preparing.md, or global_1deg or global_4deg")
    made.add_argument("--data", help="folder of the files that it names (default: that of the TOML file)")
    made.add_argument("--output", help="file to write (default: as the configuration says, or its name with .nc)")
    commands.add_parser("compile", help="compile ahead for a run, a gradient and a training, in two processes")
    shown = commands.add_parser("kernel", help="print a kernel, and the GPU kernel made of it")
    shown.add_argument("name", help="such as continuity")
    shown.add_argument("--module", action="append", default=[], help="Python file with kernels of your own")

    from ogcm.errors import BlowUpError, OceanError
    from ogcm.extensions import import_own

    try:
        if arguments is None:
            arguments = sys.argv[1:]
        if arguments and arguments[0] in SETUP_COMMANDS:
            command, *rest = import_modules(arguments)
            module = import_own(SETUP_COMMANDS[command][0])
            return getattr(module, f"{command.replace('-', '_')}_command")(rest[0] if rest else "", rest[1:])
        known = parser.parse_args(arguments)
        return COMMANDS[known.command](known)
    except BlowUpError as error:
        return report_error(f"the run blew up: {error}", 1)
    except (OceanError, OSError) as error:
        return report_error(str(error), 2)
    except KeyboardInterrupt:
        return 130


def report_error(error: str, code: int) -> int:
    """Print an error, once where all processes of `mpiexec` meet it, and return the exit code."""
    from ogcm.processes import report

    report(lambda: print(f"ogcm: {error}", file=sys.stderr, flush=True), code)
    return code


def import_modules(arguments: list[str]) -> list[str]:
    """Import the file of each `--module FILE.py`, and return the other arguments."""
    from ogcm.errors import InputError
    from ogcm.extensions import import_file

    rest, words = [], iter(arguments)
    for word in words:
        option, _, file = word.partition("=")
        if option != "--module":
            rest.append(word)
            continue
        file = file or next(words, "")
        if not file:
            raise InputError("--module: needs the name of a Python file")
        import_file(file)
    return rest


def setup_options(setup: Callable) -> Options:
    """Return the options of a setup, of the numerics and of the parameters: name -> (table, type, help)."""
    from dataclasses import MISSING, fields

    from ogcm.numerics import CHOICES, Numerics
    from ogcm.parameters import PARAMETERS

    options: Options = {}
    for f in fields(Numerics):
        default = "the setup's" if f.default is MISSING else f"unless the setup says otherwise {f.default}"
        options[f.name] = ("numerics", typing.cast(type, f.type), " | ".join(CHOICES.get(f.name, ())) or default)
    for name, parameter in PARAMETERS.items():
        text = f"{parameter.description} [{parameter.units}], unless the setup says otherwise {parameter.default:g}"
        options[name] = ("parameters", float, text)
    hints = typing.get_type_hints(setup)
    for name, p in inspect.signature(setup).parameters.items():
        if p.kind == p.KEYWORD_ONLY and name != "parameters":
            kind = str if p.default is None else type(p.default)
            options[name] = ("setup", plain(hints.get(name, kind)), f"default {p.default}")
    options["tracers"] = ("setup", str, "comma-separated tracers to add: age, or those that a --module registers")
    options["terms"] = ("setup", str, "comma-separated terms of yours that a --module registers, added to the model")
    options["trained"] = ("setup", str, "file of `ogcm train`: the model gets its corrector and parameters")
    options["estimate"] = ("setup", str, "file of `ogcm assimilate`: the model takes its estimated controls")
    return options


MODULE = (
    "Python file of yours to import first, with operators, tracers, terms, features or networks; may be given again"
)
DEVICE = {"device": (str, "where to run: cpu (default) | cuda | auto, a GPU where there is one")}
RUN_OPTIONS = {
    "days": (float, "length of the run, from the restart where one is given [days] (default: the setup's)"),
    "output": (
        str,
        "file to write, a Zarr store if it ends in .zarr (default SETUP.nc, or SETUP.run.nc where that is the data)",
    ),
    "every": (float, "time between two records [days] (default: a tenth of the run)"),
    "variables": (
        str,
        "comma-separated fields (default u,v,eta,T,S and tracers), or budgets such as T_budget",
    ),
    "means": (bool, "write means over the interval instead of snapshots"),
    "output_precision": (str, "float32 (default) | float64"),
    "restart": (str, "restart file to continue from; an existing output is extended"),
    "restart_every": (float, "time between two restarts [days] (default: one at the end)"),
    "start": (float, "day on which the run must begin, as its TOML file says; a restart of another day is refused"),
    "perturb": (str, "comma-separated FIELD=SIZE, standard deviations of noise in the initial state, such as T=0.01"),
    "members": (int, "members of an ensemble, one after another, with the noise of each; they write NAME_001.nc, ..."),
    "member": (int, "the member of the ensemble to run alone (default 1)"),
    "outputs": (dict, "further outputs, only in a TOML file: tables [run.outputs.NAME] with the file, every, ..."),
    "overwrite": (bool, "replace an existing output and restart; on the command line alone"),
    "quiet": (bool, "no progress bar"),
} | DEVICE


def plain(annotation: typing.Any) -> type:
    """Return the type in an annotation such as `str | None`; that of a path is a text."""
    if isinstance(annotation, types.UnionType):
        annotation = next(a for a in typing.get_args(annotation) if a is not type(None))
    if typing.get_origin(annotation) is typing.Literal:
        return type(typing.get_args(annotation)[0])
    return str if annotation is Path else annotation


def tables_of(target: str) -> dict[str, dict]:
    """Return the tables of a TOML file, of the file of an ocean or of the name of a setup."""
    from ogcm import config

    given = {"setup": {"name": "ocean", "data": target} if target.endswith(".nc") else {"name": target}}
    if target.endswith(".toml"):
        given = config.read(target)
    return {name: dict(given.get(name, {})) for name in config.TABLES}


def setup_command(
    command: str,
    target: str,
    rest: list[str],
    own: dict[str, tuple[type, str]],
    more: dict[str, typing.Any] | None = None,
) -> tuple[typing.Any, dict[str, typing.Any]] | None:
    """Return the model and the settings of `ogcm COMMAND SETUP|FILE.toml [--option value ...]`, or None after its help.

    Parameters
    ----------
    command : str
        Name of the command.
    target : str
        Name of the setup, FILE.py:NAME for one of the user, or path of a TOML file.
    rest : list of str
        The options.
    own : dict of str to (type, str)
        Options of the command, name -> (type, help); those of the setup, the numerics and the parameters make the
        model.
    more : dict of str to callable, optional
        Setups that belong to the command alone.

    Returns
    -------
    tuple of (Model, dict) or None
        The model, and the options of the command that were given.

    Raises
    ------
    InputError, FileError
        For an unknown setup or option, or a value that cannot be used.
    """
    from ogcm.errors import InputError
    from ogcm.setups.own import check_digest, find_setup

    if not target:
        raise InputError(f"{command}: name a setup or a run's TOML file; `ogcm setups` lists the setups")
    if target in ("--help", "-h"):
        print(f"usage: ogcm {command} SETUP|FILE.py:SETUP|FILE.nc|FILE.toml [--OPTION VALUE ...]")
        print(f"`ogcm {command} SETUP --help` lists the options")
        return None
    tables = tables_of(target)
    name = tables["setup"].pop("name")
    setup = find_setup(name, more, folder=Path(target).parent if target.endswith(".toml") else ".")
    check_digest(setup, tables["setup"].pop("digest", None), target)
    options = setup_options(setup)
    for option in own.keys() & {o for o, (table, _, _) in options.items() if table == "setup"}:
        raise InputError(f"{option}: the option of {name} has the name of one of `ogcm {command}`; rename it")
    if "overwrite" in tables["run"]:
        raise InputError(
            f"{target}: overwrite in [run] is not allowed, since it would replace files; delete it and give --overwrite"
        )
    check_tables(target, tables, options | {o: ("run", kind, text) for o, (kind, text) in RUN_OPTIONS.items()})
    tables["run"] = {o: value for o, value in tables["run"].items() if o in own}
    options |= {o: ("run", kind, text) for o, (kind, text) in own.items()}
    if "--help" in rest or "-h" in rest:
        print(f"{setup.__doc__}\n\noptions of `ogcm {command} {name}`:")
        for option, (table, _, text) in options.items():
            print(f"  --{option:20} {text} ({table})")
        print(f"  --{'module':20} {MODULE}")
        return None
    given = read_options(rest, {name: kind for name, (_, kind, _) in options.items()})
    if "restart" in given:  # its day may differ from that of the file, and its state has been perturbed
        for option in ("start", "perturb", "member", "members"):
            tables["run"].pop(option, None)
    for option, value in given.items():
        tables[options[option][0]][option] = value
    if "days" in own:
        tables["run"].setdefault("days", setup.days)
    return make_model(setup, tables), tables["run"]


def make_model(setup: Callable, tables: dict[str, dict]) -> typing.Any:
    """Return the model of a setup with the options, parameters, tracers, terms, training and estimate of the tables."""
    from ogcm.extensions import import_own
    from ogcm.provenance import note_terms, note_tracers
    from ogcm.terms import add_registered
    from ogcm.tracers import TRACERS

    further = ("tracers", "terms", "trained", "estimate")
    tracers, terms, trained, estimate = (tables["setup"].pop(name, None) for name in further)
    model = setup(**tables["setup"], parameters=tables["parameters"], **tables["numerics"])
    if tracers is not None:
        for tracer, make in TRACERS.named(tracers).items():
            model.add_tracer(tracer, make())
        note_tracers(model, tracers)
    if terms is not None:
        add_registered(model, terms)
        note_terms(model, terms)
    if trained is not None:
        import_own("nn.trained").load(trained, model)
    if estimate is not None:
        import_own("adjoint.estimate_file").load(estimate, model, restarts="restart" in tables["run"])
    return model


def read_options(rest: list[str], kinds: dict[str, type]) -> dict[str, object]:
    """Return the values of `--option value ...` by name; `kinds` are the types of the options that exist."""
    from ogcm.errors import InputError, suggestion

    found, words = {}, iter(rest)
    for word in words:
        option, _, value = word.removeprefix("--").partition("=")
        option = option.replace("-", "_")
        if not word.startswith("--") or option not in kinds:
            raise InputError(f"unknown option {word!r}: {suggestion('--' + option, ['--' + o for o in kinds])}")
        found[option] = convert(option, kinds[option], value, words)
    return found


def convert(option: str, kind: type, value: str, words: typing.Iterator[str]) -> object:
    """Return the value of an option, given as `--option=value`, `--option value` or, for a switch, `--option`."""
    from ogcm.config import LARGEST
    from ogcm.errors import InputError

    if kind is bool:
        if value.lower() not in ("", "true", "false"):
            raise InputError(f"--{option}: true or false, got {value!r}")
        return value.lower() != "false"
    if kind not in (int, float, str):
        raise InputError(f"--{option}: takes {kind}; give it in a TOML file")
    value = value or next(words, "")
    if not value or value.startswith("--"):
        raise InputError(f"--{option}: needs a value")
    try:
        number = kind(value)
        if isinstance(number, int) and abs(number) > LARGEST:
            raise ValueError
        return number
    except ValueError:
        raise InputError(f"--{option}: needs a value of type {kind.__name__}, got {value!r}") from None


def check_tables(source: str, tables: dict[str, dict], options: Options) -> None:
    """Raise InputError for an unknown name or a value of the wrong type in a configuration file."""
    from ogcm.config import check_type
    from ogcm.errors import InputError, suggestion

    for table, entries in tables.items():
        known = {name: kind for name, (home, kind, _) in options.items() if home == table}
        lists: dict[str, dict] = {"parameters": {"eos": list[float]}}
        lists["run"] = {"variables": list[str], "perturb": Mapping[str, float]}
        known |= lists.get(table, {})
        for name, value in entries.items():
            if name not in known:
                raise InputError(f"{source}: unknown {name!r} in [{table}]: {suggestion(name, known)}")
            check_type(f"{source}: {name} in [{table}]", value, known[name])


def setups_command(_: argparse.Namespace) -> int:
    """Run `ogcm setups`: list the setups."""
    from ogcm.setups import SETUPS

    for name, setup in SETUPS.items():
        print(f"{name:24} {(setup.__doc__ or '').splitlines()[0]}")
    return 0


def prepare_command(known: argparse.Namespace) -> int:
    """Run `ogcm prepare CONFIG.toml|NAME`: make the file of an ocean."""
    from ogcm.preparation import prepare

    path = prepare(known.configuration, known.output, data=known.data)
    print(f"{path} and {path.with_suffix('.png')} written; run it with `ogcm run {path}`", file=sys.stderr)
    return 0


def new_command(known: argparse.Namespace) -> int:
    """Run `ogcm new FILE.py --from SETUP`: write the source of a setup as a file of the user."""
    from ogcm.setups.own import write_setup

    write_setup(known.file, known.setup)
    print(f"{known.file} written; run it with `ogcm run {known.file}:{known.setup}`")
    return 0


def info_command(known: argparse.Namespace) -> int:
    """Run `ogcm info [FILE]`: describe a file, or this machine."""
    from ogcm.device import describe_machine
    from ogcm.info import info

    print(info(known.file) if known.file else describe_machine())
    return 0


def plot_command(known: argparse.Namespace) -> int:
    """Run `ogcm plot FILE`: draw an output file."""
    from ogcm.names import beside
    from ogcm.plotting import animate, plot

    output = known.output or str(beside(known.file, ".gif" if known.animate else ".png"))
    if known.animate:
        animate(known.file, known.variable or "eta", output, level=known.level)
    else:
        plot(known.file, output, kind=known.kind, variable=known.variable, time=known.time, level=known.level)
    print(output)
    return 0


def compile_command(_: argparse.Namespace) -> int:
    """Run `ogcm compile`: compile what a run, a gradient and a training of the default model call."""
    from ogcm.precompile import compile_all

    compile_all()
    return 0


def find_kernel(name: str, files: Iterable[str]) -> typing.Any:
    """Return the kernel `name`, of ogcm or of the Python `files`.

    Raises InputError if it is unknown.
    """
    from ogcm.backend import Kernel
    from ogcm.errors import InputError, suggestion
    from ogcm.extensions import import_file, import_own

    homes = ["nn.feature_kernels", "nn.output_kernels"]
    for package in ("ogcm.operators", "adjoint.operators"):
        homes += [f"{package}.{home.name}" for home in pkgutil.iter_modules(import_own(package).__path__)]
    modules = [*map(import_own, homes), *map(import_file, files)]
    found = {n: f for module in modules for n, f in vars(module).items() if isinstance(f, Kernel)}
    if name not in found:
        raise InputError(f"kernel: unknown {name!r}: {suggestion(name, found)}")
    return found[name]


def kernel_command(known: argparse.Namespace) -> int:
    """Run `ogcm kernel NAME`: print a kernel and the GPU kernel that is made of it."""
    from ogcm.cuda import sources

    kernel = find_kernel(known.name, known.module)
    function = kernel.py_func
    twin = sources(function, kernel.apart)
    print(f"# {inspect.getsourcefile(function)}, line {function.__code__.co_firstlineno}\n")
    print(inspect.getsource(function))
    print("# The GPU kernel made of it: what the host runs, then what each thread of the GPU does\n")
    print("\n\n\n".join(twin))
    return 0


COMMANDS = {
    "prepare": prepare_command,
    "setups": setups_command,
    "new": new_command,
    "info": info_command,
    "plot": plot_command,
    "compile": compile_command,
    "kernel": kernel_command,
}
