"""Experiments, rows and data sets."""

from __future__ import annotations

import re
import sys
from typing import Any

import httpx
import numpy as np
import pytest
import tessera
from conftest import SPEC, CheckedTransport
from tessera import errors


def test_an_experiment_that_was_waited_for_is_completed(finished: tessera.Experiment) -> None:
    assert finished.state == "completed"
    assert finished.progress["tiles"]["done"] == finished.progress["tiles"]["total"] > 0
    assert finished.spec["precision"] == "f64"


def test_rows_can_be_filtered_and_are_the_same_as_the_frame(finished: tessera.Experiment) -> None:
    rows = finished.rows()
    assert len(rows) == 2 * 3 * 3
    chosen = finished.rows(kernel="ntk", weight_variance=2.5, depth=10)
    assert [row["phase"] for row in chosen] == ["chaotic"]
    frame = finished.frame()
    assert list(frame["kappa"]) == [row["kappa"] for row in rows]


def test_a_plan_creates_nothing(client: tessera.Client) -> None:
    before = [experiment.id for experiment in client.experiments()]
    assert client.plan(SPEC)["kernels"] == 3
    assert [experiment.id for experiment in client.experiments()] == before


def test_an_experiment_is_found_by_its_id_and_in_the_list(client: tessera.Client, finished: tessera.Experiment) -> None:
    assert client.experiment(finished.id).name == finished.name
    assert finished.id in [experiment.id for experiment in client.experiments("completed")]


def test_every_problem_of_a_spec_comes_with_its_pointer(client: tessera.Client) -> None:
    spec = {**SPEC, "kernles": [], "grid": {**SPEC["grid"], "depth": [-1]}}
    with pytest.raises(errors.InvalidRequest) as caught:
        client.submit(spec)
    assert caught.value.code == "invalid-spec"
    assert set(caught.value.pointers) == {"/kernles", "/grid/depth/0"}
    assert "/grid/depth/0" in str(caught.value)


def test_errors_have_types(client: tessera.Client, finished: tessera.Experiment) -> None:
    with pytest.raises(errors.NotFound):
        client.experiment("nothing")
    with pytest.raises(errors.Conflict) as caught:
        finished.cancel()
    assert caught.value.code == "illegal-state"
    with pytest.raises(errors.InvalidRequest, match="coordinates 0, 2, 10"):
        finished.array("ntk_train_train", depth=3)


def test_a_cancelled_experiment_raises_for_who_waits_and_can_be_tried_again(client: tessera.Client) -> None:
    experiment = client.submit({**SPEC, "grid": {**SPEC["grid"], "depth": {"from": 0, "to": 2000, "step": 1}}})
    experiment.cancel()
    with pytest.raises(errors.ExperimentFailed) as caught:
        experiment.wait(progress=False)
    assert caught.value.code == "cancelled"
    assert experiment.retry().state == "queued"
    experiment.cancel()
    experiment.wait_for_end(progress=False)
    experiment.delete()
    with pytest.raises(errors.NotFound):
        experiment.refresh()


def test_the_bar_goes_to_its_end(
    client: tessera.Client, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)
    experiment = client.submit(SPEC, wait=True, progress=True)
    assert re.search(r"python client: .*task", capsys.readouterr().err)
    client.submit(SPEC, wait=True).delete()
    assert capsys.readouterr().err == ""  # nobody looks
    experiment.delete()


def test_a_notebook_shows_state_progress_and_link(finished: tessera.Experiment) -> None:
    html = finished._repr_html_()
    assert "completed" in html and "3 of 3" in html and finished.url in html
    finished_with_markup = tessera.Experiment(finished._transport, {**finished.description, "name": "<script>"})
    assert "<script>" not in finished_with_markup._repr_html_()


def test_theory_of_an_axis(client: tessera.Client) -> None:
    (row,) = client.theory("erf", 1.5, 0.05)
    assert row["qStar"] == pytest.approx(0.601753, abs=1e-6)
    assert [row["phase"] for row in client.theory("erf", [1.0, 2.5], 0.18)] == ["ordered", "chaotic"]
    assert len(client.theory({"name": "leaky-relu", "alpha": 0.1}, {"from": 0.5, "to": 3, "count": 5}, [0, 0.1])) == 10


def test_a_data_set_is_uploaded_once_and_deleted(client: tessera.Client) -> None:
    random = np.random.default_rng(0)
    x, y = random.standard_normal((5, 4)), np.arange(5) % 2
    made = client.upload_dataset("python-client-test", x, y)
    assert (made["trainCount"], made["classes"]) == (5, 2)
    assert client.upload_dataset("python-client-test", x, y)["sha256"] == made["sha256"]
    with pytest.raises(errors.Conflict):
        client.upload_dataset("python-client-test", x + 1, y)
    assert "python-client-test" in [one["name"] for one in client.datasets()]
    client.delete_dataset("python-client-test")
    with pytest.raises(errors.NotFound):
        client.dataset("python-client-test")


def test_a_temporary_data_set_is_gone_after_an_error(client: tessera.Client) -> None:
    with pytest.raises(RuntimeError), client.temporary_dataset(np.ones((3, 2))) as name:
        client.dataset(name)
        raise RuntimeError
    with pytest.raises(errors.NotFound):
        client.dataset(name)


class Lossy(CheckedTransport):
    """Carries the first requests of a method to the server, and loses the answers."""

    def __init__(self, document: dict[str, Any], method: str, losses: int) -> None:
        super().__init__(document)
        self.method, self.losses = method, losses

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response = super().handle_request(request)
        if request.method == self.method and self.losses > 0:
            self.losses -= 1
            raise httpx.ReadError("lost")
        return response


def test_lost_answers_create_nothing_twice(url: str, transport: CheckedTransport) -> None:
    lossy = Lossy(transport.document, "POST", 2)
    with tessera.Client(url, transport=lossy) as client:
        before = len(list(client.experiments()))
        experiment = client.submit(SPEC)
        assert len([one for one in lossy.requests if one[0] == "POST"]) == 3
        assert len(list(client.experiments())) == before + 1
        experiment.wait(progress=False).delete()


def test_a_lost_answer_to_a_deletion_is_no_error(url: str, transport: CheckedTransport) -> None:
    with tessera.Client(url, transport=Lossy(transport.document, "DELETE", 1)) as client:
        with client.temporary_dataset(np.ones((3, 2))) as name:
            pass
        with pytest.raises(errors.NotFound):
            client.dataset(name)


def answering(answer: Any) -> tessera.Client:
    return tessera.Client("http://server", "a key", transport=httpx.MockTransport(answer))


def test_a_server_that_is_not_there_is_named() -> None:
    with pytest.raises(errors.Unreachable, match=r"No Tessera server answers at http://127.0.0.1:9 .*TESSERA_URL"):
        tessera.Client("http://127.0.0.1:9").ready()
    with pytest.raises(ValueError, match="not the address"):
        tessera.Client("127.0.0.1:7878")


def test_a_server_that_is_too_old_or_another_is_named() -> None:
    with pytest.raises(errors.ServerTooOld, match="0.0.9"):
        answering(lambda _: httpx.Response(200, json={"status": "ok", "version": "0.0.9"})).ready()
    with pytest.raises(errors.Unreachable, match="not as a Tessera server"):
        answering(lambda _: httpx.Response(200, text="<html>")).ready()


def test_the_key_is_sent_and_a_busy_server_asked_again() -> None:
    seen: list[httpx.Request] = []
    busy = {"code": "unavailable", "detail": "busy", "title": "busy", "status": 503, "type": "about:blank"}

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        if len(seen) == 2:
            return httpx.Response(503, json=busy, headers={"retry-after": "0"})
        return httpx.Response(200, json={"status": "ok", "version": "0.1.0"})

    answering(answer).ready()
    assert [request.url.path for request in seen] == ["/healthz", "/readyz", "/readyz"]
    assert {request.headers["authorization"] for request in seen} == {"Bearer a key"}


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (401, "unauthorized", errors.Unauthorized),
        (403, "forbidden", errors.Forbidden),
        (403, "quota-exceeded", errors.QuotaExceeded),
        (409, "not-ready", errors.NotReady),
        (410, "not-kept", errors.NotKept),
        (400, "plan-too-large", errors.PlanTooLarge),
        (400, "a code of a later server", errors.InvalidRequest),
    ],
)
def test_codes_are_exceptions(status: int, code: str, kind: type[errors.TesseraError]) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/healthz":
            return httpx.Response(200, json={"version": "0.1.0"})
        return httpx.Response(status, json={"code": code, "detail": "why", "status": status})

    with pytest.raises(kind) as caught:
        answering(answer).experiment("one")
    assert (caught.value.code, caught.value.status) == (code, status)


def test_url_and_key_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TESSERA_URL", "http://elsewhere:1/")
    assert tessera.Client().url == "http://elsewhere:1"
    assert tessera.Client("http://here").url == "http://here"


def test_an_array_is_read_without_xarray(finished: tessera.Experiment) -> None:
    whole = finished.array("ntk_train_train")
    assert whole.shape == (3, 1, 3, 12, 12)
    part = finished.array("ntk_train_train", weight_variance=1.5, bias_variance_index=0, depth=10, train=slice(2, 5))
    assert np.array_equal(part, whole[1, 0, 2, 2:5])
