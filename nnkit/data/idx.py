"""IDX files, the format of MNIST (LeCun, Cortes and Burges 1998), also packed by gzip."""

from __future__ import annotations

import gzip
import math
import os
import struct
import zlib
from pathlib import Path
from typing import Any, Final

import numpy as np

TYPES: Final = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
GZIP: Final = b"\x1f\x8b"


def read_idx(path: str | os.PathLike[str]) -> np.ndarray[Any, Any]:
    """The array in an IDX file, such as 'train-images-idx3-ubyte.gz'.

    The file holds two zero bytes, a type, the number of axes, their lengths, and the values, all
    with the high byte first. Whether it is packed is seen from its content, not from its name.

    Raises:
        ValueError: when it is no IDX file, or is not whole.

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "labels-idx1-ubyte"
    >>> _ = path.write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 2, 1]))
    >>> read_idx(path)
    array([7, 2, 1], dtype=uint8)
    """
    content = _unpacked(path, Path(path).read_bytes())
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] not in TYPES:
        raise ValueError(
            f"read_idx: '{path}' is no IDX file: it must begin with 0, 0 and a type of "
            f"{sorted(TYPES)}, got {list(content[:3])}. Fix: look whether the download is a page "
            "with an error message."
        )
    dtype, axes = np.dtype(TYPES[content[2]]), content[3]
    start = 4 + 4 * axes
    if len(content) < start:
        raise ValueError(f"read_idx: '{path}' ends within its head: it has {len(content)} bytes")
    shape = struct.unpack(f">{axes}I", content[4:start])
    wanted = math.prod(shape) * dtype.itemsize
    if len(content) - start != wanted:
        raise ValueError(
            f"read_idx: '{path}' must hold {wanted} bytes of values for the shape {shape} in its "
            f"head, got {len(content) - start}. Fix: fetch the file again, it is not whole."
        )
    values = np.frombuffer(content, dtype, offset=start).reshape(shape)
    return values.astype(dtype.newbyteorder("="))


def _unpacked(path: str | os.PathLike[str], content: bytes) -> bytes:
    if not content.startswith(GZIP):
        return content
    try:
        return gzip.decompress(content)
    except (EOFError, OSError, zlib.error) as error:
        raise ValueError(
            f"read_idx: '{path}' is damaged, gzip cannot unpack it: {error}. Fix: fetch it again."
        ) from None
