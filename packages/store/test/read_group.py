"""Reads an experiment's group as a notebook would, and writes what it saw for the test to compare.

usage: read_group.py GROUP OUT, GROUP a folder or s3://bucket/...: every variable and numeric coordinate as OUT/{name}.npy, the rest as JSON on stdout.
"""

import json
import sys
import warnings

import numpy as np
import xarray as xr
import zarr
from tessera.experiment import _readable

warnings.simplefilter("error")

group_path, out = sys.argv[1:]
group_path = _readable(group_path)
data = xr.open_zarr(group_path, consolidated=False)
for name in list(data.data_vars) + [name for name in data.coords if name != "kernel"]:
    np.save(f"{out}/{name}.npy", data[name].values)

point = data.sel(kernel="ntk", weight_variance=1.6, bias_variance=0.05)
group = zarr.open_group(group_path, mode="r")
first_array = group["kappa"]
json.dump(
    {
        "versions": {"zarr": zarr.__version__, "xarray": xr.__version__, "numpy": np.__version__},
        "dims": {name: list(data[name].dims) for name in data.data_vars},
        "dtypes": {name: data[name].dtype.str for name in data.data_vars},
        "kernel": [str(kernel) for kernel in data.kernel.values],
        "index_names": sorted(str(name) for name in data.indexes),
        "attributes": data.attrs,
        "kappa_at_point": point.kappa.values.tolist(),
        "zarr_kappa_at_point": first_array[0, 1, 1].tolist(),
        "arrays": sorted(name for name, _ in group.arrays()),
        "groups": sorted(name for name, _ in group.groups()),
        "class_names": data["class"].attrs.get("class_names"),
    },
    sys.stdout,
)
