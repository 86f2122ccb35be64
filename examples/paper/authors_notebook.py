"""Section 5 of docs/reproduction.md: the authors' notebook with its own conventions, on real images.

    TESSERA_URL=... TESSERA_CIFAR10_DIR=... python examples/paper/authors_notebook.py

Theirs: l blocks [Dense, erf], the first Dense on the images, read after the last erf; images on the unit sphere.
Ours: a read-in of weight 1, l blocks [erf, Dense], read before the activation. `tessera.stax` takes both as written.
"""

import os
from pathlib import Path

import numpy as np
import tessera
from tessera import stax

bias_variance, count = 0.05, 64
file = Path(os.environ["TESSERA_CIFAR10_DIR"]) / "data_batch_1.bin"
records = np.fromfile(file, np.uint8, count * 3073).reshape(count, 3073)
x = records[:, 1:].astype(np.float64)
x -= x.mean(axis=1, keepdims=True)
x *= np.sqrt(x.shape[1] / (x**2).sum(axis=1, keepdims=True))

client = tessera.Client()
print("| phase | σ_w² | depth | λ_max theirs | ours | λ_min theirs | ours | κ theirs | ours | off-diagonal theirs | limit |")
print("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
for weight_variance in (1.25, 1.5):
    (theory,) = client.theory("erf", weight_variance, bias_variance)
    dense, erf = stax.Dense(512, weight_variance**0.5, bias_variance**0.5), stax.Erf()
    q, c, chi = theory["qStar"], theory["cStar"], theory["chiC"]
    # Ours: Theta_ab -> q* c*/(1 - chi_c*). Theirs: S' = (Theta - K)/sigma_w^2 of it.
    limit = (q * c / (1 - chi) - q * c) / weight_variance
    for depth in (10, 50, 100):
        row = []
        for layers in ([dense, erf] * depth, [stax.Dense(512), *[erf, dense] * depth]):
            ntk = stax.serial(*layers)[2](x, None, "ntk", client=client)
            eigenvalues = np.linalg.eigvalsh(ntk)
            row.append((eigenvalues[-1], eigenvalues[0], eigenvalues[-1] / eigenvalues[:-1].mean(), ntk))
        (theirs, ours) = row
        off = (theirs[3].sum() - np.trace(theirs[3])) / (count * (count - 1))
        pairs = [f"{a:.4g} | {b:.4g}" for a, b in zip(theirs[:3], ours[:3])]
        print(f"| {theory['phase']} | {weight_variance} | {depth} | {' | '.join(pairs)} | {off:.4g} | {limit:.4g} |")
