"""Tessera from Python: NNGP and NTK matrices of infinitely wide networks, computed by a service.

    client = tessera.Client("http://127.0.0.1:7878")
    experiment = client.submit(spec, wait=True)
    experiment.ntk_train_train.sel(depth=10)

`tessera.stax` stands in the place of `neural_tangents.stax`.
"""

from . import errors, stax
from .client import Client
from .errors import TesseraError
from .experiment import Experiment, open_zarr

__all__ = ["Client", "Experiment", "TesseraError", "errors", "open_zarr", "stax"]
__version__ = "0.1.0"
