"""What the programs share: command-line options, and the words on where they run."""

from __future__ import annotations

import argparse

import nnkit
from nnkit import selection
from nnkit.backend import label


def device_and_why() -> str:
    """The device in use, why it is the one, and why those that come before it are not."""
    used = nnkit.current_backend()
    choice = selection.in_use()
    lines = [f"training on {label(used)}" + (f": {choice.why}" if choice else "")]
    lines += [f"  not on {e.backend}: {e.reason}" for e in (choice.skipped if choice else ())]
    return "\n".join(lines)


def add_backend(parser: argparse.ArgumentParser) -> None:
    """Add --backend; nothing given means what NNKIT_BACKEND says."""
    parser.add_argument(
        "--backend",
        metavar="NAME",
        help="numpy, opencl, cupy, opencl:1 … (what NNKIT_BACKEND says, or auto)",
    )


def count(text: str) -> int:
    """A whole number from 1."""
    return _whole(text, 1)


def seed(text: str) -> int:
    """A whole number from 0."""
    return _whole(text, 0)


def counts(text: str) -> list[int]:
    """'64,32' as [64, 32]."""
    return [_whole(part, 1) for part in text.split(",")]


def _whole(text: str, least: int) -> int:
    try:
        value = int(text)
    except ValueError:
        value = least - 1
    if value < least:
        raise argparse.ArgumentTypeError(f"must be a whole number from {least}, got {text!r}")
    return value
