"""An experiment's arrays as xarray: named, labelled, and fetched over HTTP only where their numbers are needed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from xarray.backends import BackendArray
from xarray.core import indexing

if TYPE_CHECKING:
    from .experiment import Experiment


class HttpArray(BackendArray):
    """An array of an experiment; a part of it is one request."""

    def __init__(self, experiment: Experiment, name: str) -> None:
        info = experiment.arrays[name]
        self.shape = tuple(info["shape"])
        self.dtype = np.dtype(info["dtype"])
        self._dimensions = tuple(info["dimensions"])
        self._experiment = experiment
        self._name = name

    def __getitem__(self, key: Any) -> Any:
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.BASIC, self._fetch)

    def _fetch(self, key: tuple[int | slice, ...]) -> Any:
        """key: a position or a slice for every dimension."""
        selection: dict[str, Any] = {}
        rest: list[slice] = []
        for dimension, length, choice in zip(self._dimensions, self.shape, key, strict=True):
            if not isinstance(choice, slice):
                selection[f"{dimension}_index"] = int(choice) % length
                continue
            positions = range(length)[choice]
            if len(positions) == 0:
                selection[dimension] = slice(0, 0)
                rest.append(slice(None))
                continue
            first, last = min(positions[0], positions[-1]), max(positions[0], positions[-1])
            if (first, last) != (0, length - 1):
                selection[dimension] = slice(first, last + 1)
            rest.append(slice(None, None, positions.step))
        return self._experiment.array(self._name, **selection)[tuple(rest)]


def dataset_over_http(experiment: Experiment) -> xr.Dataset:
    """Every array of an experiment; coordinates are fetched at once, the others as they are used."""
    coordinates, variables = {}, {}
    for name, info in experiment.arrays.items():
        dimensions = tuple(info["dimensions"])
        if dimensions == (name,):
            coordinates[name] = xr.Variable(dimensions, experiment.array(name))
        else:
            lazy = indexing.LazilyIndexedArray(HttpArray(experiment, name))
            variables[name] = xr.Variable(dimensions, indexing.MemoryCachedArray(lazy))  # type: ignore[no-untyped-call]
    attributes = {"experiment": experiment.id, "name": experiment.name}
    return xr.Dataset(variables, coordinates, attributes)
