"""`tessera.stax` against neural-tangents: every network of networks.py against goldens/neural_tangents.npz."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tessera
from networks import cases, every_case, inputs, networks
from tessera import errors, stax

goldens = np.load(Path(__file__).parent / "goldens" / "neural_tangents.npz")
ours = networks(stax)
pairs = [(name, case) for name in ours for case in cases if case == "tall" or name in every_case]


@pytest.fixture(scope="module")
def computed(client: tessera.Client) -> Iterator[dict[tuple[str, str], Future[Any]]]:
    """All of them at once: a kernel as small as these is mostly waited for."""
    with ThreadPoolExecutor(8) as pool:
        yield {
            (name, case): pool.submit(ours[name], *inputs(name, case), ("nngp", "ntk"), client=client)
            for name, case in pairs
        }


@pytest.mark.parametrize(("name", "case"), pairs)
def test_kernels_are_those_of_neural_tangents(
    computed: dict[tuple[str, str], Future[Any]], name: str, case: str
) -> None:
    kernels = computed[name, case].result(timeout=300)
    assert kernels._fields == ("nngp", "ntk")
    for get in kernels._fields:
        found, expected = getattr(kernels, get), goldens[f"{name}|{case}|{get}"]
        assert found.shape == expected.shape
        assert found.dtype == cases[case][2]
        # float32: the result is rounded. One input twice, and a kink: theirs has half its digits there.
        tolerance = 1e-6 if case == "float32" else 1e-7 if case == "self" else 1e-9
        assert np.max(np.abs(found - expected)) <= tolerance * np.max(np.abs(expected)), get


def test_get_says_what_comes_back(client: tessera.Client) -> None:
    x1, x2 = inputs("vectors: relu", "tall")
    kernel_fn = ours["vectors: relu"]
    alone = kernel_fn(x1, x2, "ntk", client=client)
    both = kernel_fn(x1, x2, client=client)
    assert isinstance(alone, np.ndarray) and np.array_equal(alone, both.ntk)
    assert kernel_fn(x1, x2, ("ntk",), client=client)._fields == ("ntk",)
    assert np.array_equal(kernel_fn(x1, None, "nngp", client=client), kernel_fn(x1, x1, "nngp", client=client))
    with pytest.raises(ValueError, match="get is 'cov1'"):
        kernel_fn(x1, x2, "cov1", client=client)


def test_the_service_is_that_of_the_environment(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TESSERA_URL", url)
    assert ours["vectors: linear"](np.eye(2), None, "nngp") == pytest.approx(1.3**2 * np.eye(2) / 2 + 0.4**2)


def test_nothing_is_left_behind(client: tessera.Client) -> None:
    def left() -> list[str]:
        named = [one["name"] for one in client.datasets()]
        return [name for name in named if name.startswith("temporary-")] + [
            one.id for one in client.experiments() if one.name.startswith("tessera.stax")
        ]

    before = left()
    kernel_fn = ours["vectors: relu"]
    kernel_fn(np.eye(3), None, "ntk", client=client)
    with pytest.raises(errors.InvalidRequest):  # a data set holds finite numbers
        kernel_fn(np.full((3, 3), np.nan), None, "ntk", client=client)
    assert left() == before


def test_an_interrupt_stops_the_experiment_and_leaves_nothing(
    client: tessera.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[tessera.Experiment] = []

    def interrupted(self: tessera.Experiment, *, progress: bool | None = None) -> tessera.Experiment:
        made.append(self)
        raise KeyboardInterrupt

    monkeypatch.setattr(tessera.Experiment, "wait", interrupted)
    with pytest.raises(KeyboardInterrupt):
        ours["vectors: relu"](np.eye(3), None, "ntk", client=client)
    with pytest.raises(errors.NotFound):
        client.experiment(made[0].id)


def unsupported() -> dict[str, tuple[Any, str]]:
    dense, conv, flatten, pool = stax.Dense(1, 1.2, 0.1), stax.Conv, stax.Flatten(), stax.GlobalAvgPool()
    circular = conv(1, (3, 3), padding="CIRCULAR")
    same = conv(1, (3, 3), padding="SAME")
    erf, relu = stax.Erf(), stax.Relu()
    return {
        "vectors: activation first": ((erf, dense), "Layer 1, Erf"),
        "vectors: two activations": ((dense, erf, relu, dense), "Layer 3, Relu"),
        "vectors: other activation": ((dense, erf, dense, relu, dense), r"Layer 4, Relu\(\), is another"),
        "vectors: two linear": ((dense, dense), "Layer 2, Dense"),
        "vectors: other variance": ((dense, erf, dense, erf, stax.Dense(1, 3.0), erf, dense), "Layer 5, Dense.1, W_std=3.0"),
        "vectors: convolution": ((circular, erf, dense), "Layer 1, Conv"),
        "images: no readout": ((circular, relu, circular), "without Flatten or GlobalAvgPool"),
        "images: valid inside": ((circular, relu, conv(1, (3, 3)), pool), "Layer 3, Conv"),
        "images: even inside": ((circular, relu, conv(1, (2, 2), padding="SAME"), pool), "odd square"),
        "images: other filter": ((circular, relu, same, relu, circular, pool), "Layer 5, Conv"),
        "images: same, relu, pool": ((same, relu, same, relu, pool), "Layer 4, Relu"),
        "images: hidden layer after the readout": ((circular, pool, dense, erf, dense), "Layer 4, Erf"),
        "images: two readouts": ((circular, pool, flatten), "Layer 3, Flatten"),
        "vectors: nothing": ((), "no layer"),
    }  # fmt: skip


@pytest.mark.parametrize("name", unsupported())
def test_what_a_spec_cannot_say_names_its_layer(name: str) -> None:
    layers, message = unsupported()[name]
    # Refused before a server is asked.
    nobody = tessera.Client("http://127.0.0.1:9")
    with pytest.raises(errors.UnsupportedNetwork, match=message):
        stax.serial(*layers)[2](*inputs(name, "tall"), "ntk", client=nobody)


def test_arguments_that_are_not_known_are_refused() -> None:
    for make in (
        lambda: stax.Erf(2.0),
        lambda: stax.Dense(1, parameterization="standard"),
        lambda: stax.Gelu(approximate=True),
        lambda: stax.Conv(1, (3,)),
    ):
        with pytest.raises(errors.UnsupportedNetwork):
            make()
    with pytest.raises(errors.UnsupportedNetwork, match="infinite width"):
        stax.serial(stax.Dense(1))[0](None, (-1, 3))
    with pytest.raises(TypeError, match="call it"):
        stax.serial(stax.Relu)  # type: ignore[arg-type]
