"""Learning: correctors of the tendencies of the model, their data, training and evaluation.

nn.Corrector(model, features=..., outputs=...)   features, a network and its outputs, as one term of the stepper
nn.make_data(fine, coarse, path, days=...)       a data set of coarse states from a fine run; nn.DataSet reads it
nn.prepare(model, data, part)                    scales of the features and outputs
nn.train(nn.Trainable(model), data, nn.TrainingSettings(), folder)   training through the model and its adjoint
nn.load(path, model)                             puts trained weights into a model
nn.evaluate(models, data, parts, leads)          forecasts of held-out records; nn.Drift judges long runs

`__init__.pyi` beside this file is the table of contents; a name is imported from its module when it is first used.
"""

import lazy_loader

from ogcm.extensions import foreign_package

if (_message := foreign_package("adjoint")) is not None:
    raise ImportError(_message)

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
