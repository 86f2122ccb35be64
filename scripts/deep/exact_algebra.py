"""Eigenvalues and predictors of a kernel matrix in mpmath, from arb numbers."""
import mpmath
from flint import ctx
from mpmath import mpf


def set_digits(digits):
    ctx.dps = digits
    mpmath.mp.dps = digits


def to_mp(x):
    return mpf(x.mid().str(ctx.dps, radius=False))


def matrix(rows):
    return mpmath.matrix([[to_mp(v) for v in row] for row in rows])


def number(x):
    """17 digits: the nearest float64."""
    return float(mpmath.nstr(x, 20))


def eigenvalues(m):
    """Ascending."""
    return sorted(mpmath.eigsy(m, eigvals_only=True))


def predictors(train, test, y, mean_y, diag_reg, times):
    """
    What the analysis of one kernel gives, by its definitions: mean predictor Theta_t Theta^-1 Y with Y centred over the
    images, ridge regression with the shift r tr / m, gradient flow with eta = 2 / lambdaMax. `y` as the spec's labels say.
    """
    m = train.rows
    mean = test * (mpmath.inverse(train) * mean_y)
    trace = sum(train[i, i] for i in range(m))
    regression = []
    for ridge in diag_reg:
        shift = mpf(ridge) * trace / m
        x = mpmath.inverse(train + shift * mpmath.eye(m)) * y
        regression.append({"test": test * x, "trainLoss": loss(-shift * x)})
    values, vectors = mpmath.eigsy(train)
    eta, projected = 2 / max(values), vectors.T * y
    dynamics = []
    for t in times:
        decay = [mpmath.exp(-eta * v * t) for v in values]
        flow = mpmath.diag([-mpmath.expm1(-eta * v * t) / v for v in values])
        missing = vectors * (mpmath.diag(decay) * projected)
        dynamics.append({"test": test * (vectors * (flow * projected)), "trainLoss": loss(missing)})
    return {"mean": mean, "regression": regression, "dynamics": dynamics}


def loss(missing):
    """Mean over images of 1/2 |f - Y|^2."""
    return sum(v * v for v in missing) / 2 / missing.rows


def plain(tree):
    """Numbers of a result as floats, matrices as rows one after the other."""
    if isinstance(tree, dict):
        return {name: plain(value) for name, value in tree.items()}
    if isinstance(tree, list):
        return [plain(value) for value in tree]
    if isinstance(tree, mpmath.matrix):
        return [number(tree[i, j]) for i in range(tree.rows) for j in range(tree.cols)]
    return number(tree)
