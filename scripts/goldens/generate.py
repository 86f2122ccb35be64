"""Makes the project's golden kernels (packages/engine/goldens) in 80-bit floating point, rounded to float64 at the end;
those with complements in 120 digits (complements.py).

    pip install -r scripts/goldens/requirements.txt
    python scripts/goldens/generate.py packages/engine/goldens

x86-64 only: elsewhere numpy's long double is no wider than a double. The networks are those of cases.json; depth l is a
bias-free read-in, then l times [activation, Dense or Conv]; a CNN ends in Flatten or GlobalAvgPool and a Dense. Where
image and pixel are the same, the covariance is set to the variance exactly. Images: the first ones of the synthetic data
set, their top left corner where a case says so; they are stored as bytes beside the matrices.
"""
import json
import pathlib
import sys

import numpy as np

import complements
from dual_activations import F, dual
from synthetic_images import test_images, train_images

assert np.finfo(F).nmant >= 63, "this machine's long double is only a double"


def corner(images, shape):
    """The top left height x width pixels; {"inputs": n} takes the first n numbers of each image as a vector."""
    if "inputs" in shape:
        return images.reshape(len(images), -1)[:, : shape["inputs"]]
    return images[:, : shape["height"], : shape["width"]]


def normalize(kind, train, test):
    train, test = train.astype(F), test.astype(F)
    if kind == "standardize":
        mean, deviation = train.mean(), np.sqrt(((train - train.mean()) ** 2).mean())
        return (train - mean) / deviation, (test - mean) / deviation
    if kind == "unit-sphere":

        def centred(x):
            axes = tuple(range(1, x.ndim))
            y = x - x.mean(axis=axes, keepdims=True)
            return y / np.sqrt((y * y).mean(axis=axes, keepdims=True))

        return centred(train), centred(test)
    return (train / 255, test / 255) if kind == "scale" else (train, test)


class Dense:
    """Fully connected: the covariance of a pair is one number, and images are vectors."""

    def __init__(self, case):
        del case

    def read_in(self, x, y):
        # Summed as the variances are, so that two images of equal bytes have k = q to the last bit.
        x, y = x.reshape(len(x), -1), y.reshape(len(y), -1)
        return (x[:, None] * y[None, :]).sum(axis=-1) / x.shape[1]

    def variance(self, x):
        flat = x.reshape(len(x), -1)
        return (flat * flat).sum(axis=-1) / flat.shape[1]

    def pairs(self, q1, q2):
        return q1[:, None], q2[None, :]

    def average(self, m):
        return m

    average_variance = average

    def set_diagonal(self, k, q):
        i = np.arange(len(q))
        k[i, i] = q

    def read_out(self, k, theta, weight, bias):
        del weight, bias
        return k, theta


class Convolution:
    """All pixel pairs (p, p') of all image pairs: arrays (a, b, h, w, h', w')."""

    def __init__(self, case):
        architecture = case["architecture"]
        self.filter, self.padding = architecture["filterSize"], architecture["padding"]
        self.pooled = architecture["family"] == "cnn-gap"

    def read_in(self, x, y):
        return (x[:, None, :, :, None, None] * y[None, :, None, None]).sum(axis=-1) / x.shape[-1]

    def variance(self, x):
        return (x * x).sum(axis=-1) / x.shape[-1]

    def pairs(self, q1, q2):
        return q1[:, None, :, :, None, None], q2[None, :, None, None, :, :]

    def average(self, m):
        """1/f^2 times the sum over offsets of the window, applied to both pixels of a pair."""
        return self._window(self._window(m, (2, 4)), (3, 5))

    def average_variance(self, q):
        return self._window(self._window(q, (1,)), (2,))

    def _window(self, m, axes):
        half = self.filter // 2
        if self.padding == "circular":
            padded = m
        else:
            widths = [(half, half) if axis in axes else (0, 0) for axis in range(m.ndim)]
            padded = np.pad(m, widths)
        total = np.zeros_like(m)
        for offset in range(-half, half + 1):
            if self.padding == "circular":
                total += np.roll(padded, [-offset] * len(axes), axes)
            else:
                window = [slice(None)] * m.ndim
                for axis in axes:
                    window[axis] = slice(half + offset, half + offset + m.shape[axis])
                total += padded[tuple(window)]
        return total / self.filter

    def set_diagonal(self, k, q):
        n, height, width = q.shape
        i, y, x = np.ix_(np.arange(n), np.arange(height), np.arange(width))
        k[i, i, y, x, y, x] = q

    def read_out(self, k, theta, weight, bias):
        def mean(m):
            return m.mean(axis=(2, 3, 4, 5)) if self.pooled else np.einsum("abhwhw->ab", m) / (m.shape[2] * m.shape[3])

        nngp = weight * mean(k) + bias
        return nngp, nngp + weight * mean(theta)


def kernels(case, x, y, same):
    """NNGP and NTK of every depth asked for: two arrays (depth, x, y)."""
    weight, bias = F(case["weightVariance"]), F(case["biasVariance"])
    network = Dense(case) if case["architecture"]["family"] == "fcn" else Convolution(case)
    phi = dual(case["architecture"]["activation"])
    k, qx, qy = network.read_in(x, y), network.variance(x), network.variance(y)
    if same:
        network.set_diagonal(k, qx)
    theta = k.copy()
    found = {}
    for depth in range(max(case["depth"]) + 1):
        if depth in case["depth"]:
            found[depth] = network.read_out(k, theta, weight, bias)
        q1, q2 = (np.broadcast_to(q, k.shape) for q in network.pairs(qx, qy))
        value, slope = phi(q1, q2, k)
        k = weight * network.average(value) + bias
        qx, qy = (weight * network.average_variance(phi(q, q, q)[0]) + bias for q in (qx, qy))
        if same:
            network.set_diagonal(k, qx)
        theta = k + weight * network.average(slope * theta)
    return tuple(np.stack([found[depth][kind] for depth in case["depth"]]) for kind in (0, 1))


def stored_images(folder, case):
    """The case's bytes as (train, test), written once per choice of images."""
    choice = case["images"]
    names = []
    for split, make in (("train", train_images), ("test", test_images)):
        indices = choice[split]
        label = "x".join(str(n) for n in choice["shape"].values())
        name = f"images/{split}-{label}-{'-'.join(map(str, indices))}.npy"
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, np.ascontiguousarray(corner(make(indices), choice["shape"])))
        names.append(name)
    return names


def write_kernels(case, train, test, target):
    for matrix, x, same in (("train_train", train, True), ("test_train", test, False)):
        for kernel, values in zip(("nngp", "ntk"), kernels(case, x, train, same)):
            np.save(target / f"{kernel}_{matrix}.npy", values.astype("<f8"))


def main(folder):
    here = pathlib.Path(__file__).parent
    cases = json.loads((here / "cases.json").read_text())
    manifest = []
    for case in cases:
        train_file, test_file = stored_images(folder, case)
        train, test = np.load(folder / train_file), np.load(folder / test_file)
        target = folder / case["name"]
        target.mkdir(parents=True, exist_ok=True)
        if "referenceVariance" in case:
            # In float64, as engines read them: a complement is of the very numbers that an engine gets.
            assert case["normalization"] == "scale"
            complements.write(case, train / 255, test / 255, target)
        else:
            write_kernels(case, *normalize(case["normalization"], train, test), target)
        dataset = {"trainImages": train_file, "testImages": test_file, "normalization": case["normalization"]}
        keys = ("architecture", "weightVariance", "biasVariance", "depth", "referenceVariance")
        kept = {key: case[key] for key in keys if key in case}
        manifest.append({"name": case["name"], "dataset": dataset, **kept})
        print(case["name"], flush=True)
    text = json.dumps({"madeBy": "scripts/goldens/generate.py", "computedIn": "80-bit extended; with complements: 120 digits", "cases": manifest}, indent=1)
    (folder / "manifest.json").write_text(text + "\n")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
