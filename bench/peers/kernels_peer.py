"""neural-tangents behind JSON lines: one request a line on stdin, one answer a line on stdout.

    python kernels_peer.py f64|f32

    {"do": "prepare", "name", "family", "activation", "depth", "filterSize", "padding", "weightVariance",
     "biasVariance", "rows": FILE, "cols": FILE | null, "shape": [count, ...], "otherShape", "readIn": true | false}
        compiles; with readIn false the Kernel object after the read-in is made once and given to every run
    {"do": "run", "name"}                 -> {"seconds"}: one call, to the last number (block_until_ready)
    {"do": "save", "name", "folder"}      -> nngp.f64 and ntk.f64 of the last run, little-endian, row-major
    {"do": "forget", "name"}

Images come as little-endian float64 files. A network of depth l is a bias-free read-in of weight variance 1, then
l times [activation, Dense or Conv], and for images pooling (or Flatten) and a Dense readout.
"""

import json
import os
import sys
import time

import jax

precision = sys.argv[1]
jax.config.update("jax_enable_x64", precision == "f64")

import jax.numpy as jnp
import neural_tangents as nt
import numpy as np
from neural_tangents import stax

DTYPE = np.float64 if precision == "f64" else np.float32
ACTIVATIONS = {"erf": stax.Erf, "relu": stax.Relu, "gelu": stax.Gelu}
GET = ("nngp", "ntk")


def layers(spec):
    phi = ACTIVATIONS[spec["activation"]]
    numbers = {"W_std": spec["weightVariance"] ** 0.5, "b_std": spec["biasVariance"] ** 0.5}
    if spec["family"] == "fcn":
        return stax.Dense(1, 1.0, 0.0), [f for _ in range(spec["depth"]) for f in (phi(), stax.Dense(1, **numbers))], []
    size, padding = spec["filterSize"], spec["padding"].upper()
    conv = lambda: stax.Conv(1, (size, size), padding=padding, **numbers)
    pool = stax.Flatten() if spec["family"] == "cnn-flatten" else stax.GlobalAvgPool()
    body = [f for _ in range(spec["depth"]) for f in (phi(), conv())]
    return stax.Conv(1, (1, 1), W_std=1.0, b_std=0.0), body, [pool, stax.Dense(1, **numbers)]


def images(file, shape):
    return jax.device_put(np.fromfile(file, dtype="<f8").reshape(shape).astype(DTYPE))


class Prepared:
    def __init__(self, spec):
        read_in, body, top = layers(spec)
        x1 = images(spec["rows"], spec["shape"])
        x2 = None if spec["cols"] is None else images(spec["cols"], spec["otherShape"])
        if spec["readIn"]:
            kernel_fn = stax.serial(read_in, *body, *top)[2]
            # Ahead of time: compiling is no part of a run, and costs no run.
            self.arguments = (x1,) if x2 is None else (x1, x2)
            run = (lambda a: kernel_fn(a, None, GET)) if x2 is None else (lambda a, b: kernel_fn(a, b, GET))
        else:
            kernel_fn = stax.serial(*body, *top)[2]
            self.arguments = (jax.block_until_ready(jax.jit(lambda a: read_in[2](a, x2))(x1)),)
            run = lambda k: kernel_fn(k, get=GET)
        self.run_once = jax.jit(lambda *a: tuple(run(*a))).lower(*self.arguments).compile()
        self.result = None

    def run(self):
        self.result = None
        started = time.perf_counter()
        result = jax.block_until_ready(self.run_once(*self.arguments))
        seconds = time.perf_counter() - started
        self.result = result
        return seconds


def main():
    prepared = {}
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # What libraries print must not mix with answers.

    def answer(message):
        answers.write(json.dumps(message) + "\n")
        answers.flush()

    answer({"ready": True, "jax": jax.__version__, "neuralTangents": nt.__version__})
    for line in sys.stdin:
        request = json.loads(line)
        name = request.get("name")
        try:
            if request["do"] == "prepare":
                prepared[name] = Prepared(request)
                answer({})
            elif request["do"] == "run":
                answer({"seconds": prepared[name].run()})
            elif request["do"] == "save":
                for kind, values in zip(GET, prepared[name].result):
                    np.asarray(values).astype("<f8").tofile(os.path.join(request["folder"], kind + ".f64"))
                answer({})
            elif request["do"] == "forget":
                prepared.pop(name, None)
                answer({})
            else:
                answer({"error": f"unknown request {request['do']}"})
        except Exception as error:
            answer({"error": f"{type(error).__name__}: {error}"})


if __name__ == "__main__":
    main()
