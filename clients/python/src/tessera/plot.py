"""Figures of an experiment with matplotlib."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import matplotlib.axes
    import xarray

    from .experiment import Experiment

_symbols = {
    "weight_variance": r"$\sigma_w^2$",
    "bias_variance": r"$\sigma_b^2$",
    "depth": "depth $l$",
    "train": "training image",
    "train_2": "training image",
    "test": "test image",
}
_scores = ("test_accuracy", "test_accuracy_ridge", "train_accuracy", "train_accuracy_ridge", "kappa")


class Plot:
    """`experiment.plot`."""

    def __init__(self, experiment: Experiment) -> None:
        self._experiment = experiment

    def heatmap(
        self, array: str | None = None, *, ax: matplotlib.axes.Axes | None = None, **selection: Any
    ) -> matplotlib.axes.Axes:
        """A map of an array over two of its dimensions.

        array: default the test accuracy (else training accuracy, kappa) over weight variance and depth, with the depth
        scales 8 xi_1 and 8 xi_* drawn over it; of an experiment at one pair of variances, its first kernel matrix.
        selection: coordinates of the other dimensions (`time=4096, kernel="ntk"`); default the first kernel, the last
        time and depth, the first of everything else.
        """
        import matplotlib.pyplot as plt

        name = array or self._default()
        data = self._experiment.to_xarray()[name].sel(selection)
        columns, rows = _axes_of(data)
        for dimension in data.dims:
            if dimension not in (rows, columns):
                data = data.isel({dimension: -1 if dimension in ("time", "depth") else 0})
        data = data.transpose(rows, columns)
        if ax is None:
            _, ax = plt.subplots()
        values = data.values
        x, y = _positions(data, columns), _positions(data, rows)
        is_matrix = "train" in (columns, rows)
        image = ax.pcolormesh(x, y, values, shading="nearest", cmap="viridis", rasterized=True)
        colours = ax.figure.colorbar(image, ax=ax)
        colours.set_label(name.replace("_", " "))
        ax.set_xlabel(_symbols.get(columns, columns))
        ax.set_ylabel(_symbols.get(rows, rows))
        if is_matrix:
            ax.set_aspect("equal")
            ax.invert_yaxis()
        chosen = [f"{key} {value.item():.4g}" for key, value in data.coords.items() if value.size == 1 and value.dtype.kind in "if"]
        ax.set_title(", ".join(chosen).replace("_", " "), fontsize="small")
        if (columns, rows) == ("weight_variance", "depth"):
            self._draw_depth_scales(ax, data)
        return ax

    def _default(self) -> str:
        arrays = self._experiment.arrays
        spans_grid = arrays["weight_variance"]["shape"][0] > 1 and arrays["depth"]["shape"][0] > 1
        names = [name for name in _scores if name in arrays]
        if spans_grid and names:
            return names[0]
        matrices = [name for name in arrays if name.endswith("_train_train")]
        if not (matrices or names):
            raise ValueError("The experiment kept nothing to map: neither analyses nor kernels.")
        return (matrices or names)[0]

    def _draw_depth_scales(self, ax: matplotlib.axes.Axes, data: xarray.DataArray) -> None:
        """8 xi_1 in the ordered phase bounds what trains, 8 xi_* in the chaotic one what generalizes."""
        bias = float(data["bias_variance"].values)
        rows = [row for row in self._experiment.rows(bias_variance=bias) if row["depth"] == int(data["depth"].values[0])]
        bounds = ax.get_ylim()
        for key, phase, style in (("xi1", "ordered", "-"), ("xiStar", "chaotic", "--")):
            points = sorted({(row["weightVariance"], row[key]) for row in rows if row["phase"] == phase and row[key]})
            if points:
                x, xi = np.array(points).T
                label = r"$8\,\xi_1$" if key == "xi1" else r"$8\,\xi_*$"
                ax.plot(x, 8 * xi, f"w{style}", label=label)
        ax.set_ylim(bounds)
        if ax.get_legend_handles_labels()[0]:
            ax.legend(loc="upper right", facecolor="0.3", labelcolor="w")


def _axes_of(data: xarray.DataArray) -> tuple[str, str]:
    """The dimensions across and up: (weight_variance, depth), those of a matrix, or the last two longer than 1."""
    for across, up in (("train_2", "train"), ("train", "test"), ("weight_variance", "depth")):
        if across in data.dims and up in data.dims and (across == "weight_variance" or data.sizes[across] > 1):
            return across, up
    long = [str(dimension) for dimension in data.dims if data.sizes[dimension] > 1]
    if len(long) < 2:
        raise ValueError(f"{data.name} has no two dimensions to map; it has {dict(data.sizes)}.")
    return long[-1], long[-2]


def _positions(data: xarray.DataArray, dimension: str) -> Any:
    """Coordinates where they are quantities, positions where they name images."""
    values = data[dimension].values
    return values if dimension in ("weight_variance", "bias_variance", "depth") else np.arange(len(values))
