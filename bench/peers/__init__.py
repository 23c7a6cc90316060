"""nnkit beside what a user would pick instead: the same training steps, in turn.

    python -m bench.peers                       # every task, every peer that is here
    python -m bench.peers --tasks digits,medium --peers hand_numpy,torch
    python -m bench.peers --json new.json --plot new.png
    python -m bench.peers --models lenet,vgg --rounds 7 --save new.md
    python -m bench.peers --quick               # do they agree? the timings say nothing

Each peer is a file here with `make(task, arrays, option)`, which gives a `Runner`. It runs in a
process of its own (`worker`), started with the same first weights and batch, the same threads and
the same cores. nnkit on each backend and one peer take turns, A B A B, so that noise meets all
alike; a ratio is the median over the rounds of the peer's time divided by nnkit's in that round.
After some steps all must have the same loss, or the table says so and the exit status is 1; so it
is where a peer breaks off.

A new peer is one more file, and one more line in `roster`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Runner:
    """One task on one peer.

    Attributes:
        run: do that many training steps; returns when all are computed.
        loss: the loss of the batch with the weights as they are.
        version: of what ran, for the record.
        tolerance: how far its loss may lie from the others', as a share: float32 after steps of
            Adam, which magnify where gradients are near 0.
    """

    run: Callable[[int], None]
    loss: Callable[[], float]
    version: str
    tolerance: float = 1e-3


class Absent(Exception):
    """The peer is not installed, cannot run here, or lacks the model; the text says which."""
