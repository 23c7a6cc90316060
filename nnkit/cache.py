"""What nnkit remembers between runs: small JSON files in the user's cache folder.

The folder is NNKIT_CACHE_DIR, or `nnkit` in the place that the system has for caches;
`NNKIT_CACHE=0` keeps nothing. A cache never stands in the way: a file that is damaged counts as
missing, and a folder that cannot be written to is left alone.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

generation = 0
"""Grows when everything is forgotten; what is kept in memory beside the files compares it."""


def enabled() -> bool:
    """Whether files are kept: NNKIT_CACHE is not 0, no, off or false."""
    return os.environ.get("NNKIT_CACHE", "").strip().lower() not in ("0", "no", "off", "false")


def folder() -> Path:
    """Where the files are; it need not exist yet."""
    chosen = os.environ.get("NNKIT_CACHE_DIR", "").strip()
    return Path(chosen).expanduser() if chosen else _user_cache() / "nnkit"


def _user_cache() -> Path:
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA", "")
        return Path(local) if local else Path.home() / "AppData" / "Local"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    chosen = os.environ.get("XDG_CACHE_HOME", "")
    return Path(chosen) if chosen.startswith("/") else Path.home() / ".cache"


def load(kind: str, key: object) -> Any:
    """What was saved under `key`, or None."""
    if not enabled():
        return None
    with suppress(OSError, ValueError, KeyError, TypeError, RuntimeError):
        entry = json.loads(_path(kind, key).read_text(encoding="utf-8"))
        return entry["value"] if entry["key"] == _text(key) else None
    return None


def save(kind: str, key: object, value: object) -> bool:
    """Keep `value` (JSON) for later runs; False where nothing can be kept."""
    if not enabled():
        return False
    try:
        path = _path(kind, key)
        path.parent.mkdir(parents=True, exist_ok=True)
        _replace(path, json.dumps({"key": _text(key), "value": value}, indent=1))
    except (OSError, RuntimeError):  # read-only, full, or no home folder
        return False
    return True


def _replace(path: Path, text: str) -> None:
    """Write aside and rename, so that another process never reads half a file."""
    handle, name = tempfile.mkstemp(prefix=path.stem, suffix=".tmp", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(name, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(name)
        raise


def forget(kind: str) -> None:
    """Drop what was kept of one kind, on disk and (by the generation) in memory."""
    global generation
    generation += 1
    with suppress(OSError, RuntimeError):
        for path in folder().glob(f"{kind}-*.json"):
            path.unlink()


def _path(kind: str, key: object) -> Path:
    return folder() / f"{kind}-{sha256(_text(key).encode()).hexdigest()[:16]}.json"


def _text(key: object) -> str:
    return json.dumps(key, sort_keys=True)
