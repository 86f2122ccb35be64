"""Dual activations T = E[phi(u)phi(v)] and T' = E[phi'(u)phi'(v)], (u, v) ~ N(0, [[a, k], [k, b]]), in arb numbers.

Plain closed forms, as they stand in the papers (Williams 1996 for erf, Cho and Saul 2009 for relu, Tsuchida et al. 2021
for gelu): here digits are cheap, and nothing is rearranged against cancellation. `diagonal` is the case a = b = k, exact
where the general form would take the root of a ball around 0. Python floats are taken as the exact numbers they are.
"""
from flint import arb, fmpq


def exact(x):
    return arb(fmpq(*float(x).as_integer_ratio()))


def asin_of(k, below):
    """asin(k / sqrt(P)) = atan2(k, sqrt(P - k^2)) from k and that root."""
    return arb.atan2(k, below)


class Erf:
    def __init__(self):
        self.scale = 2 / arb.pi()

    def diagonal(self, q):
        return self.pair(q, q, q)

    def pair(self, a, b, k):
        twice = k + k
        root = ((1 + a + a) * (1 + b + b) - twice * twice).sqrt()
        return self.scale * asin_of(twice, root), (self.scale + self.scale) / root


class AbRelu:
    """phi(x) = low min(x, 0) + high max(x, 0)"""

    def __init__(self, low, high):
        low, high = exact(low), exact(high)
        self.mean, self.bend = (low * low + high * high) / 2, (high - low) ** 2 / (2 * arb.pi())

    def diagonal(self, q):
        return self.mean * q, self.mean

    def pair(self, a, b, k):
        root = (a * b - k * k).sqrt()
        derivative = self.mean - self.bend * arb.atan2(root, k)
        return self.bend * root + derivative * k, derivative


class Gelu:
    def diagonal(self, q):
        return self.pair(q, q, q)

    def pair(self, a, b, k):
        big, small = (1 + a) * (1 + b), a * b
        square = big - k * k
        root = square.sqrt()
        angle = asin_of(k, root)
        dual = k / 4 + (k * angle + (k * k + small * square) / (big * root)) / (2 * arb.pi())
        tail = k / root * (1 / square + (1 - small) / big + 1)
        return dual, exact(0.25) + (angle + tail) / (2 * arb.pi())


class Sin:
    """phi(x) = a sin(b x + c)"""

    def __init__(self, a, b, c):
        self.a, self.b, self.c = exact(a), exact(b), exact(c)

    def diagonal(self, q):
        return self.pair(q, q, q)

    def pair(self, a, b, k):
        square, mean = self.b**2, (a + b) / 2
        near = (square * (k - mean)).exp()
        far = (-square * (k + mean)).exp() * (2 * self.c).cos()
        return self.a**2 * (near - far) / 2, self.a**2 * square * (near + far) / 2


class Rbf:
    def __init__(self, gamma):
        self.gamma = exact(gamma)

    def diagonal(self, q):
        return arb(1), 2 * self.gamma

    def pair(self, a, b, k):
        dual = (self.gamma * (2 * k - a - b)).exp()
        return dual, 2 * self.gamma * dual


def dual_of(activation):
    """From an activation as a spec writes it."""
    name = activation["name"]
    if name == "erf":
        return Erf()
    if name == "relu":
        return AbRelu(0, 1)
    if name == "leaky-relu":
        return AbRelu(activation["alpha"], 1)
    if name == "gelu":
        return Gelu()
    if name == "sin":
        return Sin(activation["a"], activation["b"], activation["c"])
    if name == "rbf":
        return Rbf(activation["gamma"])
    raise ValueError(f"no dual of {name}")


def check():
    """The closed forms against two-dimensional Gauss-Hermite quadrature, to its own 1e-9 (relu's kinks: 1e-3)."""
    import math

    import numpy as np

    erf = np.vectorize(math.erf)
    phis = {
        "erf": (erf, lambda x: 2 / math.sqrt(math.pi) * np.exp(-x * x)),
        "relu": (lambda x: np.maximum(x, 0), lambda x: (x > 0) * 1.0),
        "leaky-relu": (lambda x: np.where(x < 0, 0.2 * x, x), lambda x: np.where(x < 0, 0.2, 1.0)),
        "gelu": (
            lambda x: x * (1 + erf(x / math.sqrt(2))) / 2,
            lambda x: (1 + erf(x / math.sqrt(2))) / 2 + x * np.exp(-x * x / 2) / math.sqrt(2 * math.pi),
        ),
        "sin": (lambda x: 1.1 * np.sin(0.9 * x + 0.3), lambda x: 0.99 * np.cos(0.9 * x + 0.3)),
        "rbf": (
            lambda x: math.sqrt(2) * np.sin(math.sqrt(0.6) * x + math.pi / 4),
            lambda x: math.sqrt(1.2) * np.cos(math.sqrt(0.6) * x + math.pi / 4),
        ),
    }
    x, w = np.polynomial.hermite_e.hermegauss(150)
    u, v = np.meshgrid(x, x)
    weight = np.outer(w, w) / w.sum() ** 2
    for name, (phi, derivative) in phis.items():
        activation = {"name": name, "alpha": 0.2, "a": 1.1, "b": 0.9, "c": 0.3, "gamma": 0.3}
        for a, b, k in ((1.3, 0.7, 0.4), (0.5, 0.6, -0.3), (0.8, 0.8, 0.79), (0.9, 0.9, 0.9)):
            first, second = math.sqrt(a) * u, k / math.sqrt(a) * u + math.sqrt(b - k * k / a) * v
            got = dual_of(activation).pair(*map(exact, (a, b, k))) if k < a else dual_of(activation).diagonal(exact(a))
            for value, f in zip(got, (phi, derivative)):
                error = abs(float(value.mid()) - (weight * f(first) * f(second)).sum())
                limit = 2e-2 if "relu" in name else 1e-9
                assert error < limit, f"{name} at {a}, {b}, {k}: {error}"


if __name__ == "__main__":
    check()
    print("the dual activations agree with quadrature")
