"""A bar for a waiting person."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from types import TracebackType
from typing import Any

from tqdm.auto import tqdm

waves = ("tiles", "analyses", "strips", "trainings")


def done_and_total(progress: Mapping[str, Any]) -> tuple[int, int]:
    """Pieces of work that have ended, and all of them."""
    there = [progress[wave] for wave in waves if wave in progress]
    done = sum(one["done"] + one["failed"] for one in there)
    return done, sum(one["total"] for one in there)


class ProgressBar:
    """A tqdm bar over tiles, analyses, strips and networks; drawn in terminals and notebooks unless said otherwise."""

    def __init__(self, name: str, wanted: bool | None) -> None:
        is_shown = _someone_looks() if wanted is None else wanted
        self._bar = tqdm(desc=name, unit="task", disable=not is_shown, leave=False)

    def __enter__(self) -> ProgressBar:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.close()

    def show(self, progress: Mapping[str, Any]) -> None:
        done, total = done_and_total(progress)
        self._bar.total = total
        left = progress["secondsLeft"]
        if left is not None:
            self._bar.set_postfix_str(f"{left:.0f} s left", refresh=False)
        self._bar.n = done
        self._bar.refresh()


def _someone_looks() -> bool:
    return "ipykernel" in sys.modules or sys.stderr.isatty()
