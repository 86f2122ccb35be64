"""The first images of the built-in synthetic data set, by the recipe in packages/dataset/src/synthetic.ts."""
import numpy as np

SEED, SIDE, CHANNELS, CLASSES, FIRST_TEST = 20191213, 32, 3, 10, 10_000
MASK = 0xFFFFFFFF


def mix(v):
    v &= MASK
    v ^= v >> 16
    v = v * 0x85EBCA6B & MASK
    v ^= v >> 13
    v = v * 0xC2B2AE35 & MASK
    return v ^ v >> 16


def random(stream, n):
    return mix(mix(stream + SEED) + n * 0x9E3779B9)


def template(label):
    y, x = np.mgrid[0:SIDE, 0:SIDE]
    planes = []
    for k in range(CHANNELS):
        total = np.zeros((SIDE, SIDE), int)
        for j in range(4):
            r = random(label, 4 * k + j)
            t = (8 * (((r & 3) + 1) * x + (r >> 2 & 3) * y) + (r >> 8 & 255)) & 255
            total += np.where(t < 128, t - 64, 191 - t)
        planes.append(total)
    return np.stack(planes, axis=-1)


TEMPLATES = [template(label) for label in range(CLASSES)]


def image(index):
    """Image `index` as (32, 32, 3) bytes: 0 .. 9,999 training, 10,000 .. test."""
    stream, label = 1000 + index, index % CLASSES
    r, q = random(stream, 0), random(stream, 1)
    shifted = lambda c, dy, dx: np.roll(TEMPLATES[c], (-dy, -dx), axis=(0, 1))
    own = shifted(label, (r >> 3 & 7) - 4, (r & 7) - 4)
    other = shifted((label + 1 + (r >> 15) % 9) % CLASSES, q >> 5 & 31, q & 31)
    signal = (5 + (r >> 6 & 7)) * own + (q >> 10 & 7) * other >> 5
    words = [random(stream, 2 + n) for n in range(SIDE * SIDE * CHANNELS // 4)]
    noise = np.array(words, "<u4").view(np.uint8).reshape(SIDE, SIDE, CHANNELS).astype(int)
    value = 128 + (r >> 9 & 63) - 32 + signal + (noise - 128 >> 1)
    return np.clip(value, 0, 255).astype(np.uint8)


def train_images(indices):
    return np.stack([image(i) for i in indices])


def test_images(indices):
    return np.stack([image(FIRST_TEST + i) for i in indices])
