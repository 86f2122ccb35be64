"""An experiment as a notebook shows it."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

_colours = {"done": "#2a788e", "running": "#7ad151", "failed": "#d1495b", "waiting": "#88888833"}
_labels = {"tiles": "tiles", "analyses": "analyses", "strips": "test strips", "trainings": "networks"}


def experiment_html(made: Mapping[str, Any], url: str) -> str:
    """State, how far each wave is, and a link to the experiment's page."""
    rows = "".join(_wave(label, made["progress"][wave]) for wave, label in _labels.items() if wave in made["progress"])
    left = made["progress"]["secondsLeft"]
    error = made["error"]
    notes = [
        *([f"about {left:.0f} s left"] if left is not None and made["state"] == "running" else []),
        *([f"{error['code']}: {error['message']}"] if error else []),
    ]
    return (
        f'<div><b>{escape(made["name"])}</b> &middot; {escape(made["state"])} &middot; '
        f'<a href="{escape(url)}" target="_blank">{escape(made["id"])}</a>'
        f"<table>{rows}</table>{''.join(f'<div>{escape(note)}</div>' for note in notes)}</div>"
    )


def _wave(label: str, progress: Mapping[str, int]) -> str:
    total = progress["total"]
    if total == 0:
        return ""
    counts = {name: progress[name] for name in ("done", "running", "failed")}
    counts["waiting"] = max(0, total - sum(counts.values()))
    bar, x = "", 0.0
    for name, count in counts.items():
        width = 240 * count / total
        bar += f'<rect x="{x:.1f}" width="{width:.1f}" height="10" fill="{_colours[name]}"/>'
        x += width
    said = ", ".join(f"{count} {name}" for name, count in counts.items() if count and name != "done")
    return (
        f'<tr><td>{label}</td><td><svg width="240" height="10" role="img" aria-label="{label}: {counts["done"]} of '
        f'{total} done">{bar}</svg></td><td>{counts["done"]} of {total}{f", {said}" if said else ""}</td></tr>'
    )
