"""HTTP exchanges with one server: the one place where answers become exceptions and lost requests are tried again."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, BinaryIO

import httpx

from . import errors

OLDEST_SERVER = (0, 1)
"""The first release (major, minor) of a server that answers everything asked here."""

_retry_seconds = 60.0
_first_delay = 0.2
_longest_delay = 5.0


class Transport:
    """A connection to a server. Requests that may be repeated are, for a minute, over lost connections and 503."""

    def __init__(self, url: str, key: str | None, *, transport: httpx.BaseTransport | None = None) -> None:
        parsed = httpx.URL(url)
        if parsed.scheme not in ("http", "https") or not parsed.host:
            raise ValueError(f"{url} is not the address of a server; write one such as http://127.0.0.1:7878.")
        self.url = url.rstrip("/")
        headers = {} if key is None else {"authorization": f"Bearer {key}"}
        # Reads may wait for a large array to be assembled, and for the next event of a quiet stream.
        timeout = httpx.Timeout(60.0, connect=10.0)
        self._http = httpx.Client(headers=headers, timeout=timeout, transport=transport)
        self._was_reached = False

    def close(self) -> None:
        self._http.close()

    def json(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        repeatable: bool = True,
    ) -> Any:
        """The JSON of an answer; None where it has no body."""
        response = self.send(method, path, query=query, json=body, headers=headers, repeatable=repeatable)
        return response.json() if response.content else None

    def send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        json: Any = None,
        content: Callable[[], BinaryIO] | None = None,
        headers: Mapping[str, str] | None = None,
        repeatable: bool = True,
    ) -> httpx.Response:
        """A response of status 2xx, read whole. `content` opens the body anew for each try."""
        self.check_server()

        def once() -> httpx.Response:
            body = None if content is None else content()
            try:
                response = self._http.request(
                    method, self.url + path, params=_present(query), json=json, content=body, headers=headers
                )
            finally:
                if body is not None:
                    body.close()
            self._raise_for(response)
            return response

        return self._repeating(once, repeatable)

    @contextmanager
    def stream(self, path: str, headers: Mapping[str, str]) -> Iterator[httpx.Response]:
        """An open response of status 2xx, its body unread. Not tried again."""
        self.check_server()
        try:
            with self._http.stream("GET", self.url + path, headers=headers) as response:
                if response.is_error:
                    response.read()
                self._raise_for(response)
                yield response
        except httpx.TransportError as error:
            raise self._unreachable(error) from error

    def check_server(self) -> None:
        """Asks once who answers. Raises Unreachable, or ServerTooOld."""
        if self._was_reached:
            return
        try:
            response = self._http.get(f"{self.url}/healthz")
        except httpx.TransportError as error:
            raise self._unreachable(error) from error
        self._raise_for(response)
        version = _version_of(response)
        if version is None:
            raise errors.Unreachable(f"{self.url} answers, but not as a Tessera server does.")
        if _release(version) < OLDEST_SERVER:
            oldest = ".".join(map(str, OLDEST_SERVER))
            message = f"The server at {self.url} is Tessera {version}; this package needs {oldest} or later."
            raise errors.ServerTooOld(message)
        self._was_reached = True

    def _repeating(self, once: Callable[[], httpx.Response], repeatable: bool) -> httpx.Response:
        ends_at = time.monotonic() + _retry_seconds
        delay = _first_delay
        while True:
            failure: errors.TesseraError
            try:
                return once()
            except httpx.TransportError as error:
                failure = self._unreachable(error)
                failure.__cause__ = error
                # A connection that was never made has carried nothing.
                may_repeat = repeatable or isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout))
            except (errors.Unavailable, errors.QuotaExceeded) as error:
                failure = error
                # A quota without a time at which to ask again does not pass by waiting.
                may_repeat = isinstance(error, errors.Unavailable) or error.retry_after is not None
            wait = max(failure.retry_after or 0.0, delay * random.uniform(0.5, 1.0))
            if not may_repeat or time.monotonic() + wait > ends_at:
                raise failure
            time.sleep(wait)
            delay = min(2 * delay, _longest_delay)

    def _raise_for(self, response: httpx.Response) -> None:
        if response.is_success:
            return
        try:
            body = response.json()
        except ValueError:
            body = None  # a proxy's page, or nothing
        if not isinstance(body, dict) or "code" not in body:
            message = f"{self.url} answered {response.status_code}, not as a Tessera server does."
            kind = errors.Unavailable if response.status_code in (502, 503, 504) else errors.Unreachable
            raise kind(message, status=response.status_code)
        raise errors.of_problem(response.status_code, body, _seconds(response.headers.get("retry-after")))

    def _unreachable(self, error: httpx.TransportError) -> errors.Unreachable:
        why = "nothing listens there" if isinstance(error, httpx.ConnectError) else type(error).__name__
        hint = "" if self._was_reached else " Start one with `npm start`, or set TESSERA_URL."
        return errors.Unreachable(f"No Tessera server answers at {self.url} ({why}).{hint}")


def _present(query: Mapping[str, Any] | None) -> dict[str, Any]:
    return {name: value for name, value in (query or {}).items() if value is not None}


def _version_of(response: httpx.Response) -> str | None:
    try:
        body = response.json()
    except ValueError:
        return None
    version = body.get("version") if isinstance(body, dict) else None
    return version if isinstance(version, str) else None


def _release(version: str) -> tuple[int, ...]:
    return tuple(int("".join(filter(str.isdigit, part)) or 0) for part in version.split(".")[:2])


def _seconds(retry_after: str | None) -> float | None:
    return float(retry_after) if retry_after is not None and retry_after.isdigit() else None
