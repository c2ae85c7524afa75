"""The TOML file of a training.

    [setup]                     # name and options of a setup: the model that is trained
    name = "channel"            # or FILE.py:NAME; papa and agulhas use their own observations, the option data
    resolution = 40.0
    terms = "sponge"            # terms of your own; the file of the option --module registers them
    [numerics]
    dt = 7200.0
    [data]                      # the data set, and the fractions of its records in each part
    file = "channel.nc"
    train = 0.7
    validation = 0.15
    [corrector]                 # the options of `nn.Corrector`; without this table only parameters are trained
    features = ["velocity", "T", "eta", "place"]
    outputs = ["stress", "T_flux"]
    [learn]                     # parameters and their standard errors (of the logarithm if positive)
    nu4_h = 1.0
    [training]                  # the options of `nn.TrainingSettings`
    curriculum = [[0, 500], [1, 80], [5, 250]]

Paths are relative to the working directory, that of the file of a setup to the folder of the TOML file.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import get_type_hints

from adjoint.controls import Controls
from adjoint.estimates import Estimate
from nn.corrector import Corrector
from nn.data_set import DataSet
from nn.observed_data import AgulhasData, PapaData
from nn.preparation import prepare
from nn.records import Records, Splits
from nn.trainable import Trainable
from nn.training_settings import TrainingSettings
from ogcm.config import check_type, read_tables
from ogcm.errors import InputError, OceanError, suggestion
from ogcm.model import Model
from ogcm.setups.own import check_digest, find_setup
from ogcm.terms import add_registered

TABLES = ("setup", "numerics", "parameters", "data", "corrector", "learn", "training")
DATA = {"file": str, "train": float, "validation": float, "test": float}
OBSERVED = {"papa": PapaData, "agulhas": AgulhasData}


@dataclass
class Configuration:
    """The TOML file of a training.

    Parameters
    ----------
    path : Path
        The file.
    tables : dict of str to dict
        Its tables.
    """

    path: Path
    tables: dict[str, dict]

    @property
    def text(self) -> str:
        """The text of the file, for the provenance of trained weights."""
        return self.path.read_text(encoding="utf-8")

    def model(self) -> Model:
        """Return a new model: the setup with its options and terms, without a corrector.

        Returns
        -------
        Model
            The model.

        Raises
        ------
        InputError
            For a setup or an option that does not exist.
        """
        options = dict(self.tables["setup"])
        name = options.pop("name", "")
        if not isinstance(name, str):
            raise InputError(f"{self.path}: [setup] needs the name of a setup, got name = {name!r}")
        try:
            setup = find_setup(name, folder=self.path.parent)
        except OceanError as error:
            raise type(error)(f"{self.path}: [setup] {error}") from error
        check_digest(setup, options.pop("digest", None), self.path)
        terms = options.pop("terms", "")
        if not isinstance(terms, str):
            raise InputError(f"{self.path}: [setup] terms needs names in one text, as in 'sponge,drag', got {terms!r}")
        model = setup(**options, parameters=self.tables["parameters"], **self.tables["numerics"])
        add_registered(model, terms)
        return model

    def data(self, model: Model) -> tuple[Records, Splits]:
        """Return the data and their parts.

        Parameters
        ----------
        model : Model
            The model whose states the records are.

        Returns
        -------
        data : Records
            The data.
        parts : Splits
            Training, validation and test.

        Raises
        ------
        FileError, InputError
            For a file that does not fit the model, and for unknown entries.
        """
        entries, setup = dict(self.tables["data"]), self.tables["setup"]
        observed = OBSERVED.get(model.name)
        self.check("data", entries, {name: DATA[name] for name in DATA if not (observed and name == "file")})
        if observed:
            data = observed(setup["data"], model)
        elif "file" in entries:
            data = DataSet(entries["file"], model)
        else:
            raise InputError(f"{self.path}: [data] needs the file of a data set; `ogcm make-data` makes one")
        train, validation = entries.get("train", 0.7), entries.get("validation", 0.15)
        return data, data.split(train, validation, entries.get("test", max(0.0, 1 - train - validation)))

    def trainable(self, model: Model, data: Records, part: range) -> Trainable:
        """Return what is trained: the terms of a model, prepared from data, and the parameters.

        Parameters
        ----------
        model : Model
            The model; it receives the corrector of the file.
        data : Records
            The data.
        part : range
            Records of the training part.

        Returns
        -------
        Trainable
            Weights and parameters.

        Raises
        ------
        InputError
            For options that do not exist or cannot be used.
        """
        if self.tables["corrector"]:
            known = {n: kind for n, kind in get_type_hints(Corrector.__init__).items() if n not in ("model", "return")}
            self.check("corrector", self.tables["corrector"], known)
            for name in ("features", "outputs"):
                if name not in self.tables["corrector"]:
                    raise InputError(f"{self.path}: [corrector] needs its {name}")
            try:
                model.corrector = Corrector(model, **self.tables["corrector"])
            except InputError:
                raise
            except ValueError as error:  # of the network
                raise InputError(f"{self.path}: [corrector] {error}") from None
        prepare(model, data, part)
        return Trainable(model, [self.estimate(name, error, model) for name, error in self.tables["learn"].items()])

    def estimate(self, name: str, error: float, model: Model) -> Estimate:
        """Return the estimate of a parameter, by its logarithm where it is positive.

        Parameters
        ----------
        name : str
            The parameter.
        error : float
            Its standard error, that of the logarithm where it is positive.
        model : Model
            The model.

        Returns
        -------
        Estimate
            The estimate.

        Raises
        ------
        InputError
            For a name that is no parameter, and an error that is no number.
        """
        control = Controls(model, name).controls[name]
        if control.kind != "parameter" or isinstance(error, bool) or not isinstance(error, int | float):
            raise InputError(f"{self.path}: [learn] takes parameters and their errors, such as nu_h = 1.0, not {name}")
        return Estimate(name, float(error), logarithm=control.has_logarithm(model))

    def settings(self) -> TrainingSettings:
        """Return the settings of the training.

        Returns
        -------
        TrainingSettings
            The settings.

        Raises
        ------
        InputError
            For settings that do not exist or cannot be used.
        """
        entries = dict(self.tables["training"])
        self.check("training", entries, get_type_hints(TrainingSettings))
        if "curriculum" in entries:
            entries["curriculum"] = tuple(tuple(stage) for stage in entries["curriculum"])
        if "fields" in entries:
            entries["fields"] = tuple(entries["fields"])
        return TrainingSettings(**entries)

    def check(self, table: str, entries: dict, known: Mapping[str, object]) -> None:
        """Check the entries of a table.

        Parameters
        ----------
        table : str
            Name of the table.
        entries : dict
            Its entries.
        known : mapping of str to type
            Names and types that exist.

        Raises
        ------
        InputError
            For an unknown name, and a value of another type.
        """
        for name in entries:
            if name not in known:
                raise InputError(f"{self.path}: unknown {name!r} in [{table}]: {suggestion(name, known)}")
            check_type(f"{self.path}: {name} in [{table}]", entries[name], known[name])


def read(path: str | Path) -> Configuration:
    """Return the configuration of a file. Raises FileError where it cannot be read, InputError for an unknown table."""
    return Configuration(Path(path), read_tables(path, TABLES))
