"""The stack at TESSERA_URL, every exchange with it held against its own OpenAPI document."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

import httpx
import jsonschema
import pytest
import tessera

SPEC: dict[str, Any] = {
    "name": "python client",
    "dataset": {"id": "synthetic", "train": 12, "test": 6},
    "architecture": {"family": "fcn", "activation": {"name": "erf"}},
    "grid": {"weightVariance": [1, 1.5, 2.5], "biasVariance": [0.18], "depth": [0, 2, 10]},
    "kernels": ["ntk", "nngp"],
    "analysis": {"dynamics": {"times": [1, 64]}, "regression": {"diagReg": [0.1]}},
    "keep": {"kernels": "all", "predictions": True},
}


# Patterns are ECMAScript's, with \\p{...}, which Python's re has not.
Validator = jsonschema.validators.extend(jsonschema.Draft202012Validator, {"pattern": lambda *_: None})


class CheckedTransport(httpx.HTTPTransport):
    """Fails a test whose request, or whose JSON answer, is not as the server's OpenAPI document says."""

    def __init__(self, document: dict[str, Any]) -> None:
        super().__init__()
        self.document = document
        self.requests: list[tuple[str, str]] = []
        self.operations: set[tuple[str, str]] = set()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        path, operation = self.operation_of(request)
        response = super().handle_request(request)
        self.requests.append((request.method, request.url.raw_path.decode()))
        self.operations.add((request.method, path))
        answers = operation["responses"]
        assert str(response.status_code) in answers or response.status_code >= 500, (path, response.status_code)
        kind = response.headers.get("content-type", "").split(";")[0]
        if kind in ("application/json", "application/problem+json"):
            response.read()
            described = answers[str(response.status_code)]["content"]
            # A problem is described for the statuses that a route names; the rest are the server's own.
            schema = {**described[kind]["schema"], "components": self.document["components"]}
            Validator(schema).validate(json.loads(response.content))
        return response

    def operation_of(self, request: httpx.Request) -> tuple[str, Any]:
        parts = request.url.path.split("/")
        for path, item in self.document["paths"].items():
            template = path.split("/")
            fits = len(template) == len(parts) and all(
                given == wanted or wanted.startswith("{") and given.endswith(wanted.partition("}")[2])
                for given, wanted in zip(parts, template, strict=True)
            )
            if fits and request.method.lower() in item:
                known = {one["name"] for one in item[request.method.lower()].get("parameters", [])}
                assert set(request.url.params) <= known, (path, set(request.url.params) - known)
                return path, item[request.method.lower()]
        raise AssertionError(f"{request.method} {request.url.path} is not in the OpenAPI document")


@pytest.fixture(scope="session")
def url() -> str:
    if not os.environ.get("TESSERA_URL"):
        pytest.exit("Set TESSERA_URL to the address of a stack that serves, such as http://127.0.0.1:7878.", 2)
    return os.environ["TESSERA_URL"].rstrip("/")


@pytest.fixture(scope="session")
def transport(url: str) -> CheckedTransport:
    return CheckedTransport(httpx.get(f"{url}/openapi.json").json())


@pytest.fixture(scope="session")
def client(url: str, transport: CheckedTransport) -> Iterator[tessera.Client]:
    with tessera.Client(url, transport=transport) as client:
        yield client


@pytest.fixture(scope="session")
def finished(client: tessera.Client) -> Iterator[tessera.Experiment]:
    experiment = client.submit(SPEC, wait=True, progress=False)
    yield experiment
    experiment.delete()
