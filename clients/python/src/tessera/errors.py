"""What can go wrong: the API's problems (RFC 9457) and a server that does not answer, as exceptions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Problem:
    """One thing wrong with a request: where (JSON pointer, RFC 6901), and what to do about it."""

    pointer: str
    message: str


class TesseraError(Exception):
    """The base of every error of this package.

    code: the API's stable code (`invalid-spec`), or one of this package's own (`unreachable`).
    problems: everything found wrong with the request; status: the HTTP status, where there was an answer.
    """

    code: str = "internal"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        status: int | None = None,
        problems: tuple[Problem, ...] = (),
        retry_after: float | None = None,
    ) -> None:
        self.message = message
        if code is not None:
            self.code = code
        self.status = status
        self.problems = problems
        self.retry_after = retry_after
        lines = [f"  {problem.pointer or '/'}: {problem.message}" for problem in problems]
        super().__init__("\n".join([f"{message} ({self.code})", *lines]))

    @property
    def pointers(self) -> tuple[str, ...]:
        """The JSON pointers of the fields concerned."""
        return tuple(problem.pointer for problem in self.problems)


class InvalidRequest(TesseraError):
    """The request is at fault; `problems` says where. Codes: invalid-spec, invalid-request, invalid-dataset, ..."""


class PlanTooLarge(InvalidRequest):
    """The plan exceeds a limit, the memory of the aggregators or the free space of the store."""


class Unauthorized(TesseraError):
    """The server wants a key: `Client(url, key)` or TESSERA_KEY."""


class Forbidden(TesseraError):
    """The key's role does not allow this."""


class QuotaExceeded(TesseraError):
    """The project's quota, or the rate limit, is used up."""


class NotFound(TesseraError):
    """There is no such experiment, array or data set."""


class Conflict(TesseraError):
    """What is there does not allow this. Codes: illegal-state, dataset-exists, dataset-in-use, ..."""


class NotReady(Conflict):
    """The array, or the part asked for, is not complete yet: `experiment.wait()` first."""


class NotKept(TesseraError):
    """The experiment did not keep this array: its spec says so under `keep`."""


class Unavailable(TesseraError):
    """A service that this needs does not answer; it was tried again for a while."""


class Unreachable(TesseraError):
    """No Tessera server answers at the address."""

    code = "unreachable"


class ServerTooOld(TesseraError):
    """The server is older than this package can talk to."""

    code = "server-too-old"


class ExperimentFailed(TesseraError):
    """An experiment that was waited for did not complete; `code` is the cause it names, or `cancelled`."""


class UnsupportedNetwork(TesseraError):
    """A stax network that the service cannot say; the message names the layer."""

    code = "unsupported-network"


_by_code: dict[str, type[TesseraError]] = {
    "plan-too-large": PlanTooLarge,
    "unauthorized": Unauthorized,
    "forbidden": Forbidden,
    "quota-exceeded": QuotaExceeded,
    "not-found": NotFound,
    "not-ready": NotReady,
    "not-kept": NotKept,
    "unavailable": Unavailable,
}
_by_status: dict[int, type[TesseraError]] = {
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    410: NotKept,
    429: QuotaExceeded,
    503: Unavailable,
}


def of_problem(status: int, body: dict[str, Any], retry_after: float | None) -> TesseraError:
    """The exception of a problem body."""
    code = str(body["code"])
    kind = _by_code.get(code) or _by_status.get(status) or (InvalidRequest if 400 <= status < 500 else TesseraError)
    problems = tuple(Problem(str(one["pointer"]), str(one["message"])) for one in body.get("errors") or ())
    message = str(body.get("detail") or body.get("title") or code)
    return kind(message, code=code, status=status, problems=problems, retry_after=retry_after)
