"""Writes neural_tangents.npz: kernels of tests/networks.py by neural-tangents, in float64 unless the inputs are float32.

    python3.11 -m venv nt && nt/bin/pip install -r requirements.txt && nt/bin/python generate.py
"""

import os
import sys
from pathlib import Path

os.environ["JAX_PLATFORMS"] = "cpu"
os.environ["JAX_ENABLE_X64"] = "1"

import numpy as np
from neural_tangents import stax

folder = Path(__file__).parent
sys.path.insert(0, str(folder.parent))
from networks import cases, every_case, inputs, networks

arrays = {}
for name, kernel_fn in networks(stax).items():
    for case in cases:
        # Sizes and types are few networks' matter: the others compare one rectangle.
        if case != "tall" and name not in every_case:
            continue
        kernels = kernel_fn(*inputs(name, case), ("nngp", "ntk"))
        arrays |= {f"{name}|{case}|{get}": np.asarray(getattr(kernels, get)) for get in ("nngp", "ntk")}
    print(name, flush=True)
np.savez_compressed(folder / "neural_tangents.npz", **arrays)
