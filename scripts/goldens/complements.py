"""Kernels with their complements (packages/engine/src/engine.ts: KernelTile) in 120-digit arithmetic, for the cases of
cases.json that name a referenceVariance. Plain recursions: with that many digits nothing that cancels is missed.
"""
import pathlib
import sys

import numpy as np
from flint import arb, ctx

sys.path.append(str(pathlib.Path(__file__).parent.parent / "deep"))
from duals import AbRelu, dual_of, exact  # noqa: E402

DIGITS = 120


class Identity:
    def diagonal(self, q):
        return q, arb(1)

    def pair(self, a, b, k):
        return k, arb(1)


def dual(activation):
    name = activation["name"]
    if name == "identity":
        return Identity()
    if name in ("abs", "abrelu"):
        return AbRelu(activation.get("a", -1), activation.get("b", 1))
    return dual_of(activation)


midpoint = np.frompyfunc(lambda x: x.mid(), 1, 1)
rounded = np.frompyfunc(float, 1, 1)


class Network:
    """States K, Theta of pairs as arrays (y, x, y', x') of pixel pairs; a vector is an image of one pixel."""

    def __init__(self, case):
        self.activation = dual(case["architecture"]["activation"])
        self.weight, self.bias = exact(case["weightVariance"]), exact(case["biasVariance"])
        self.convolves = case["architecture"]["family"] != "fcn"
        self.pooled = case["architecture"]["family"] == "cnn-gap"
        self.padding, self.filter = case["architecture"].get("padding"), case["architecture"].get("filterSize", 1)
        self.duals = np.frompyfunc(self.dual, 3, 2)

    def dual(self, a, b, k):
        """Pairs that are one Gaussian to the last digits but a few: the root of a ball around 0 has no digits."""
        if a.overlaps(b) and (a * b - k * k).abs_lower() < arb(10) ** (20 - DIGITS) and k > 0:
            return self.activation.diagonal(k)
        return self.activation.pair(a, b, k)

    def average(self, m):
        if not self.convolves:
            return m
        half = self.filter // 2
        for axes in ((0, 2), (1, 3)) if m.ndim == 4 else ((0,), (1,)):
            total = np.full(m.shape, arb(0), dtype=object)
            for offset in range(-half, half + 1):
                if self.padding == "circular":
                    total = total + np.roll(m, [-offset] * len(axes), axes)
                    continue
                to, of = [slice(None)] * m.ndim, [slice(None)] * m.ndim
                for axis in axes:
                    n = m.shape[axis]
                    to[axis] = slice(max(0, -offset), min(n, n - offset))
                    of[axis] = slice(max(0, offset), min(n, n + offset))
                total[tuple(to)] += m[tuple(of)]
            m = total
        return m / self.filter**2

    def read_in(self, x, y):
        """x: (pixels..., channels) of exact numbers."""
        return np.tensordot(x, y, (-1, -1)) / x.shape[-1]

    def states(self, x, y, layers):
        """(K, Theta) of a pair of images at depth 0..layers; x may be y itself, whose pixels are their own partners."""
        if np.isscalar(x) or isinstance(x, arb):
            k = np.full(self.shape + self.shape, x, dtype=object)
            variances = [np.full(self.shape, x, dtype=object)] * 2
        else:
            k, variances = self.read_in(x, y), [(v * v).sum(-1) / v.shape[-1] for v in (x, y)]
        k, theta = midpoint(k), midpoint(k)
        result = []
        for _ in range(layers + 1):
            result.append((k, theta, variances))
            a, b = (np.broadcast_to(v, k.shape) for v in self.apart(variances))
            value, slope = self.duals(a, b, k)
            k = midpoint(self.weight * self.average(value) + self.bias)
            theta = midpoint(k + self.weight * self.average(slope * theta))
            diagonal = np.frompyfunc(lambda q: self.activation.diagonal(q)[0], 1, 1)
            variances = [midpoint(self.weight * self.average(diagonal(q)) + self.bias) for q in variances]
        return result

    def apart(self, variances):
        a, b = variances
        return a[(...,) + (None,) * b.ndim], b[(None,) * a.ndim]

    def reduce(self, m):
        """The readout's mean, before its Dense."""
        if not self.convolves:
            return m.flat[0]
        if self.pooled:
            return m.sum() / m.size
        return np.einsum("yxyx->", m) / m.shape[0] / m.shape[1]

    def read_out(self, k, theta):
        if not self.convolves:
            return k, theta
        nngp = self.weight * k + self.bias
        return nngp, nngp + self.weight * theta

    def kernels(self, states):
        """(NNGP, NTK) at every depth."""
        return [self.read_out(self.reduce(k), self.reduce(theta)) for k, theta, _ in states]

    def own(self, states):
        """v of an image from its pairs with itself: the mean over pixels of the variance."""
        if not self.convolves:
            return self.kernels(states)
        mean = lambda m: np.einsum("yxyx->", m) / m.shape[0] / m.shape[1]
        return [self.read_out(mean(k), mean(theta)) for k, theta, _ in states]


def pixels(images):
    """Exact numbers, (pixels..., channels) each; of vectors one pixel with all inputs as channels."""
    numbers = np.frompyfunc(exact, 1, 1)
    return [numbers(x.reshape(1, 1, -1) if x.ndim == 1 else x) for x in images]


def write(case, train, test, folder):
    """train, test: float64, exactly what an engine reads."""
    ctx.dps = DIGITS
    depths = case["depth"]
    network = Network(case)
    convolves = network.convolves
    flat = lambda images: pixels(images if convolves else images.reshape(len(images), -1))
    train, test = flat(train), flat(test)
    network.shape = train[0].shape[:-1]
    layers = max(depths)
    reference = network.states(exact(case["referenceVariance"]), None, layers)
    shared = network.pooled and network.padding == "same"
    zero = [(arb(0), arb(0))] * (layers + 1)
    v_reference = network.kernels(reference) if shared else network.own(reference)

    def deviations(x):
        if shared:
            return zero
        own = network.own(network.states(x, x, layers))
        return [tuple(v - r for v, r in zip(*pair)) for pair in zip(own, v_reference)]

    deviation = {"train": [deviations(x) for x in train], "test": [deviations(x) for x in test]}
    for kind, name in enumerate(("nngp", "ntk")):
        at = lambda rows: np.array([[float(row[d][kind]) for row in rows] for d in depths])
        variances = [v_reference, *deviation["train"], *deviation["test"]]
        np.save(folder / f"{name}_variances.npy", at(variances).astype("<f8"))
    for matrix, rows, of in (("train_train", train, "train"), ("test_train", test, "test")):
        values = [[network.kernels(network.states(x, y, layers)) for y in train] for x in rows]
        for kind, name in enumerate(("nngp", "ntk")):
            m = [[[values[i][j][d][kind] for j in range(len(train))] for i in range(len(rows))] for d in depths]
            mean = lambda d, i, j: (
                v_reference[d][kind] + (deviation[of][i][d][kind] + deviation["train"][j][d][kind]) / 2
            )
            e = [
                [[mean(d, i, j) - m[n][i][j] for j in range(len(train))] for i in range(len(rows))]
                for n, d in enumerate(depths)
            ]
            numbers = lambda array: rounded(np.array(array, dtype=object)).astype("<f8")
            np.save(folder / f"{name}_{matrix}.npy", numbers(m))
            np.save(folder / f"{name}_{matrix}_complement.npy", numbers(e))
