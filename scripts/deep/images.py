"""Synthetic images of bytes whose normalization is exact, so that a reference needs no rounding of its inputs.

`standardize`: the training images' mean is 128 and their population standard deviation 64, both exactly, so that
x = (byte - 128) / 64 is a float. `none`: x is the byte, 0 to 5. The images' own variances differ widely.
"""
import random

MEAN, DEVIATION = 128, 64


def small_bytes(seed, count, inputs):
    """Image i draws from 0 .. 2 + i mod 4, with a share of zeros: |x|^2 / n from about 1 to 7."""
    rng = random.Random(seed)
    return [[rng.randint(0, 2 + i % 4) for _ in range(inputs)] for i in range(count)]


def standardized_bytes(seed, train, test, inputs):
    """The first `train` images have mean 128 and deviation 64 over all their bytes."""
    rng = random.Random(seed)
    amplitude = [45, 110, 70, 125, 60, 100, 85, 120]
    images = [
        [rng.randint(-amplitude[i % 8], amplitude[i % 8]) for _ in range(inputs)] for i in range(train + test)
    ]
    flat = [v for image in images[:train] for v in image]
    while sum(flat):
        i = rng.randrange(len(flat))
        step = -1 if sum(flat) > 0 else 1
        if abs(flat[i] + step) <= 127:
            flat[i] += step
    # Moving one byte up and another down by 1 keeps the sum and changes the squares by 2 (p - q + 1).
    missing = len(flat) * DEVIATION**2 - sum(v * v for v in flat)
    while missing:
        i, j = rng.randrange(len(flat)), rng.randrange(len(flat))
        p, q = flat[i], flat[j]
        change = 2 * (p - q + 1)
        if i == j or p >= 127 or q <= -127 or abs(missing - change) >= abs(missing):
            continue
        flat[i], flat[j], missing = p + 1, q - 1, missing - change
    flat = [v + MEAN for v in flat]
    assert sum(flat) == MEAN * len(flat) and sum((v - MEAN) ** 2 for v in flat) == len(flat) * DEVIATION**2
    rest = [[v + MEAN for v in image] for image in images[train:]]
    return [flat[i * inputs : (i + 1) * inputs] for i in range(train)] + rest


def integers(normalization, images):
    """Images as integers and their common factor's denominator: x = integer / denominator."""
    if normalization == "none":
        return images, 1
    return [[v - MEAN for v in image] for image in images], DEVIATION
