"""Makes tests/deep/fixtures/cnn.json: eigenvalues and mean predictors of convolutional networks, many digits.

    python -m venv VENV ; VENV/bin/pip install -r scripts/deep/requirements.txt
    VENV/bin/python scripts/deep/cnn.py tests/deep/fixtures/cnn.json   (then npx biome format --write tests/deep/fixtures)
    VENV/bin/python scripts/deep/cnn.py tests/deep/fixtures/cnn.json --check 150   (again with 150 digits, and compared)

4 training images and a test image of 8 x 8 x 3 bytes, not on the sphere (images.py, standardize), 3 x 3 filters, circular
and zero padding, both readouts from one run. A bias-free read-in of weight variance 1 (mean over channels), then l times
[activation, Conv], then Flatten or GlobalAvgPool and a Dense of the same variances; k = q exactly where image and pixel
are the same. `same` pads with zeros and divides by 9 all the same.
"""
import argparse
import json
import time

import numpy as np
from flint import arb

import duals
from compare import worst_difference
from duals import dual_of, exact
from exact_algebra import eigenvalues, matrix, plain, set_digits
from images import integers, standardized_bytes
import mpmath

TRAIN, TEST, SIDE, CHANNELS, FILTER = 4, 1, 8, 3, 3
TRAIN_LABELS, TEST_LABELS, CLASSES = [0, 1, 0, 0], [1], 2
DEPTHS = [1, 10, 50, 100, 300]
CASES = [
    (f"{name}-{padding}", {"name": name.split("-")[0]}, weight_variance, bias_variance, padding, depths)
    for name, weight_variance, bias_variance, depths in [
        ("erf-ordered", 1, 0.18, DEPTHS),
        ("relu-ordered", 1.5, 0.1, DEPTHS),
        ("erf-near-critical", 1.25, 0.05, DEPTHS),
        ("erf-chaotic", 2.5, 0.18, DEPTHS[:-1]),
    ]
    for padding in ("circular", "same")
]

midpoint = np.frompyfunc(lambda x: x.mid(), 1, 1)


def filtered(plane, padding):
    """
    Mean over the filter of a plane of pixels (y, x), or of pixel pairs (y, x, y', x'), both moved by the same offset.
    """
    for axes in ((0,), (1,)) if plane.ndim == 2 else ((0, 2), (1, 3)):
        if padding == "circular":
            plane = plane + np.roll(plane, 1, axes) + np.roll(plane, -1, axes)
        else:
            total = plane.copy()
            first, last = [slice(None)] * plane.ndim, [slice(None)] * plane.ndim
            for axis in axes:
                first[axis], last[axis] = slice(None, -1), slice(1, None)
            total[tuple(first)] += plane[tuple(last)]
            total[tuple(last)] += plane[tuple(first)]
            plane = total
    return plane / FILTER**2


class Network:
    """K and Theta of every needed pair of images (a, b), each a plane (y, x, y', x'); a <= b among training images."""

    def __init__(self, activation, weight_variance, bias_variance, padding, images):
        self.activation, self.padding = activation, padding
        dual = dual_of(activation)
        self.pair, self.diagonal = np.frompyfunc(dual.pair, 3, 2), np.frompyfunc(dual.diagonal, 1, 2)
        self.sw, self.sb = exact(weight_variance), exact(bias_variance)
        values, denominator = integers("standardize", images)
        x = [np.array(v, dtype=np.int64).reshape(SIDE, SIDE, CHANNELS) for v in values]
        pairs = [(a, b) for b in range(TRAIN + TEST) for a in range(TRAIN) if a <= b]
        scaled = np.frompyfunc(lambda v: arb(int(v)) / (CHANNELS * denominator**2), 1, 1)
        self.nngp = {(a, b): scaled(np.einsum("yxc,vwc->yxvw", x[a], x[b])) for a, b in pairs}
        # Of the test image by itself nothing is needed but its variances.
        self.variance = [scaled((v * v).sum(2)) for v in x]
        self.ntk = {key: plane.copy() for key, plane in self.nngp.items()}

    def dual_plane(self, a, b):
        q, r = self.variance[a][:, :, None, None], self.variance[b][None, None]
        dual, derivative = self.pair(q, r, self.nngp[a, b])
        if a == b:
            y, x = np.indices((SIDE, SIDE))
            dual[y, x, y, x], derivative[y, x, y, x] = self.diagonal(self.variance[a])
        return dual, derivative

    def step(self):
        nngp, ntk = {}, {}
        for a, b in self.nngp:
            dual, derivative = self.dual_plane(a, b)
            nngp[a, b] = midpoint(self.sw * filtered(dual, self.padding) + self.sb)
            ntk[a, b] = midpoint(nngp[a, b] + self.sw * filtered(derivative * self.ntk[a, b], self.padding))
        dual = [self.diagonal(v)[0] for v in self.variance]
        variance = [midpoint(self.sw * filtered(v, self.padding) + self.sb) for v in dual]
        self.nngp, self.ntk, self.variance = nngp, ntk, variance

    def readout(self, family):
        """(NNGP, NTK) after the Dense, (TRAIN + TEST) x TRAIN."""

        def pooled(plane):
            if family == "cnn-gap":
                return plane.sum() / SIDE**4
            y, x = np.indices((SIDE, SIDE))
            return plane[y, x, y, x].sum() / SIDE**2

        def read(planes):
            return [[pooled(planes[min(a, b), max(a, b)]) for a in range(TRAIN)] for b in range(TRAIN + TEST)]

        nngp = [[self.sw * v + self.sb for v in row] for row in read(self.nngp)]
        ntk = [[k + self.sw * v for k, v in zip(*rows)] for rows in zip(nngp, read(self.ntk))]
        return {"nngp": matrix(nngp), "ntk": matrix(ntk)}


def rows_of(network, depths):
    one_hot = [[int(c == label) for c in range(CLASSES)] for label in TRAIN_LABELS]
    mean_y = matrix([[arb(v) - arb(one_hot_sum) / TRAIN for v, one_hot_sum in zip(row, map(sum, zip(*one_hot)))] for row in one_hot])
    rows = []
    for depth in range(max(depths) + 1):
        if depth in depths:
            row = {"depth": depth}
            for family in ("cnn-flatten", "cnn-gap"):
                row[family] = {}
                for kind, m in network.readout(family).items():
                    train, test = m[:TRAIN, :TRAIN], m[TRAIN:, :TRAIN]
                    found = {"eigenvalues": eigenvalues(train), "mean": test * (mpmath.inverse(train) * mean_y)}
                    row[family][kind] = plain(found)
            rows.append(row)
        if depth < max(depths):
            network.step()
    return rows


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("file")
    parser.add_argument("--digits", type=int, default=112)
    parser.add_argument("--check", type=int, help="compute with this many digits, compare, write nothing")
    parser.add_argument("--only", help="the cases whose name begins so; the others stay as they are in the file")
    given = parser.parse_args()
    set_digits(given.check or given.digits)
    duals.check()
    images = standardized_bytes(21, TRAIN, TEST, SIDE * SIDE * CHANNELS)
    fixture = {
        "digits": given.digits,
        "shape": [SIDE, SIDE, CHANNELS],
        "filterSize": FILTER,
        "normalization": "standardize",
        "classes": CLASSES,
        "trainLabels": TRAIN_LABELS,
        "testLabels": TEST_LABELS,
        "images": images,
        "cases": [],
    }
    if given.only or given.check:
        with open(given.file) as file:
            fixture = json.load(file)
    for name, activation, weight_variance, bias_variance, padding, depths in CASES:
        if given.only and not name.startswith(given.only):
            continue
        started = time.time()
        network = Network(activation, weight_variance, bias_variance, padding, images)
        rows = rows_of(network, depths)
        last = rows[-1]["cnn-gap"]["nngp"]["eigenvalues"]
        print(f"{name}: {time.time() - started:.0f} s, condition number {last[-1] / last[0]:.1e}", flush=True)
        case = {
            "name": name,
            "activation": activation,
            "weightVariance": weight_variance,
            "biasVariance": bias_variance,
            "padding": padding,
            "rows": rows,
        }
        if given.check:
            (known,) = [known for known in fixture["cases"] if known["name"] == name]
            print("  worst relative difference", worst_difference(known, case), flush=True)
            continue
        fixture["cases"] = [known for known in fixture["cases"] if known["name"] != name] + [case]
        with open(given.file, "w") as file:
            json.dump(fixture, file, separators=(",", ":"))
            file.write("\n")


if __name__ == "__main__":
    main()
