"""Files that are there whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole(caller: str, file: str | os.PathLike[str]) -> Iterator[Path]:
    """Give another path in the same folder to write to; at the end it takes the place of `file`.

    Nobody meets half a file, and what was there before stays where writing fails.

    Raises:
        ValueError: for a folder that does not exist.

    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with whole("save", Path(folder) / "notes.txt") as path:
    ...         _ = path.write_text("done")
    ...     [(file.name, file.read_text()) for file in Path(folder).iterdir()]
    [('notes.txt', 'done')]
    """
    target = Path(file)
    if not target.parent.is_dir():
        raise ValueError(f"{caller}: the folder '{target.parent}' does not exist")
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{caller}-") as folder:
        path = Path(folder) / target.name
        yield path
        usual = Path(folder) / "usual"  # some writers make files that only their owner may read
        usual.touch()
        path.chmod(usual.stat().st_mode)
        path.replace(target)
