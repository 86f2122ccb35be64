"""One kernel of arrays, computed by a service: up as a temporary data set, one experiment, down, all deleted."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ._network import Array, Global, Kernels, Layer, first_linear, read_network
from .client import Client
from .errors import TesseraError
from .experiment import Experiment, ended_states


def compute_kernels(
    layers: Sequence[Layer],
    x1: Array,
    x2: Array | None,
    names: Sequence[str],
    client: Client | None,
    precision: str,
    progress: bool | None,
) -> Kernels:
    """The kernels of `names`, each (len(x1), len(x2)), of the type that x1 and x2 together have."""
    if x2 is x1:
        x2 = None
    arrays = [_checked(name, x) for name, x in (("x1", x1), ("x2", x2)) if x is not None]
    if len(arrays) == 2 and arrays[0].shape[1:] != arrays[1].shape[1:]:
        raise ValueError(f"x1 has inputs of shape {arrays[0].shape[1:]}, x2 of {arrays[1].shape[1:]}.")
    dtype = np.result_type(*arrays)
    dtype = dtype if dtype == np.float32 else np.dtype(np.float64)
    layers, arrays = _flattened(layers, arrays)
    network = read_network(layers, arrays[0].ndim)
    inputs = [first_linear(network.first, x.astype(np.float64), x.ndim) for x in arrays]
    wanted = ["nngp", "ntk"] if network.tail.needs_nngp else list(names)
    # The training images are also paired with each other: the fewer, the less is computed in vain.
    is_swapped = len(inputs) == 2 and len(inputs[0]) < len(inputs[1])
    train = inputs[0] if is_swapped else inputs[-1]
    test = None if len(inputs) == 1 else inputs[1 if is_swapped else 0]
    spec: dict[str, object] = {
        "name": "tessera.stax: " + ", ".join(layer.name for layer in layers)[:180],
        "architecture": network.architecture,
        "grid": {
            "weightVariance": [network.variances[0]],
            "biasVariance": [network.variances[1]],
            "depth": [network.depth],
        },
        "kernels": wanted,
        "precision": precision,
        "analysis": {"spectrum": "none"},
        "keep": {"kernels": "train" if test is None else "all"},
    }
    block = "train_train" if test is None else "test_train"
    owner = Client() if client is None else client
    try:
        found = _computed(owner, spec, train, test, [f"{name}_{block}" for name in wanted], progress)
    finally:
        if client is None:
            owner.close()
    kernels = network.tail.apply(dict(zip(wanted, found, strict=True)))
    return {name: (kernels[name].T if is_swapped else kernels[name]).astype(dtype) for name in names}


def _computed(
    client: Client, spec: dict[str, object], train: Array, test: Array | None, arrays: list[str], progress: bool | None
) -> list[Array]:
    with client.temporary_dataset(train, test) as name:
        dataset = {"id": name, "train": len(train), "test": 0 if test is None else len(test), "normalization": "none"}
        experiment = client.submit({**spec, "dataset": dataset})
        try:
            experiment.wait(progress=progress)
            return [experiment.array(array)[0, 0, 0].astype(np.float64) for array in arrays]
        finally:
            _discard(experiment)


def _discard(experiment: Experiment) -> None:
    """Deletes an experiment, which is stopped first where it goes on (a keyboard interrupt, a lost connection)."""
    if experiment.refresh().state not in ended_states:
        try:
            experiment.cancel()
        except TesseraError as error:
            if error.code != "illegal-state":  # it has just ended
                raise
        experiment.wait_for_end(progress=False)
    experiment.delete()


def _checked(name: str, x: Array) -> Array:
    x = np.asarray(x)
    if x.ndim not in (2, 4):
        raise ValueError(f"{name} has the shape {x.shape}; give vectors (N, D) or images (N, H, W, C).")
    if 0 in x.shape:
        raise ValueError(f"{name} has the shape {x.shape}, which holds nothing.")
    if x.dtype.kind not in "buif":
        raise ValueError(f"{name} holds {x.dtype}; give numbers.")
    return x


def _flattened(layers: Sequence[Layer], arrays: list[Array]) -> tuple[Sequence[Layer], list[Array]]:
    """Applies a Flatten that comes before any layer with weights."""
    first = layers[0] if layers else None
    if isinstance(first, Global) and first.family == "cnn-flatten":
        return layers[1:], [x.reshape(len(x), -1) for x in arrays]
    return layers, arrays
