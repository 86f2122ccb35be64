"""The trainability map by neural-tangents and numpy, as somebody who knows both would write it for one machine.

    python heatmap.py FOLDER

Reads FOLDER/heatmap.json {weightVariance: [...], biasVariance, depth: [...], times: [...], train, test, classes} and the
float64 files train.f64, test.f64 (images), train-targets.f64, and test-labels.i32. Prints {"ready": true}; then for each
line on stdin runs the whole map and prints {"seconds", "lambdaMax": [variance][depth], "testAccuracy":
[variance][depth][time]}. NTK alone: layer by layer, every depth read on the way; eigh; gradient flow at the largest
stable rate 2 / lambda_max; test accuracies.
"""

import functools
import json
import os
import sys
import time

import jax

jax.config.update("jax_enable_x64", True)

import jax.numpy as jnp
import numpy as np
from neural_tangents import stax


def main(folder):
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    spec = json.load(open(os.path.join(folder, "heatmap.json")))
    read = lambda name, dtype="<f8": np.fromfile(os.path.join(folder, name), dtype=dtype)
    train = read("train.f64").reshape(spec["train"], -1)
    test = read("test.f64").reshape(spec["test"], -1)
    targets = read("train-targets.f64").reshape(spec["train"], spec["classes"])
    labels = read("test-labels.i32", "<i4")
    read_in = jax.jit(stax.Dense(1, 1.0, 0.0)[2])

    # One compilation for all variances; the layers between two depths in one call.
    @functools.partial(jax.jit, static_argnums=2)
    def deeper(kernel, w_std, steps):
        block = stax.serial(stax.Erf(), stax.Dense(1, w_std, spec["biasVariance"] ** 0.5))[2]
        for _ in range(steps):
            kernel = block(kernel)
        return kernel

    def run(variances):
        lambda_max, accuracy = [], []
        for variance in variances:
            train_train, test_train = read_in(train, None), read_in(test, train)
            w_std = jnp.asarray(variance**0.5)
            lambda_max.append([])
            accuracy.append([])
            at = 0
            for depth in spec["depth"]:
                if depth > at:
                    train_train, test_train = (deeper(k, w_std, depth - at) for k in (train_train, test_train))
                    at = depth
                values, vectors = np.linalg.eigh(np.asarray(train_train.ntk))
                rate = 2 / values[-1]
                modes = vectors.T @ targets
                weights = [-np.expm1(-rate * values * t) / values for t in spec["times"]]
                solutions = vectors @ np.concatenate([w[:, None] * modes for w in weights], axis=1)
                predictions = np.asarray(test_train.ntk) @ solutions
                classes = predictions.reshape(len(test), len(spec["times"]), -1).argmax(axis=2)
                lambda_max[-1].append(values[-1])
                accuracy[-1].append((classes == labels[:, None]).mean(axis=0).tolist())
        return lambda_max, accuracy

    def answer(message):
        answers.write(json.dumps(message) + "\n")
        answers.flush()

    run(spec["weightVariance"][:1])  # Compiles.
    answer({"ready": True})
    for _ in sys.stdin:
        started = time.perf_counter()
        lambda_max, accuracy = run(spec["weightVariance"])
        answer({"seconds": time.perf_counter() - started, "lambdaMax": lambda_max, "testAccuracy": accuracy})


if __name__ == "__main__":
    main(sys.argv[1])
