"""E[phi(u) phi(v)] and E[phi'(u) phi'(v)] for (u, v) ~ N(0, [[q1, k], [k, q2]]), in numpy's long double.

Sources: Cho & Saul 2009 (piecewise linear), Williams 1997 (erf), and the stax closed forms for gelu, sin and rbf; tanh by
the trapezoidal rule in two independent normals.
"""
import numpy as np

F = np.longdouble
PI = F(4) * np.arctan(F(1))


def piecewise_linear(q1, q2, k, a, b):
    """phi(x) = a min(x, 0) + b max(x, 0)."""
    a, b = F(a), F(b)
    sine = np.sqrt(np.maximum(q1 * q2 - k * k, 0))
    slope = (a * a + b * b) / 2 - (a - b) ** 2 / (2 * PI) * np.arctan2(sine, k)
    return (a - b) ** 2 / (2 * PI) * sine + slope * k, slope


def erf(q1, q2, k):
    root = np.sqrt((1 + 2 * q1) * (1 + 2 * q2) - 4 * k * k)
    return 2 / PI * np.arctan2(2 * k, root), 4 / (PI * root)


def gelu(q1, q2, k):
    product = (1 + q1) * (1 + q2)
    root = np.sqrt(product - k * k)
    angle = np.arctan2(k, root)
    mixed = (k * k + q1 * q2 * root**2) / (product * root)
    slope = k / root * (1 / root**2 + (1 - q1 * q2) / product + 1)
    return k / 4 + (k * angle + mixed) / (2 * PI), F(1) / 4 + (angle + slope) / (2 * PI)


def sine(q1, q2, k, a, b, c):
    a, b, c = F(a), F(b), F(c)
    mean = (q1 + q2) / 2
    near, far = np.exp(b * b * (k - mean)), np.cos(2 * c) * np.exp(-b * b * (k + mean))
    return a * a / 2 * (near - far), a * a * b * b / 2 * (near + far)


def rbf(q1, q2, k, gamma):
    gamma = F(gamma)
    value = np.exp(gamma * (2 * k - q1 - q2))
    return value, 2 * gamma * value


def tanh(q1, q2, k):
    """Step h: the error is about exp(-pi^2 / (h sqrt q)) times a power of 1 / h; 0.15 gives exp(-46) at q = 2."""
    h = F("0.15")
    x = np.arange(-68, 69) * h
    weight = np.exp(-x * x / 2) * h / np.sqrt(2 * PI)
    value, slope = np.empty_like(k), np.empty_like(k)
    for at in np.ndindex(k.shape):
        along = k[at] / np.sqrt(q1[at])
        across = np.sqrt(np.maximum(q2[at] - along * along, 0))
        u, v = np.tanh(np.sqrt(q1[at]) * x), np.tanh(along * x[:, None] + across * x[None, :])
        value[at] = (weight * u) @ (v @ weight)
        slope[at] = (weight * (1 - u * u)) @ ((1 - v * v) @ weight)
    return value, slope


def dual(activation):
    """The function (q1, q2, k) -> (T, T') of an activation of the spec."""
    name = activation["name"]
    parameters = {key: value for key, value in activation.items() if key != "name"}
    if name == "identity":
        return lambda q1, q2, k: (k, np.ones_like(k))
    if name in ("relu", "leaky-relu", "abs", "abrelu"):
        a, b = {
            "relu": (0, 1),
            "leaky-relu": (parameters.get("alpha"), 1),
            "abs": (-1, 1),
            "abrelu": (parameters.get("a"), parameters.get("b")),
        }[name]
        return lambda q1, q2, k: piecewise_linear(q1, q2, k, a, b)
    function = {"erf": erf, "gelu": gelu, "sin": sine, "rbf": rbf, "tanh": tanh}[name]
    return lambda q1, q2, k: function(q1, q2, k, **parameters)
