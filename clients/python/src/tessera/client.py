"""A client of one server: experiments, data sets, theory."""

from __future__ import annotations

import os
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, cast

import httpx
import numpy as np
import numpy.typing as npt

from ._http import Transport
from .errors import NotFound
from .experiment import Experiment

DEFAULT_URL = "http://127.0.0.1:7878"

Spec = Mapping[str, Any]
"""An experiment spec, as the JSON of `POST /v1/experiments`; `GET /openapi.json` holds its schema."""
Json = dict[str, Any]
Array = npt.NDArray[Any]


class Client:
    """A client of the server at `url` (else TESSERA_URL, else http://127.0.0.1:7878) with `key` (else TESSERA_KEY).

    Requests lost on the way are tried again for a minute; what creates something carries an idempotency key, so
    that nothing is made twice. Safe to use from several threads.
    """

    def __init__(
        self, url: str | None = None, key: str | None = None, *, transport: httpx.BaseTransport | None = None
    ) -> None:
        key = key or os.environ.get("TESSERA_KEY") or None
        self._transport = Transport(url or os.environ.get("TESSERA_URL") or DEFAULT_URL, key, transport=transport)

    @property
    def url(self) -> str:
        """The server's address, without a slash at its end."""
        return self._transport.url

    def __repr__(self) -> str:
        return f"tessera.Client({self.url!r})"

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connections."""
        self._transport.close()

    def ready(self) -> None:
        """Returns when the server can take work. Raises Unavailable, naming the part that is down, or Unreachable."""
        self._transport.json("GET", "/readyz")

    # Experiments

    def submit(
        self,
        spec: Spec,
        *,
        wait: bool = False,
        progress: bool | None = None,
        idempotency_key: str | None = None,
    ) -> Experiment:
        """Creates an experiment; with `wait` returns when it has completed.

        progress: whether a bar is drawn meanwhile; None: where someone looks (a terminal, a notebook).
        idempotency_key: a repeat with the same key and spec gives the same experiment, for 24 hours.
        Raises InvalidRequest with every problem of the spec; with `wait`, ExperimentFailed.
        """
        headers = {"idempotency-key": idempotency_key or uuid.uuid4().hex}
        made = self._transport.json("POST", "/v1/experiments", body=dict(spec), headers=headers)
        experiment = Experiment(self._transport, made)
        return experiment.wait(progress=progress) if wait else experiment

    def plan(self, spec: Spec) -> Json:
        """What an experiment would be, without creating it: tiles, bytes, core-seconds, the spec with its defaults."""
        return cast(Json, self._transport.json("POST", "/v1/plans", body=dict(spec)))

    def experiment(self, id: str) -> Experiment:
        """The experiment of an id. Raises NotFound."""
        return Experiment(self._transport, self._transport.json("GET", f"/v1/experiments/{_segment(id)}"))

    def experiments(self, state: str | None = None) -> Iterator[Experiment]:
        """Every experiment, newest first, fetched as it is asked for."""
        for made in self._items("/v1/experiments", {"state": state}):
            yield Experiment(self._transport, made)

    # Data sets

    def datasets(self) -> Iterator[Json]:
        """Every data set, newest first."""
        return self._items("/v1/datasets", {})

    def dataset(self, name: str) -> Json:
        """The data set of a name. Raises NotFound."""
        return cast(Json, self._transport.json("GET", f"/v1/datasets/{_segment(name)}"))

    def upload_dataset(
        self,
        name: str,
        x_train: Array,
        y_train: Array,
        x_test: Array | None = None,
        y_test: Array | None = None,
    ) -> Json:
        """Uploads images (N, H, W, C) or vectors (N, D) of uint8, float32 or float64, and integer labels (N,).

        Repeating it with the same arrays is harmless. Raises Conflict where the name holds others.
        """
        arrays = {"x_train": x_train, "y_train": y_train}
        if x_test is not None and y_test is not None:
            arrays |= {"x_test": x_test, "y_test": y_test}
        with tempfile.TemporaryDirectory(prefix="tessera-") as folder:
            file = Path(folder) / "arrays.npz"
            np.savez(file, allow_pickle=False, **arrays)
            return self.upload_dataset_file(name, file)

    def upload_dataset_file(self, name: str, file: str | Path) -> Json:
        """Uploads an `.npz` of x_train, y_train and, if wanted, x_test, y_test, streamed."""

        def body() -> BinaryIO:
            return open(file, "rb")

        headers = {"content-type": "application/x-npz", "content-length": str(os.stat(file).st_size)}
        response = self._transport.send("PUT", f"/v1/datasets/{_segment(name)}", content=body, headers=headers)
        return cast(Json, response.json())

    def delete_dataset(self, name: str) -> None:
        """Deletes a data set that no experiment uses."""
        self._transport.json("DELETE", f"/v1/datasets/{_segment(name)}")

    @contextmanager
    def temporary_dataset(self, x_train: Array, x_test: Array | None = None) -> Iterator[str]:
        """Arrays as a data set with labels of 0, under a name that is free; it is deleted when the block ends.

        An experiment that uses it must be deleted within the block.
        """

        def zeros(x: Array) -> Array:
            return np.zeros(len(x), np.int64)

        name = f"temporary-{uuid.uuid4().hex}"
        try:
            self.upload_dataset(name, x_train, zeros(x_train), x_test, None if x_test is None else zeros(x_test))
            yield name
        finally:
            try:
                self.delete_dataset(name)
            except NotFound:
                pass  # the upload was refused, or an answer to the deletion was lost and it was asked for again

    # Theory

    def theory(self, activation: str | Mapping[str, Any], weight_variance: Any, bias_variance: Any) -> list[Json]:
        """Mean-field numbers (qStar, cStar, chi1, xi1, xiStar, phase, ...) at every pair of variances.

        activation: `"erf"`, or `{"name": "leaky-relu", "alpha": 0.1}`. A variance: a number, a sequence of numbers, or
        an axis `{"from", "to", "count"}`. Rows go through the bias variances first.
        """
        body = {
            "activation": {"name": activation} if isinstance(activation, str) else dict(activation),
            "weightVariance": _axis(weight_variance),
            "biasVariance": _axis(bias_variance),
        }
        return cast(list[Json], self._transport.json("POST", "/v1/theory", body=body)["items"])

    def _items(self, path: str, query: Mapping[str, Any]) -> Iterator[Json]:
        return pages(self._transport, path, query)


def pages(transport: Transport, path: str, query: Mapping[str, Any]) -> Iterator[Json]:
    """Every item of a paged list."""
    cursor: str | None = None
    while True:
        page = transport.json("GET", path, query={**query, "cursor": cursor})
        yield from page["items"]
        cursor = page["nextCursor"]
        if cursor is None:
            return


def _axis(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    return np.asarray(value, dtype=np.float64).tolist()


def _segment(text: str) -> str:
    return httpx.URL("http://_/").copy_with(path=f"/{text}").raw_path.decode()[1:].replace("/", "%2F")
