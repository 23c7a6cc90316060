"""What nnkit remembers between runs: small files in the user's cache folder.

JSON for what is told to people, bytes with a checksum for what compilers made.

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

MOST_BYTES = 256 * 1024 * 1024
"""Of bytes entries of one kind; above it the ones longest unused go."""

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
        text = json.dumps({"key": _text(key), "value": value}, indent=1)
        _replace(path, text.encode())
    except (OSError, RuntimeError):  # read-only, full, or no home folder
        return False
    return True


def load_bytes(kind: str, key: object) -> bytes | None:
    """What `save_bytes` kept under `key`, or None; a damaged file counts as missing."""
    if not enabled():
        return None
    with suppress(OSError, RuntimeError):
        path = _path(kind, key, "bin")
        entry = path.read_bytes()
        check, data = entry[:32], entry[32:]
        if check == _checksum(key, data):
            with suppress(OSError):
                os.utime(path)  # the newest times are kept longest
            return data
    return None


def save_bytes(kind: str, key: object, data: bytes) -> bool:
    """Keep `data` for later runs, below MOST_BYTES in all; False where nothing can be kept."""
    if not enabled():
        return False
    try:
        path = _path(kind, key, "bin")
        path.parent.mkdir(parents=True, exist_ok=True)
        _replace(path, _checksum(key, data) + data)
        _prune(kind)
    except (OSError, RuntimeError):  # read-only, full, or no home folder
        return False
    return True


def _checksum(key: object, data: bytes) -> bytes:
    """Of key and data, as the file's name holds a part of the key's hash only."""
    return sha256(sha256(_text(key).encode()).digest() + data).digest()


def _prune(kind: str) -> None:
    """Remove the entries longest unused until the rest fits MOST_BYTES."""
    entries = []
    for path in folder().glob(f"{kind}-*"):
        with suppress(OSError):  # another process may remove it first; scraps of dead ones count
            stat = path.stat()
            entries.append((stat.st_mtime_ns, stat.st_size, path))
    excess = sum(size for _, size, _ in entries) - MOST_BYTES
    for _, size, path in sorted(entries):
        if excess <= 0:
            break
        with suppress(OSError):
            path.unlink()
        excess -= size


def _replace(path: Path, data: bytes) -> None:
    """Write aside and rename, so that another process never reads half a file."""
    handle, name = tempfile.mkstemp(prefix=path.stem, suffix=".tmp", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.replace(name, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(name)
        raise


def forget(kind: str) -> None:
    """Drop the JSON that was kept of one kind, on disk and (by the generation) in memory."""
    global generation
    generation += 1
    with suppress(OSError, RuntimeError):
        for path in folder().glob(f"{kind}-*.json"):
            path.unlink()


def _path(kind: str, key: object, ending: str = "json") -> Path:
    return folder() / f"{kind}-{sha256(_text(key).encode()).hexdigest()[:16]}.{ending}"


def _text(key: object) -> str:
    return json.dumps(key, sort_keys=True)
