"""Networks written once for two stax modules: ours and neural-tangents'. Inputs are seeded by the network's name."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np


def networks(stax: Any) -> dict[str, Any]:
    """Each network's `kernel_fn`, by a name whose beginning says what inputs it takes: vectors or images."""
    dense, conv, erf, relu = stax.Dense, stax.Conv, stax.Erf, stax.Relu
    flatten, pool = stax.Flatten, stax.GlobalAvgPool

    def deep(depth: int, W_std: float, b_std: float, phi: Any = erf) -> list[Any]:
        blocks = [phi(), dense(1, W_std, b_std)] * depth
        return [dense(1, W_std, b_std), *blocks]

    def convolutions(padding: str, size: int = 3, phi: Any = relu, blocks: int = 2) -> list[Any]:
        layer = conv(1, (size, size), padding=padding, W_std=1.4, b_std=0.3)
        return [layer, *[phi(), layer] * blocks]

    listed = {
        # One layer of each kind, and neural-tangents' defaults.
        "vectors: linear": [dense(1, 1.3, 0.4)],
        "vectors: defaults": [dense(1), relu(), dense(1)],
        "vectors: bias None": [dense(1, 1.5, None), relu(), dense(1, 1.5)],
        "vectors: relu": deep(3, 1.4, 0.1, relu),
        "vectors: abrelu": deep(3, 1.1, 0.2, lambda: stax.ABRelu(-0.3, 1.2)),
        "vectors: leaky relu": deep(3, 1.2, 0.2, lambda: stax.LeakyRelu(0.1)),
        "vectors: abs": deep(3, 0.9, 0.2, stax.Abs),
        "vectors: gelu": deep(3, 1.4, 0.2, stax.Gelu),
        "vectors: sin": deep(3, 1.2, 0.2, lambda: stax.Sin(1.1, 0.9, 0.3)),
        "vectors: sin defaults": deep(2, 1.2, 0.2, stax.Sin),
        "vectors: rbf": deep(3, 1.0, 0.2, lambda: stax.Rbf(0.7)),
        # Mean-field theory's edges: ordered, critical, chaotic; deep; no bias; no weights.
        "vectors: ordered": deep(20, 1.0, 0.18**0.5),
        "vectors: critical": deep(20, 1.747603749767703**0.5, 0.18**0.5),
        "vectors: chaotic": deep(20, 2.5**0.5, 0.18**0.5),
        "vectors: deep ordered": deep(50, 1.0, 0.18**0.5),
        "vectors: deep chaotic": deep(40, 3**0.5, 0.05**0.5),
        "vectors: critical relu": deep(30, 2**0.5, 0.0, relu),
        "vectors: no weights inside": [dense(1, 1.2, 0.3), erf(), dense(1, 0.0, 0.5)],
        "vectors: bias alone first": [dense(1, 0.0, 0.5), erf(), dense(1, 1.2, 0.1)],
        # Variances of the first and the last layer, and networks that end in an activation.
        "vectors: own first layer": [dense(1, 0.7, 1.1), *deep(3, 1.3, 0.2)[1:]],
        "vectors: own last layer": [*deep(3, 1.3, 0.2), erf(), dense(1, 0.6, 0.9)],
        "vectors: own first and last": [dense(1, 2.0, 0.0), erf(), dense(1, 1.1, 0.3), erf(), dense(1, 0.5, 0.0)],
        "vectors: ends in erf": [*deep(3, 1.3, 0.2), erf()],
        "vectors: one activation": [dense(1, 1.5, 0.2), stax.Gelu()],
        "vectors: authors' notebook": [dense(1, 1.5**0.5, 0.05**0.5), erf()] * 10,
        "vectors: nested": [stax.serial(dense(1, 1.1, 0.2), erf()), stax.serial(dense(1, 1.1, 0.2))],
        "vectors: flatten does nothing": [flatten(), *deep(2, 1.3, 0.2)],
        "images: flattened first": [flatten(), *deep(3, 1.4, 0.2)],
        # Convolutions: both paddings, sizes, both readouts, with and without what follows them.
        "images: circular, flatten, dense": [*convolutions("CIRCULAR"), flatten(), dense(1, 1.4, 0.3)],
        "images: circular, pool, dense": [*convolutions("CIRCULAR"), pool(), dense(1, 1.4, 0.3)],
        "images: circular, pool, other dense": [*convolutions("CIRCULAR"), pool(), dense(1, 0.8, 0.6)],
        "images: circular, pool alone": [*convolutions("CIRCULAR"), pool()],
        "images: circular, relu, flatten, dense": [*convolutions("CIRCULAR"), relu(), flatten(), dense(1, 1.1, 0.2)],
        "images: circular, relu, pool, dense": [*convolutions("CIRCULAR"), relu(), pool(), dense(1, 1.1, 0.2)],
        "images: circular, relu, pool": [*convolutions("CIRCULAR"), relu(), pool()],
        "images: circular, erf, 5 x 5": [*convolutions("CIRCULAR", 5, erf), pool(), dense(1)],
        "images: same, flatten, dense": [*convolutions("SAME"), flatten(), dense(1, 1.4, 0.3)],
        "images: same, pool, dense": [*convolutions("SAME"), pool(), dense(1, 1.4, 0.3)],
        "images: same, pool alone": [*convolutions("SAME"), pool()],
        "images: same, erf, 5 x 5, flatten": [*convolutions("SAME", 5, erf), flatten(), dense(1, 1.2, 0.1)],
        "images: 1 x 1": [*convolutions("SAME", 1), relu(), pool(), dense(1)],
        "images: dense of channels": [dense(1, 1.2, 0.3), relu(), dense(1, 1.2, 0.3), relu(), pool(), dense(1, 1.2, 0.3)],
        "images: dense then convolutions": [dense(1, 1.2, 0.3), *convolutions("CIRCULAR")[1:], pool(), dense(1)],
        "images: one convolution": [conv(1, (3, 3), padding="SAME", W_std=1.2, b_std=0.1), pool(), dense(1, 1.1)],
        "images: one convolution, relu": [conv(1, (3, 3), padding="CIRCULAR"), relu(), flatten(), dense(1, 1.5, 0.1)],
        "images: first valid": [conv(1, (3, 2), padding="VALID", W_std=1.2, b_std=0.1), *convolutions("CIRCULAR")[1:], pool()],
        "images: first strided": [conv(1, (3, 3), (2, 2), "SAME", 1.2, 0.1), *convolutions("CIRCULAR")[1:], pool()],
        "images: first even": [conv(1, (4, 2), padding="SAME", W_std=1.2, b_std=0.1), *convolutions("SAME")[1:], flatten()],
        "images: first circular, then same": [
            conv(1, (5, 3), padding="CIRCULAR", W_std=1.2, b_std=0.1), *convolutions("SAME")[1:], flatten(), dense(1)
        ],
    }  # fmt: skip
    return {name: stax.serial(*layers)[2] for name, layers in listed.items()}


cases: dict[str, tuple[int, int | None, str]] = {
    "self": (5, None, "float64"),
    "wide": (3, 5, "float64"),
    "tall": (5, 3, "float64"),
    "float32": (5, 4, "float32"),
}
"""Numbers of x1 and x2, and their type."""
every_case = ("vectors: own first and last", "vectors: abs", "images: same, pool, dense", "images: circular, relu, flatten, dense")
"""Networks that are compared in every case; the others in `tall` alone."""


def inputs(network: str, case: str) -> tuple[Any, Any]:
    """x1 and x2 (None: x1 alone)."""
    count1, count2, dtype = cases[case]
    random = np.random.default_rng(zlib.crc32(network.encode()))
    shape = (5, 6, 2) if network.startswith("images") else (11,)
    # Nearly equal inputs among them, where the derivative of an activation is steepest.
    x = random.standard_normal((12, *shape)) * random.uniform(0.3, 2.0, (12, *(1 for _ in shape)))
    x[1] = x[0] + 1e-3 * x[1]
    x = x.astype(dtype)
    return x[:count1], None if count2 is None else x[12 - count2 :]
