"""Arrays as xarray: lazy over HTTP, the same from the Zarr folder; figures."""

from __future__ import annotations

import os

import matplotlib
import numpy as np
import pytest
import tessera
from conftest import CheckedTransport

matplotlib.use("Agg")


def fetched(transport: CheckedTransport, since: int) -> list[str]:
    return [path.partition("/arrays/")[2] for _, path in transport.requests[since:] if ".npy" in path]


def test_one_matrix_is_one_request(
    client: tessera.Client, finished: tessera.Experiment, transport: CheckedTransport
) -> None:
    experiment = client.experiment(finished.id)
    theta = experiment.ntk_train_train
    assert theta.dims == ("weight_variance", "bias_variance", "depth", "train", "train_2")
    since = len(transport.requests)
    chosen = theta.sel(weight_variance=1.5, bias_variance=0.18, depth=10)
    assert fetched(transport, since) == []
    assert np.array_equal(chosen.values, finished.array("ntk_train_train")[1, 0, 2])
    assert fetched(transport, since)[0].startswith("ntk_train_train.npy?weightVarianceIndex=1&biasVarianceIndex=0&depthIndex=2")


@pytest.mark.parametrize(
    "choice",
    [
        {"depth": slice(None, None, -1)},
        {"depth": [2, 0], "train": slice(1, 9, 3)},
        {"weight_variance": [0, 2], "train": [5, 5, 1], "train_2": -1},
        {"train": slice(4, 4)},
        {"weight_variance": 1, "bias_variance": 0, "depth": 1, "train": 3, "train_2": 4},
    ],
)
def test_any_selection_is_that_of_numpy(finished: tessera.Experiment, choice: dict[str, object]) -> None:
    lazy = finished.to_xarray().ntk_train_train
    whole = lazy.copy(data=finished.array("ntk_train_train"))
    assert np.array_equal(lazy.isel(choice).values, whole.isel(choice).values)


def test_every_array_is_there_with_its_coordinates(finished: tessera.Experiment) -> None:
    data = finished.to_xarray()
    assert list(data.depth.values) == [0, 2, 10]
    assert list(data.kernel.values) == ["ntk", "nngp"]
    assert data.kappa.sel(kernel="ntk", weight_variance=1, depth=2).size == 1
    assert data.predictions.sizes["class"] == 10
    assert "test_accuracy_ridge" in dir(finished)
    with pytest.raises(AttributeError, match="it has kernel, weight_variance"):
        _ = finished.ntk_train_trian


def test_the_zarr_folder_holds_the_same(finished: tessera.Experiment) -> None:
    folder = os.environ.get("TESSERA_DATA_DIR")
    if not folder:
        pytest.skip("TESSERA_DATA_DIR does not say where the stack's data folder is")
    over_http, from_folder = finished.to_xarray(), finished.to_xarray(folder)
    assert set(over_http.variables) == set(from_folder.variables)
    for name in over_http.data_vars:
        assert np.array_equal(over_http[name].values, from_folder[name].values, equal_nan=True), name


def test_heatmaps(finished: tessera.Experiment) -> None:
    axes = finished.plot.heatmap()
    assert axes.get_xlabel() == r"$\sigma_w^2$"
    assert len(axes.get_legend_handles_labels()[0]) == 2  # 8 xi_1 and 8 xi_*
    matrix = finished.plot.heatmap("ntk_test_train", weight_variance=1.5, depth=10)
    assert np.array_equal(matrix.collections[0].get_array().data, finished.array("ntk_test_train")[1, 0, 2])
    with pytest.raises(ValueError, match="no two dimensions"):
        finished.plot.heatmap("depth")
