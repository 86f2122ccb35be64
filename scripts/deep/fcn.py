"""Makes tests/deep/fixtures/fcn.json: eigenvalues and predictors of fully connected networks in 400-digit arithmetic.

    python -m venv VENV ; VENV/bin/pip install -r scripts/deep/requirements.txt
    VENV/bin/python scripts/deep/fcn.py tests/deep/fixtures/fcn.json   (then npx biome format --write tests/deep/fixtures)
    VENV/bin/python scripts/deep/fcn.py tests/deep/fixtures/fcn.json --check 600   (again with 600 digits, and compared)

8 training and 3 test images that are not on the sphere (see images.py), 4 classes in unequal numbers. A bias-free read-in
of weight variance 1, then l times [activation, Dense]; k = q exactly for an image with itself. For each depth and kind:
all eigenvalues; mean predictor, ridge regression and gradient flow on the test images (rows image by image) and their
loss on the training images, by their plain definitions; and whether a float64 Cholesky of the exactly rounded kernel fails.
"""
import argparse
import json
import time

import numpy as np
from flint import arb

import duals
from duals import dual_of, exact
from exact_algebra import eigenvalues, matrix, plain, predictors, set_digits
from images import integers, small_bytes, standardized_bytes
from compare import worst_difference

TRAIN, TEST, SHAPE = 8, 3, [4, 4, 3]
TRAIN_LABELS, TEST_LABELS, CLASSES = [0, 1, 2, 3, 0, 1, 2, 0], [1, 3, 0], 4
TIMES, DIAG_REG = [1, 100, 10000], [0, 0.01]
SIN = {"name": "sin", "a": 1.1, "b": 0.9, "c": 0.3}
LEAKY = {"name": "leaky-relu", "alpha": 0.2}
RBF = {"name": "rbf", "gamma": 0.3}
SHORT, LONG = [1, 10, 100, 300], [1, 10, 100, 300, 1000]
CASES = [
    ("erf-ordered", {"name": "erf"}, 1, 0.18, "standardize", LONG),
    ("erf-critical", {"name": "erf"}, 1.375839, 0.05, "none", LONG),
    ("erf-chaotic", {"name": "erf"}, 2.5, 0.18, "standardize", SHORT),
    ("relu-ordered", {"name": "relu"}, 1.5, 0.1, "none", SHORT),
    ("relu-critical", {"name": "relu"}, 2, 0, "standardize", SHORT),
    ("relu-chaotic", {"name": "relu"}, 2.3, 0.1, "standardize", SHORT),
    ("leaky-relu-ordered", LEAKY, 1.5, 0.1, "standardize", SHORT),
    ("leaky-relu-critical", LEAKY, 2 / 1.04, 0, "none", SHORT),
    ("leaky-relu-chaotic", LEAKY, 2.2, 0.1, "standardize", SHORT),
    ("gelu-ordered", {"name": "gelu"}, 1.5, 0.1, "standardize", SHORT),
    ("gelu-critical", {"name": "gelu"}, 1.98, 0.1, "standardize", SHORT),
    ("gelu-chaotic", {"name": "gelu"}, 2.3, 0.1, "none", [1, 10, 50]),
    ("sin-ordered", SIN, 0.8, 0.1, "none", SHORT),
    ("sin-critical", SIN, 1.74, 0.1, "standardize", SHORT),
    ("sin-chaotic", SIN, 2.5, 0.1, "standardize", SHORT),
    ("rbf-ordered", RBF, 1.2, 0.1, "standardize", SHORT),
    ("rbf-critical", RBF, 5 / 3, 0.05, "none", SHORT),
    ("rbf-chaotic", RBF, 2.2, 0.1, "standardize", SHORT),
]


def layer(dual, sw, sb, nngp, ntk):
    n = len(nngp)
    new_nngp, new_ntk = [[None] * n for _ in range(n)], [[None] * n for _ in range(n)]
    for i in range(n):
        for j in range(i + 1):
            q, r, k = nngp[i][i], nngp[j][j], nngp[i][j]
            t, d = dual.diagonal(q) if i == j else dual.pair(q, r, k)
            new_nngp[i][j] = new_nngp[j][i] = (sw * t + sb).mid()
            new_ntk[i][j] = new_ntk[j][i] = (new_nngp[i][j] + sw * d * ntk[i][j]).mid()
    return new_nngp, new_ntk


def labels():
    one_hot = [[int(c == label) for c in range(CLASSES)] for label in TRAIN_LABELS]
    mean = [arb(sum(column)) / TRAIN for column in zip(*one_hot)]
    return (
        matrix([[arb(v) - arb(1) / CLASSES for v in row] for row in one_hot]),
        matrix([[arb(v) - mean[c] for c, v in enumerate(row)] for row in one_hot]),
    )


def cholesky_fails(kernel):
    try:
        np.linalg.cholesky(np.array([[float(kernel[i, j]) for j in range(TRAIN)] for i in range(TRAIN)]))
    except np.linalg.LinAlgError:
        return True
    return False


def run(activation, weight_variance, bias_variance, normalization, depths, images):
    x, denominator = integers(normalization, images[normalization])
    inputs = len(x[0])
    gram = [[arb(sum(p * q for p, q in zip(a, b))) / (inputs * denominator**2) for b in x] for a in x]
    nngp, ntk = [row[:] for row in gram], [row[:] for row in gram]
    y, mean_y = labels()
    dual, sw, sb = dual_of(activation), exact(weight_variance), exact(bias_variance)
    rows = []
    for depth in range(max(depths) + 1):
        if depth in depths:
            row = {"depth": depth}
            for kind, m in (("nngp", nngp), ("ntk", ntk)):
                whole = matrix(m)
                train, test = whole[:TRAIN, :TRAIN], whole[TRAIN:, :TRAIN]
                found = predictors(train, test, y, mean_y, DIAG_REG, TIMES)
                row[kind] = {
                    "eigenvalues": plain(eigenvalues(train)),
                    **plain(found),
                    "choleskyFails": cholesky_fails(train),
                }
            rows.append(row)
        if depth < max(depths):
            nngp, ntk = layer(dual, sw, sb, nngp, ntk)
    return rows


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("file")
    parser.add_argument("--digits", type=int, default=400)
    parser.add_argument("--check", type=int, help="compute with this many digits, compare, write nothing")
    given = parser.parse_args()
    set_digits(given.check or given.digits)
    duals.check()
    inputs = SHAPE[0] * SHAPE[1] * SHAPE[2]
    images = {
        "none": small_bytes(11, TRAIN + TEST, inputs),
        "standardize": standardized_bytes(12, TRAIN, TEST, inputs),
    }
    cases = []
    for name, activation, weight_variance, bias_variance, normalization, depths in CASES:
        started = time.time()
        rows = run(activation, weight_variance, bias_variance, normalization, depths, images)
        last = rows[-1]
        kappas = [last[kind]["eigenvalues"][-1] / last[kind]["eigenvalues"][0] for kind in ("nngp", "ntk")]
        print(f"{name}: {time.time() - started:.0f} s, condition numbers {kappas[0]:.1e} {kappas[1]:.1e}", flush=True)
        cases.append(
            {
                "name": name,
                "activation": activation,
                "weightVariance": weight_variance,
                "biasVariance": bias_variance,
                "normalization": normalization,
                "rows": rows,
            }
        )
    fixture = {
        "digits": given.digits,
        "shape": SHAPE,
        "classes": CLASSES,
        "trainLabels": TRAIN_LABELS,
        "testLabels": TEST_LABELS,
        "times": TIMES,
        "diagReg": DIAG_REG,
        "images": images,
        "cases": cases,
    }
    if given.check:
        with open(given.file) as file:
            print("worst relative difference", worst_difference(json.load(file)["cases"], cases))
        return
    with open(given.file, "w") as file:
        json.dump(fixture, file, separators=(",", ":"))
        file.write("\n")


if __name__ == "__main__":
    main()
