"""One experiment: its state, its rows, its arrays."""

from __future__ import annotations

import io
import json
import os
import time
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt

from . import errors
from ._html import experiment_html
from ._http import Transport
from ._progress import ProgressBar

if TYPE_CHECKING:
    import pandas
    import xarray

    from .plot import Plot

Json = dict[str, Any]
ended_states = ("completed", "failed", "cancelled")


class Experiment:
    """An experiment as the server last described it; `refresh()` asks again.

    Every array it holds is an attribute, as a lazy `xarray.DataArray`: `experiment.ntk_train_train.sel(depth=10)`
    fetches one matrix. Without xarray: `experiment.array("ntk_train_train", depth=10)` gives numpy.
    """

    def __init__(self, transport: Transport, made: Json) -> None:
        self._transport = transport
        self._made = made

    # What it is

    @property
    def id(self) -> str:
        return str(self._made["id"])

    @property
    def name(self) -> str:
        return str(self._made["name"])

    @property
    def spec(self) -> Json:
        """The spec with its defaults filled in."""
        return cast(Json, self._made["spec"])

    @property
    def state(self) -> str:
        """queued, running, completed, failed, cancelling or cancelled."""
        return str(self._made["state"])

    @property
    def progress(self) -> Json:
        """`tiles`, `analyses`, `strips`, `trainings`, each with total, done, failed, running; and `secondsLeft`."""
        return cast(Json, self._made["progress"])

    @property
    def error(self) -> Json | None:
        """Why it failed: code and message."""
        return cast("Json | None", self._made["error"])

    @property
    def url(self) -> str:
        """Its page in the server's dashboard."""
        return f"{self._transport.url}/experiments/{self.id}"

    @property
    def description(self) -> Json:
        """All that the server said, as JSON."""
        return self._made

    def __repr__(self) -> str:
        return f"<tessera.Experiment {self.id} {self.name!r} {self.state}>"

    def _repr_html_(self) -> str:
        return experiment_html(self._made, self.url)

    # What happens to it

    def refresh(self) -> Experiment:
        """Asks the server how it is now."""
        self._made = self._transport.json("GET", self._path)
        return self

    def events(self) -> Iterator[tuple[str, Json]]:
        """Its events (`state` or `progress`, and what each says) until it ends; over lost connections."""
        last_id: str | None = None
        lost_at: float | None = None
        while True:
            try:
                for name, data, last_id in self._events_once(last_id):
                    lost_at = None
                    yield name, data
                    if name == "state" and data["state"] in ended_states:
                        return
            except (errors.Unreachable, errors.Unavailable):
                lost_at = lost_at or time.monotonic()
                if time.monotonic() - lost_at > 60:
                    raise
            time.sleep(0.3)

    def _events_once(self, last_id: str | None) -> Iterator[tuple[str, Json, str | None]]:
        headers = {"accept": "text/event-stream", **({} if last_id is None else {"last-event-id": last_id})}
        name, data = "message", ""
        with self._transport.stream(f"{self._path}/events", headers) as response:
            for line in response.iter_lines():
                field, _, value = line.partition(":")
                value = value.removeprefix(" ")
                if field == "event":
                    name = value
                elif field == "id":
                    last_id = value
                elif field == "data":
                    data += value
                elif line == "" and data:
                    yield name, json.loads(data), last_id
                    name, data = "message", ""

    def wait(self, *, progress: bool | None = None) -> Experiment:
        """Returns when it has completed. Raises ExperimentFailed where it failed or was cancelled.

        progress: whether a bar is drawn; None: where someone looks.
        """
        self.wait_for_end(progress=progress)
        if self.state == "completed":
            return self
        error = self.error or {"code": self.state, "message": f"The experiment {self.id} was {self.state}."}
        raise errors.ExperimentFailed(str(error["message"]), code=str(error["code"]))

    def wait_for_end(self, *, progress: bool | None = None) -> Experiment:
        """Returns when it has ended, however it did."""
        if self.state not in ended_states:
            with ProgressBar(self.name, progress) as bar:
                for kind, data in self.events():
                    if kind == "progress":
                        bar.show(data)
            self.refresh()
        return self

    def cancel(self) -> Experiment:
        """Stops it; what is done is kept. Raises Conflict where it has ended."""
        self._made = self._transport.json("POST", f"{self._path}/cancel", repeatable=False)
        return self

    def retry(self) -> Experiment:
        """Computes again what failed or was cancelled."""
        self._made = self._transport.json("POST", f"{self._path}/retry", repeatable=False)
        return self

    def delete(self) -> None:
        """Deletes it and its arrays; it must have ended."""
        self._transport.json("DELETE", self._path)

    # What it says

    def rows(
        self,
        *,
        kernel: str | None = None,
        weight_variance: float | None = None,
        bias_variance: float | None = None,
        depth: int | None = None,
    ) -> list[Json]:
        """The result rows that are complete, in grid order: phase, depth scales, lambda_max, kappa, losses, ..."""
        query = {
            "kernel": kernel,
            "weightVariance": weight_variance,
            "biasVariance": bias_variance,
            "depth": depth,
        }
        return self._listed("analyses", query)

    def frame(self) -> pandas.DataFrame:
        """The result rows as a pandas frame, one column a number (the extra `all`)."""
        return self._table("analyses")

    def trainings(
        self,
        *,
        weight_variance: float | None = None,
        bias_variance: float | None = None,
        depth: int | None = None,
        seed: int | None = None,
    ) -> list[Json]:
        """The networks of finite width that are trained: accuracies, losses, learning rate, and scores on the way."""
        query = {
            "weightVariance": weight_variance,
            "biasVariance": bias_variance,
            "depth": depth,
            "seed": seed,
        }
        return self._listed("trainings", query)

    def trainings_frame(self) -> pandas.DataFrame:
        """The same as a pandas frame: a row for every score on the way (the extra `all`)."""
        return self._table("trainings")

    def _listed(self, name: str, query: Json) -> list[Json]:
        """All rows of a list of the experiment."""
        from .client import pages

        return list(pages(self._transport, f"{self._path}/{name}", {**query, "limit": 1000}))

    def _table(self, name: str) -> pandas.DataFrame:
        """The same list's CSV."""
        import pandas as pd

        response = self._transport.send("GET", f"{self._path}/{name}.csv")
        return pd.read_csv(io.BytesIO(response.content))

    @cached_property
    def arrays(self) -> Mapping[str, Json]:
        """What arrays it holds once it is complete: dtype, shape and dimensions by name."""
        listed = self._transport.json("GET", f"{self._path}/arrays")
        return {str(one["name"]): one for one in listed}

    def array(self, name: str, **selection: Any) -> npt.NDArray[Any]:
        """An array or a part of it, as numpy.

        selection: by coordinate (`depth=10`, `weight_variance=1.5`, `kernel="ntk"`; drops the dimension), by position
        (`depth_index=3`), or a range of positions (`train=slice(0, 256)`). What is not named is whole.
        Raises NotReady, NotKept, NotFound, or InvalidRequest that lists the coordinates there are.
        """
        query = {_parameter(dimension): _choice(value) for dimension, value in selection.items()}
        response = self._transport.send("GET", f"{self._path}/arrays/{name}.npy", query=query)
        return cast("npt.NDArray[Any]", np.load(io.BytesIO(response.content), allow_pickle=False))

    def to_xarray(self, data_dir: str | Path | None = None) -> xarray.Dataset:
        """Everything it holds, labelled, as a lazy data set: over HTTP, or from the server's store itself.

        data_dir: the server's TESSERA_STORE (else its TESSERA_DATA_DIR) as this machine sees it, a folder or
        `s3://bucket/prefix`: its Zarr group is opened (the extras `xarray` and `s3`, Python 3.11 or later).
        """
        if data_dir is not None:
            return open_zarr(f"{str(data_dir).rstrip('/')}/experiments/{self.id}.zarr")
        from ._lazy import dataset_over_http

        return dataset_over_http(self)

    @cached_property
    def _lazy(self) -> xarray.Dataset:
        return self.to_xarray()

    @property
    def plot(self) -> Plot:
        """Figures with matplotlib (the extra `plot`): `experiment.plot.heatmap()`."""
        from .plot import Plot

        return Plot(self)

    def __getattr__(self, name: str) -> xarray.DataArray:
        if name.startswith("_"):
            raise AttributeError(name)
        if name not in self.arrays:
            raise AttributeError(f"{self!r} has no array {name}; it has {', '.join(self.arrays)}")
        return self._lazy[name]

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *(self.arrays if self.state in ended_states else ())})

    @property
    def _path(self) -> str:
        return f"/v1/experiments/{self.id}"


def open_zarr(path: str | Path) -> xarray.Dataset:
    """An experiment's Zarr group (`STORE/experiments/ID.zarr`) as a lazy data set. What is not there yet is NaN.

    path: in a folder, or `s3://bucket/prefix/experiments/ID.zarr` (the extra `s3`), whose endpoint, region and credentials
    are those of the AWS_ variables.
    """
    import xarray as xr

    return cast("xarray.Dataset", xr.open_zarr(_readable(path), consolidated=False, chunks=None))


def _readable(path: str | Path) -> Any:
    """What zarr opens: the path itself, or a store of the bucket that an s3:// URL names."""
    if not str(path).startswith("s3://"):
        return path
    from obstore.store import S3Store
    from zarr.storage import ObjectStore

    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    if not endpoint:
        return ObjectStore(S3Store.from_url(str(path)), read_only=True)
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"
    bucket = S3Store.from_url(
        str(path), endpoint=endpoint, region=region, client_options={"allow_http": endpoint.startswith("http://")}
    )
    return ObjectStore(bucket, read_only=True)


def _parameter(dimension: str) -> str:
    """`weight_variance` is `weightVariance`, `train_2` is `train2`."""
    first, *rest = dimension.split("_")
    return first + "".join(part[:1].upper() + part[1:] for part in rest)


def _choice(value: Any) -> Any:
    if isinstance(value, slice):
        if value.step not in (None, 1):
            raise ValueError("A range of positions has no step.")
        return f"{'' if value.start is None else value.start}:{'' if value.stop is None else value.stop}"
    return value.item() if isinstance(value, np.generic) else value
