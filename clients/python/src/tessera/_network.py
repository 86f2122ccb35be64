"""From a list of layers to what a Tessera spec can say.

Tessera's network is: a read-in of weight 1 without bias, l blocks [activation, linear] of one weight and bias variance,
and, for images, a readout (flatten or global average pooling) with a Dense layer of the same variances. The rest is made
from that, exactly:

- The first linear layer, of any variances, filter, padding and stride, is applied to the inputs: its kernel
  W^2 A[K0] + b^2 is the input kernel of the patches that its filter sees, scaled, beside a constant (`FirstLinear`).
- What comes after the last block is undone from, and redone on, the kernels of one depth (`Tail`): with
  K = w S + b and Theta = K + w S', S = (K - b)/w and S' = (Theta - K)/w are the kernels without that layer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from .errors import UnsupportedNetwork

Array = npt.NDArray[Any]
Kernels = dict[str, Array]
Window = tuple[tuple[int, int], tuple[int, int], str]
"""Filter shape, strides, padding of a convolution."""


@dataclass(frozen=True)
class Linear:
    """A Dense layer (window None) or a convolution."""

    name: str
    weight_variance: float
    bias_variance: float
    window: Window | None


@dataclass(frozen=True)
class Activation:
    name: str
    spec: dict[str, Any]


@dataclass(frozen=True)
class Global:
    """Flatten or global average pooling."""

    name: str
    family: str


Layer = Linear | Activation | Global
Variances = tuple[float, float]


@dataclass(frozen=True)
class Network:
    """What is computed where: `first` on the inputs, `architecture` and `variances` and `depth` by the service, then the tail."""

    first: Linear
    architecture: dict[str, Any]
    variances: Variances
    depth: int
    tail: Tail


@dataclass(frozen=True)
class Tail:
    """From the kernels that the service gives to the network's own.

    strip: how often a layer [linear of the service's variances] is taken off; then: the last layer's own variances.
    """

    variances: Variances
    strip: int
    last: Variances | None

    @property
    def needs_nngp(self) -> bool:
        """Whether the NTK cannot be had without the NNGP."""
        return self.strip > 0

    def apply(self, kernels: Kernels) -> Kernels:
        weight, bias = self.variances
        nngp, ntk = kernels.get("nngp"), kernels.get("ntk")
        for _ in range(self.strip):
            assert nngp is not None
            ntk = None if ntk is None else (ntk - nngp) / weight
            nngp = (nngp - bias) / weight
        if self.last is not None:
            assert nngp is not None
            weight, bias = self.last
            nngp = weight * nngp + bias
            ntk = None if ntk is None else nngp + weight * ntk
        return {name: array for name, array in (("nngp", nngp), ("ntk", ntk)) if array is not None}


def read_network(layers: Sequence[Layer], input_dimensions: int) -> Network:
    """Reads a network for inputs of 2 (vectors) or 4 (images) dimensions. Raises UnsupportedNetwork."""
    places = list(enumerate(layers, 1))
    if input_dimensions == 2:
        places = [(place, layer) for place, layer in places if not isinstance(layer, Global)]
    if not places:
        raise UnsupportedNetwork("The network has no layer with weights.")
    place, first = places.pop(0)
    if not isinstance(first, Linear):
        _refuse(place, first, "stands first; begin with Dense or Conv.")
    if input_dimensions == 2 and first.window is not None:
        _refuse(place, first, "convolves, but the inputs are vectors; give images (N, H, W, C).")
    blocks, trailing = _read_blocks(places)
    if input_dimensions == 2:
        if places:
            _refuse(*places[0], "follows a linear layer; put an activation between them.")
        return _fcn(first, blocks, trailing)
    return _cnn(first, blocks, trailing, places)


Block = tuple[int, Activation, Linear]
Place = tuple[int, Layer]


def _read_blocks(places: list[Place]) -> tuple[list[Block], tuple[int, Activation] | None]:
    """Takes pairs of activation and linear layer off the front, and an activation that no linear layer follows."""
    blocks: list[Block] = []
    while places and isinstance(places[0][1], Activation):
        place, activation = places.pop(0)
        assert isinstance(activation, Activation)
        if not places or isinstance(places[0][1], Global):
            return blocks, (place, activation)
        next_place, linear = places.pop(0)
        if not isinstance(linear, Linear):
            _refuse(next_place, linear, "follows an activation; put Dense or Conv between them.")
        blocks.append((next_place, activation, linear))
    return blocks, None


def _fcn(first: Linear, blocks: list[Block], trailing: tuple[int, Activation] | None) -> Network:
    activation = _one_activation(blocks, trailing)
    for place, _, linear in blocks:
        if linear.window is not None:
            _refuse(place, linear, "convolves, but the network's inputs are vectors.")
    last: Variances | None = None
    inner = blocks
    if trailing is None and len(blocks) > 1 and _variances(blocks[-1][2]) != _variances(blocks[0][2]):
        inner, last = blocks[:-1], _variances(blocks[-1][2])
    variances = _one_variance(inner)
    strip = 1 if trailing is not None or last is not None else 0
    _refuse_no_weights(variances, strip, inner)
    depth = len(blocks) + (1 if trailing is not None else 0)
    architecture = {"family": "fcn", "activation": activation}
    return Network(first, architecture, variances, depth, Tail(variances, strip, last))


def _cnn(first: Linear, blocks: list[Block], trailing: tuple[int, Activation] | None, rest: list[Place]) -> Network:
    if not rest:
        raise UnsupportedNetwork("The network ends without Flatten or GlobalAvgPool: a kernel of pixels is not computed.")
    place, readout = rest.pop(0)
    if not isinstance(readout, Global):
        _refuse(place, readout, "follows a linear layer; put an activation between them.")
    last: Variances | None = None
    if rest:
        place, dense = rest.pop(0)
        if not isinstance(dense, Linear) or dense.window is not None:
            _refuse(place, dense, "follows the readout; one Dense layer may.")
        last = _variances(dense)
    if rest:
        _refuse(*rest[0], "follows the readout's Dense layer; nothing may.")
    window = _one_window(blocks)
    # Averaging over a wrapped image does not change with a circular filter, so that one more block stands for the
    # activation; zeros beyond an edge would change it.
    if trailing is not None and window is not None and window[2] == "SAME" and window[0] != (1, 1):
        _refuse(*trailing, "is followed by the readout; with padding SAME only a Conv may be.")
    activation = _one_activation(blocks, trailing)
    variances = _one_variance(blocks) if blocks else last if last and last[0] > 0 else (1.0, 0.0)
    # The service ends with a Dense layer of the same variances.
    strip = 2 if trailing is not None else 0 if last == variances else 1
    _refuse_no_weights(variances, strip, blocks)
    size = 1 if window is None else window[0][0]
    padding = "circular" if window is None else window[2].lower()
    architecture = {
        "family": readout.family,
        "activation": activation,
        "filterSize": size,
        "padding": "circular" if size == 1 else padding,
    }
    depth = len(blocks) + (1 if trailing is not None else 0)
    return Network(first, architecture, variances, depth, Tail(variances, strip, last if strip else None))


def _one_activation(blocks: list[Block], trailing: tuple[int, Activation] | None) -> dict[str, Any]:
    uses = [(place - 1, activation) for place, activation, _ in blocks] + ([] if trailing is None else [trailing])
    if not uses:
        return {"name": "identity"}
    for place, activation in uses:
        if activation.spec != uses[0][1].spec:
            _refuse(place, activation, f"is another activation than {uses[0][1].name}; all must be the same.")
    return uses[0][1].spec


def _one_variance(blocks: list[Block]) -> Variances:
    for place, _, linear in blocks:
        if _variances(linear) != _variances(blocks[0][2]):
            message = f"has other W_std or b_std than {blocks[0][2].name}; only the first and the last layer may."
            _refuse(place, linear, message)
    return _variances(blocks[0][2]) if blocks else (1.0, 0.0)


def _one_window(blocks: list[Block]) -> Window | None:
    windows = [linear.window for _, _, linear in blocks]
    for (place, _, linear), window in zip(blocks, windows, strict=True):
        if window != windows[0]:
            _refuse(place, linear, f"has another filter than {blocks[0][2].name}; after the first all must be the same.")
        if window is None:
            continue
        (height, width), strides, padding = window
        if height != width or height % 2 == 0:
            _refuse(place, linear, "has a filter that is not an odd square; only the first layer's may be.")
        if strides != (1, 1) or padding == "VALID":
            _refuse(place, linear, "has strides or padding VALID; only the first layer may.")
    return windows[0] if windows else None


def _refuse_no_weights(variances: Variances, strip: int, blocks: list[Block]) -> None:
    if strip and variances[0] == 0:
        place, _, linear = blocks[0]
        _refuse(place, linear, "has W_std=0, and the layers after it differ from it.")


def _variances(linear: Linear) -> Variances:
    return linear.weight_variance, linear.bias_variance


def _refuse(place: int, layer: Layer, why: str) -> NoReturn:
    raise UnsupportedNetwork(f"Layer {place}, {layer.name}, {why}")


def first_linear(first: Linear, x: Array, input_dimensions: int) -> Array:
    """Inputs whose kernel <x, x'>/n is that of `first`'s outputs: its patches scaled, beside a constant.

    x: (N, D) or (N, H, W, C), float. Returns (N, D + 1) or (N, H', W', patch + 1); without bias, no constant.
    """
    seen = x if first.window is None else _patches(x, first.window)
    count = seen.shape[-1]
    bias = first.bias_variance
    total = count + (1 if bias > 0 else 0)
    scaled: Array = seen * np.sqrt(first.weight_variance * total / count)
    if bias == 0:
        return scaled
    constant = np.full((*seen.shape[:-1], 1), np.sqrt(bias * total))
    return np.concatenate([scaled, constant], axis=-1)


def _patches(x: Array, window: Window) -> Array:
    """What a filter sees at each of its places, (N, H', W', height * width * C)."""
    (height, width), (step_down, step_right), padding = window
    if padding != "VALID":
        pads = [(0, 0), *(_pad(n, f, s) for n, f, s in zip(x.shape[1:3], *window[:2], strict=True)), (0, 0)]
        x = np.pad(x, pads, mode="wrap" if padding == "CIRCULAR" else "constant")
    views = np.lib.stride_tricks.sliding_window_view(x, (height, width), axis=(1, 2))
    views = views[:, ::step_down, ::step_right]
    return views.reshape(*views.shape[:3], -1)


def _pad(length: int, filter_length: int, step: int) -> tuple[int, int]:
    """Padding SAME as XLA does it: as many outputs as steps fit, the odd one at the end."""
    outputs = -(-length // step)
    total = max(0, (outputs - 1) * step + filter_length - length)
    return total // 2, total - total // 2
