"""neural-tangents' `stax` for the kernels that Tessera computes: an existing notebook changes one import.

    from tessera import stax
    _, _, kernel_fn = stax.serial(
        stax.Dense(512, W_std=1.5, b_std=0.2), stax.Erf(),
        stax.Dense(512, W_std=1.5, b_std=0.2), stax.Erf(), stax.Dense(1, W_std=1.5, b_std=0.2))
    k = kernel_fn(x_test, x_train, ("nngp", "ntk"))      # k.nngp, k.ntk: arrays of shape (len(x_test), len(x_train))
    theta = kernel_fn(x_train, None, "ntk")

The arrays go up as a temporary data set, the service at TESSERA_URL (or the `client` given) computes them, and both are
deleted. Conventions: NTK parameterization, standard deviations `W_std`, `b_std`, images (N, H, W, C). A network that a
Tessera spec cannot say raises `UnsupportedNetwork`, which names the layer.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, NoReturn

from ._network import Activation, Array, Global, Layer, Linear
from ._stax_kernel import compute_kernels
from .client import Client
from .errors import UnsupportedNetwork

__all__ = [
    "ABRelu", "Abs", "Conv", "Dense", "Erf", "Flatten", "Gelu", "GlobalAvgPool", "LeakyRelu", "Rbf", "Relu", "Sin",
    "serial",
]  # fmt: skip


class KernelFn:
    """`kernel_fn(x1, x2, get)` of a network."""

    def __init__(self, layers: Sequence[Layer]) -> None:
        self.layers = tuple(layers)

    def __call__(
        self,
        x1: Array,
        x2: Array | None = None,
        get: str | Sequence[str] | None = None,
        *,
        client: Client | None = None,
        precision: str = "f64",
        progress: bool | None = None,
    ) -> Any:
        """The kernels of x1 against x2 (None: against x1), each of shape (len(x1), len(x2)).

        get: "nngp" or "ntk" gives the array; a tuple of them, or None for both, a namedtuple.
        client: default a new one at TESSERA_URL. precision: of the service's tiles; the arrays have x1's type.
        Raises UnsupportedNetwork; ValueError where the arrays do not fit the network or each other.
        """
        names = ("nngp", "ntk") if get is None else (get,) if isinstance(get, str) else tuple(get)
        for name in names:
            if name not in ("nngp", "ntk"):
                raise ValueError(f"get is {get!r}; write 'nngp', 'ntk', or a tuple of them.")
        kernels = compute_kernels(self.layers, x1, x2, names, client, precision, progress)
        if isinstance(get, str):
            return kernels[get]
        return _named(names)(*(kernels[name] for name in names))


def _named(names: tuple[str, ...]) -> Callable[..., Any]:
    # The type's fields are what was asked for, as in neural-tangents.
    return namedtuple("Kernels", names)


class Network(NamedTuple):
    """(init_fn, apply_fn, kernel_fn), as neural-tangents' layers are."""

    init_fn: Callable[..., NoReturn]
    apply_fn: Callable[..., NoReturn]
    kernel_fn: KernelFn


def _finite_width(*_: Any, **__: Any) -> NoReturn:
    raise UnsupportedNetwork("Tessera computes kernels of infinite width; for init_fn and apply_fn use neural_tangents.")


def _network(*layers: Layer) -> Network:
    return Network(_finite_width, _finite_width, KernelFn(layers))


def serial(*layers: Network) -> Network:
    """The layers one after the other."""
    for position, layer in enumerate(layers):
        if not isinstance(layer, Network):
            what = "a layer class; call it, as in stax.Relu()" if callable(layer) else f"a {type(layer).__name__}"
            raise TypeError(f"Argument {position + 1} of serial is {what}, not a layer of tessera.stax.")
    return _network(*(one for layer in layers for one in layer.kernel_fn.layers))


def Dense(
    out_dim: int,
    W_std: float = 1.0,
    b_std: float | None = None,
    batch_axis: int = 0,
    channel_axis: int = -1,
    parameterization: str = "ntk",
    s: tuple[int, int] = (1, 1),
) -> Network:
    """A fully-connected layer; before a readout, of each pixel's channels (a 1 x 1 convolution)."""
    name = f"Dense({out_dim}, W_std={W_std}, b_std={b_std})"
    _refuse_other(name, batch_axis=(batch_axis, 0), channel_axis=(channel_axis, -1))
    _refuse_other(name, parameterization=(parameterization, "ntk"), s=(tuple(s), (1, 1)))
    return _network(Linear(name, W_std**2, (b_std or 0.0) ** 2, None))


def Conv(
    out_chan: int,
    filter_shape: Sequence[int],
    strides: Sequence[int] | None = None,
    padding: str = "VALID",
    W_std: float = 1.0,
    b_std: float | None = None,
    dimension_numbers: Any = None,
    parameterization: str = "ntk",
    s: tuple[int, int] = (1, 1),
) -> Network:
    """A convolution of images (N, H, W, C), padding CIRCULAR, SAME or (in the first layer) VALID."""
    name = f"Conv({out_chan}, {tuple(filter_shape)}, padding={padding!r})"
    _refuse_other(name, parameterization=(parameterization, "ntk"), s=(tuple(s), (1, 1)))
    is_usual = dimension_numbers in (None, ("NHWC", "HWIO", "NHWC"))
    _refuse_other(name, dimension_numbers=(dimension_numbers, dimension_numbers if is_usual else None))
    if padding.upper() not in ("CIRCULAR", "SAME", "VALID"):
        raise ValueError(f"padding is {padding!r}; write CIRCULAR, SAME or VALID.")
    if len(tuple(filter_shape)) != 2:
        raise UnsupportedNetwork(f"{name}: only images of two dimensions are convolved.")
    size = (int(filter_shape[0]), int(filter_shape[1]))
    steps = (1, 1) if strides is None else (int(strides[0]), int(strides[1]))
    window = (size, steps, padding.upper())
    return _network(Linear(name, W_std**2, (b_std or 0.0) ** 2, window))


def Relu() -> Network:
    """max(x, 0)"""
    return _activation("Relu()", "relu")


def ABRelu(a: float, b: float, do_stabilize: bool = False) -> Network:
    """a min(x, 0) + b max(x, 0)"""
    return _activation(f"ABRelu({a}, {b})", "abrelu", a=a, b=b)


def LeakyRelu(alpha: float, do_stabilize: bool = False) -> Network:
    """alpha min(x, 0) + max(x, 0)"""
    return _activation(f"LeakyRelu({alpha})", "leaky-relu", alpha=alpha)


def Abs(do_stabilize: bool = False) -> Network:
    """|x|"""
    return _activation("Abs()", "abs")


def Erf(a: float = 1.0, b: float = 1.0, c: float = 0.0) -> Network:
    """a erf(b x) + c; a = b = 1 and c = 0 alone."""
    name = f"Erf({a}, {b}, {c})"
    _refuse_other(name, a=(a, 1), b=(b, 1), c=(c, 0))
    return _activation("Erf()", "erf")


def Gelu(approximate: bool = False) -> Network:
    """x Phi(x)"""
    _refuse_other("Gelu()", approximate=(approximate, False))
    return _activation("Gelu()", "gelu")


def Sin(a: float = 1.0, b: float = 1.0, c: float = 0.0) -> Network:
    """a sin(b x + c)"""
    return _activation(f"Sin({a}, {b}, {c})", "sin", a=a, b=b, c=c)


def Rbf(gamma: float = 1.0) -> Network:
    """sqrt 2 sin(sqrt(2 gamma) x + pi / 4)"""
    return _activation(f"Rbf({gamma})", "rbf", gamma=gamma)


def Flatten(batch_axis: int = 0, batch_axis_out: int = 0) -> Network:
    """Images to vectors; after convolutions the mean of the kernel over equal pixels."""
    _refuse_other("Flatten()", batch_axis=(batch_axis, 0), batch_axis_out=(batch_axis_out, 0))
    return _network(Global("Flatten()", "cnn-flatten"))


def GlobalAvgPool(batch_axis: int = 0, channel_axis: int = -1) -> Network:
    """The mean over pixels; of the kernel over pairs of pixels."""
    _refuse_other("GlobalAvgPool()", batch_axis=(batch_axis, 0), channel_axis=(channel_axis, -1))
    return _network(Global("GlobalAvgPool()", "cnn-gap"))


def _activation(layer: str, name: str, **parameters: float) -> Network:
    spec = {"name": name, **{key: float(value) for key, value in parameters.items()}}
    return _network(Activation(layer, spec))


def _refuse_other(layer: str, **arguments: tuple[Any, Any]) -> None:
    for argument, (given, known) in arguments.items():
        if given != known:
            message = f"{layer} has {argument}={given!r}; Tessera knows {argument}={known!r} alone."
            raise UnsupportedNetwork(message)
