"""Prints the name of the error zarr-python raises for one depth of a damaged array.

usage: read_damaged.py GROUP ARRAY DEPTH_INDEX
"""

import sys

import zarr

group_path, name, depth = sys.argv[1:]
array = zarr.open_group(group_path, mode="r")[name]
try:
    array[0, 0, int(depth)]
    print("read")
except Exception as error:  # noqa: BLE001
    print(type(error).__name__)
