"""A recorded run as a Markdown table: `python -m bench.summary FILE.json`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any


def table(run: dict[str, Any]) -> str:
    """One line a group, one column a device, medians in microseconds."""
    found = run["benchmarks"]
    devices = sorted({b["extra_info"]["device"] for b in found})
    groups = list(dict.fromkeys(b["group"] for b in found))
    medians = {(b["group"], b["extra_info"]["device"]): b["stats"]["median"] * 1e6 for b in found}
    lines = ["| median, µs | " + " | ".join(devices) + " |", "|---" * (len(devices) + 1) + "|"]
    for group in groups:
        row = [medians.get((group, device)) for device in devices]
        cells = ["" if value is None else f"{value:,.1f}" for value in row]
        lines.append(f"| {group} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def facts(run: dict[str, Any]) -> str:
    """Processor, drivers and versions."""
    machine = run["machine_info"]
    lines = [
        f"{machine['cpu']['brand_raw']}, {machine['cpu']['count']} cores; "
        f"{machine['system']}, Python {machine['python_version']}, nnkit {machine['nnkit']}"
    ]
    for device, values in machine["backends"].items():
        lines.append(f"{device}: " + ", ".join(f"{k} {v}" for k, v in values.items()))
    return "\n".join(f"- {line}" for line in lines)


def main(arguments: list[str]) -> None:
    if len(arguments) != 1:
        raise SystemExit("usage: python -m bench.summary FILE.json")
    run = json.loads(Path(arguments[0]).read_text(encoding="utf-8"))
    print(f"{facts(run)}\n\n{table(run)}")


if __name__ == "__main__":
    main(sys.argv[1:])
