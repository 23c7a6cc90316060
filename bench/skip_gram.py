"""Skip-gram with negative sampling, words per second: `python -m bench.skip_gram`, beside gensim.

A corpus of a Zipf law, drawn once; both learn vectors of 100 numbers, window 5 (the width drawn
anew for each word, from 1 to 5), 5 negatives drawn by count^0.75, SGD from 0.025, no subsampling.
gensim walks pair by pair in C, its two threads writing over each other; ours takes `--batch` pairs
a step: one gather for the centres, one for the positives and negatives, a batched product, the
logistic loss summed, and dense descent. Pairs and negatives are drawn on the host, and that is
counted. A mean loss of the same pairs is printed for both, so that speed without learning shows.

Mikolov, Sutskever, Chen, Corrado and Dean 2013, arXiv:1310.4546.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
WIDTH, WINDOW, NEGATIVES, LR, SENTENCE = 100, 5, 5, 0.025, 20


def corpus(words: int, vocabulary: int, seed: int = 0) -> Array:
    """Sentences of word numbers, (sentences, SENTENCE): rank r with chance 1 / (r + 2.7)."""
    rng = np.random.default_rng(seed)
    chances = 1.0 / (np.arange(vocabulary) + 2.7)
    drawn = rng.choice(vocabulary, words // SENTENCE * SENTENCE, p=chances / chances.sum())
    return drawn.reshape(-1, SENTENCE)


def pairs(text: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    """Centres and their neighbours, within a width drawn for each centre."""
    reach = rng.integers(1, WINDOW + 1, text.shape)
    found = [
        part
        for shift in range(1, WINDOW + 1)
        for part in (
            (
                text[:, :-shift][reach[:, :-shift] >= shift],
                text[:, shift:][reach[:, :-shift] >= shift],
            ),
            (
                text[:, shift:][reach[:, shift:] >= shift],
                text[:, :-shift][reach[:, shift:] >= shift],
            ),
        )
    ]
    centres, neighbours = (np.concatenate(side) for side in zip(*found, strict=True))
    order = rng.permutation(len(centres))
    return centres[order], neighbours[order]


def batches(
    text: Array, vocabulary: int, size: int, seed: int = 1
) -> Iterator[tuple[Array, Array]]:
    """Centres (size, 1) and candidates (size, 1 + NEGATIVES), the positive first; whole batches."""
    rng = np.random.default_rng(seed)
    counts = np.bincount(text.reshape(-1), minlength=vocabulary) ** 0.75
    edges = np.cumsum(counts) / counts.sum()
    centres, neighbours = pairs(text, rng)
    for k in range(0, len(centres) - size + 1, size):
        negatives = np.searchsorted(edges, rng.random((size, NEGATIVES)))
        yield (
            centres[k : k + size, None],
            np.concatenate([neighbours[k : k + size, None], negatives], axis=1),
        )


def mean_loss(inputs: Array, outputs: Array, text: Array) -> float:
    """Over the first 20,000 pairs, each with its negatives: softplus(-s) + sum softplus(s')."""
    centre, candidates = next(batches(text, len(inputs), min(20_000, text.size), seed=2))
    scores = np.einsum("bk,bck->bc", inputs[centre[:, 0]], outputs[candidates])
    scores[:, 0] *= -1
    return float(np.logaddexp(0.0, scores).sum(axis=1).mean())


def ours(backend: str, text: Array, vocabulary: int, size: int) -> tuple[float, float]:
    """Words per second of one pass after a few steps to warm up, and the loss."""
    import nnkit
    from nnkit import nn, ops, optim

    with nnkit.use(backend) as chosen:
        inputs, outputs = nn.Embedding(vocabulary, WIDTH), nn.Embedding(vocabulary, WIDTH)
        first = np.random.default_rng(0).uniform(-0.5, 0.5, (vocabulary, WIDTH)) / WIDTH
        inputs.load_state_dict({"weight": first.astype(np.float32)})
        outputs.load_state_dict({"weight": np.zeros((vocabulary, WIDTH), np.float32)})
        optimizer = optim.SGD([*inputs.parameters(), *outputs.parameters()], lr=LR)
        target = np.zeros((size, 1, 1 + NEGATIVES), np.float32)
        target[..., 0] = 1
        truth = nnkit.tensor(target)

        @nnkit.compile
        def step(centre: nnkit.Tensor, candidates: nnkit.Tensor) -> None:
            optimizer.zero_grad()
            scores = inputs(centre) @ outputs(candidates).permute(0, 2, 1)
            ops.binary_cross_entropy_with_logits(scores, truth, reduction="sum").backward()
            optimizer.step()

        def walk(limit: int | None = None) -> None:
            for k, both in enumerate(batches(text, vocabulary, size)):
                if k == limit:
                    break
                step(*(nnkit.tensor(part) for part in both))
            chosen.synchronize()

        walk(4)
        begin = time.perf_counter()
        walk()
        spent = time.perf_counter() - begin
        found = (m.state_dict()["weight"] for m in (inputs, outputs))
        return text.size / spent, mean_loss(*found, text)


def gensim_side(text: Array, vocabulary: int, threads: int) -> tuple[float, float]:
    """gensim's Word2Vec with the same settings, its vocabulary built before the clock starts."""
    from gensim.models import Word2Vec

    sentences = [[str(word) for word in row] for row in text.tolist()]
    model = Word2Vec(
        vector_size=WIDTH, window=WINDOW, negative=NEGATIVES, sg=1, hs=0, sample=0, min_count=1,
        workers=threads, alpha=LR, min_alpha=LR, seed=1,
    )  # fmt: skip
    model.build_vocab(sentences)
    begin = time.perf_counter()
    model.train(sentences, total_examples=len(sentences), epochs=1)
    spent = time.perf_counter() - begin
    inputs, outputs = np.zeros((2, vocabulary, WIDTH), np.float32)
    place = [int(word) for word in model.wv.index_to_key]
    inputs[place], outputs[place] = model.wv.vectors, model.syn1neg
    return text.size / spent, mean_loss(inputs, outputs, text)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.skip_gram", description=__doc__)
    parser.add_argument("--words", type=int, default=200_000)
    parser.add_argument("--vocabulary", type=int, default=5_000)
    parser.add_argument("--batch", type=int, default=1024, help="pairs a step of ours (1,024)")
    parser.add_argument("--backends", default="numpy,opencl")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    from bench.peers.worker import limit

    limit(args.threads)
    text = corpus(args.words, args.vocabulary)
    sides = {
        f"nnkit, {name}": lambda name=name: ours(name, text, args.vocabulary, args.batch)
        for name in args.backends.split(",")
    }
    try:
        import gensim

        sides[f"gensim {gensim.__version__}"] = lambda: gensim_side(
            text, args.vocabulary, args.threads
        )
    except ImportError:
        print("- left out: gensim is not installed")
    found = {}
    for title, side in sides.items():
        found[title] = side()
        time.sleep(0.15)
    last = list(found.values())[-1][0]
    print(f"| | words per second | share of {list(found)[-1]} | loss |\n|---|---|---|---|")
    for title, (speed, loss) in found.items():
        slower = " (slower)" if speed < last else ""
        print(f"| {title} | {speed:,.0f} | {speed / last:.2f}{slower} | {loss:.4f} |")


if __name__ == "__main__":
    main()
