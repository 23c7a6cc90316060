"""Datasets, loaders, splits and files."""

from __future__ import annotations

import gzip
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nnkit
from nnkit import nn, optim
from nnkit.backend import Backend
from nnkit.data import (
    ArrayDataset,
    DataLoader,
    Subset,
    TensorDataset,
    random_split,
    read_csv,
    read_idx,
    read_npz,
    stratified_split,
)

Host = np.ndarray[Any, Any]


class Rows:
    """A dataset that gives examples one by one."""

    def __init__(self, count: int = 7) -> None:
        self.count = count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> tuple[list[float], int]:
        if index == 5 and self.count == 6:
            raise OSError("the sixth file is not there")
        return [float(index), 1.0], index % 3


def prefetchers() -> int:
    return sum(t.name == "nnkit-prefetch" for t in threading.enumerate())


# -- loaders ---------------------------------------------------------------------------------


@pytest.mark.parametrize("prefetch", [0, 1, 3])
@pytest.mark.parametrize("dataset", [Rows(), ArrayDataset([[i, 1.0] for i in range(7)], range(7))])
def test_a_loader_gives_batches_on_the_device(
    dataset: Any, prefetch: int, backend: Backend
) -> None:
    loader = DataLoader(dataset, batch_size=3, prefetch=prefetch)
    batches = list(loader)
    assert len(loader) == len(batches) == 3
    assert [x.shape for x, _ in batches] == [(3, 2), (3, 2), (1, 2)]
    assert all(t.backend is backend for batch in batches for t in batch)
    np.testing.assert_array_equal(np.concatenate([x.numpy()[:, 0] for x, _ in batches]), range(7))
    assert len(list(DataLoader(dataset, 3, drop_last=True))) == 2
    assert prefetchers() == 0


def test_an_order_is_new_each_time_and_the_same_for_a_seed() -> None:
    def orders(seed: int) -> list[list[int]]:
        loader = DataLoader(np.arange(20), batch_size=20, shuffle=True, seed=seed)
        return [x.tolist() for _ in range(2) for (x,) in loader]

    first, second = orders(1)
    assert first != second
    assert sorted(first) == sorted(second) == list(range(20))
    assert orders(1) == [first, second]
    assert orders(2)[0] != first


def test_a_thread_works_ahead_but_not_too_far() -> None:
    made: list[int] = []

    class Slow(Rows):
        def __getitem__(self, index: int) -> tuple[list[float], int]:
            made.append(index)
            return super().__getitem__(index)

    batches = iter(DataLoader(Slow(), prefetch=2))
    next(batches)
    deadline = time.monotonic() + 5
    while len(made) < 4 and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.05)
    assert made == [0, 1, 2, 3]  # one used, two that wait, one in the thread's hands
    batches.close()  # type: ignore[attr-defined]
    assert prefetchers() == 0


def test_what_a_dataset_raises_is_raised_where_it_is_used() -> None:
    batches = iter(DataLoader(Rows(6), batch_size=1))
    seen = len([next(batches) for _ in range(5)])
    with pytest.raises(OSError, match="sixth file") as caught:
        next(batches)
    assert seen == 5
    assert any("__getitem__" in str(entry) for entry in caught.traceback)
    assert prefetchers() == 0


def test_a_loop_that_is_left_leaves_no_thread() -> None:
    def first() -> Any:
        for batch in DataLoader(Rows(), batch_size=1):
            return batch
        return None

    assert first() is not None
    deadline = time.monotonic() + 5
    while prefetchers() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert prefetchers() == 0


def test_batches_of_dicts_tensors_and_a_collate_function(backend: Backend) -> None:
    class Dicts(Rows):
        def __getitem__(self, index: int) -> Any:
            return {"a": nnkit.tensor([index, index]), "b": (0.5 * index, np.float64(index))}

    (batch,) = DataLoader(Dicts(), batch_size=7)
    assert batch["a"].shape == (7, 2)
    assert [str(t.numpy().dtype) for t in batch["b"]] == ["float32", "float64"]
    (lengths,) = DataLoader(Rows(), 7, collate_fn=lambda rows: np.array([r[1] for r in rows]))
    assert lengths.tolist() == [0, 1, 2, 0, 1, 2, 0]


def test_subsets_and_their_batches() -> None:
    subset = Subset(Subset(ArrayDataset(np.arange(10) * 10), [1, 3, 5, 7]), [3, 0])
    assert [int(subset[i][0]) for i in range(len(subset))] == [70, 10]
    assert next(iter(DataLoader(subset, 2)))[0].tolist() == [70, 10]
    assert TensorDataset is ArrayDataset


# -- splits ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lengths", "sizes"),
    [([7, 3, 1], [7, 3, 1]), ([0.5, 0.5], [6, 5]), ([0.2, 0.3, 0.5], [2, 3, 6])],
)
def test_random_splits_share_nothing(lengths: Any, sizes: list[int]) -> None:
    parts = random_split(Rows(11), lengths, seed=3)
    assert [len(p) for p in parts] == sizes
    every = np.concatenate([p.indices for p in parts])
    assert sorted(every) == list(range(11))
    assert every.tolist() != sorted(every)
    again = random_split(Rows(11), lengths, seed=3)
    np.testing.assert_array_equal(again[0].indices, parts[0].indices)


def test_stratified_splits_keep_the_shares(rng: np.random.Generator) -> None:
    labels = rng.permutation(np.repeat(["a", "b", "c"], [40, 20, 10]))
    train, test = stratified_split(Rows(70), labels, [0.8, 0.2])
    assert [np.sum(labels[train.indices] == c) for c in "abc"] == [32, 16, 8]
    assert [np.sum(labels[test.indices] == c) for c in "abc"] == [8, 4, 2]
    assert set(train.indices) | set(test.indices) == set(range(70))


# -- files -----------------------------------------------------------------------------------


def idx(values: Host, kind: int) -> bytes:
    head = bytes([0, 0, kind, values.ndim]) + b"".join(n.to_bytes(4, "big") for n in values.shape)
    return head + values.astype(values.dtype.newbyteorder(">")).tobytes()


@pytest.mark.parametrize(
    ("dtype", "kind"),
    [("u1", 8), ("i1", 9), ("i2", 11), ("i4", 12), ("f4", 13), ("f8", 14)],
)
def test_idx_files(dtype: str, kind: int, tmp_path: Path) -> None:
    values = (np.arange(24).reshape(2, 3, 4) * 5).astype(dtype)
    (tmp_path / "plain").write_bytes(idx(values, kind))
    (tmp_path / "packed").write_bytes(gzip.compress(idx(values, kind)))
    for name in ("plain", "packed"):
        found = read_idx(tmp_path / name)
        np.testing.assert_array_equal(found, values)
        assert found.dtype == np.dtype(dtype)


WHOLE = idx(np.arange(12, dtype=np.uint8).reshape(3, 4), 8)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"<html>404</html>", r"is no IDX file: it must begin with 0, 0 .* got \[60, 104, 116\]"),
        (b"", r"is no IDX file"),
        (WHOLE[:6], "ends within its head: it has 6 bytes"),
        (WHOLE[:-5], r"must hold 12 bytes of values for the shape \(3, 4\) in its head, got 7"),
        (WHOLE + b"\0", "must hold 12 bytes .* got 13"),
        (gzip.compress(WHOLE)[:-9], "is damaged, gzip cannot unpack it"),
        (gzip.compress(WHOLE)[:12] + b"??" + gzip.compress(WHOLE)[14:], "is damaged, gzip"),
    ],
)
def test_damaged_idx_files(content: bytes, text: str, tmp_path: Path) -> None:
    (tmp_path / "images").write_bytes(content)
    with pytest.raises(ValueError, match=text):
        read_idx(tmp_path / "images")


def table(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "table.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_csv_files(tmp_path: Path) -> None:
    path = table(tmp_path, '\ufeffa,"b, c",y\n1,2.5,3\n4,5.5,6\n')
    found = read_csv(path)
    assert found.y is None
    assert found.names == ["a", "b, c", "y"]
    assert found.x.tolist() == [[1, 2.5, 3], [4, 5.5, 6]]
    by_name, by_place = read_csv(path, "y"), read_csv(path, -1)
    assert by_name.x.tolist() == by_place.x.tolist() == [[1, 2.5], [4, 5.5]]
    for y in (by_name.y, by_place.y):
        assert y is not None
        assert (y.tolist(), y.dtype) == ([3, 6], np.int64)
    plain = read_csv(table(tmp_path, "dog;1;2\ncat;3;4\ndog;5;6\n"), 0, delimiter=";")
    assert plain.x.tolist() == [[1, 2], [3, 4], [5, 6]]
    assert plain.y is not None
    assert (plain.y.tolist(), plain.classes) == ([1, 0, 1], ["cat", "dog"])
    assert plain.names == ["column 1", "column 2"]
    real = read_csv(table(tmp_path, "1,2.5\n3,4\n"), 1)
    assert real.y is not None
    assert real.y.tolist() == [2.5, 4.0]


@pytest.mark.parametrize(
    ("text", "target", "error"),
    [
        ("", None, "is empty"),
        ("a,b\n", None, "holds a row of names and no example"),
        ("a,b\n1,2\n3\n", None, "line 3 of .* must have 2 values like the first, got 1"),
        ("a,b\n1,2\n3,4,5\n", "b", "line 3 of .* must have 2 values like the first, got 3"),
        ("a,b\n1,2\n3,x\n", None, "line 3 of .* must hold a number in 'b', got 'x'. Fix: fill in"),
        ("a,b\n1,2\n,4\n", None, "line 3 of .* must hold a number in 'a', got nothing"),
        ("1,2\n3,x\n", None, "line 2 of .* must hold a number in 'column 1', got 'x'"),
        ("age,b\n1,2\n", "aeg", "has no column 'aeg'. Did you mean 'age'"),
        ("a,b\n1,2\n", 2, "target must be a column of the 2 in .* got 2"),
    ],
)
def test_damaged_csv_files(text: str, target: Any, error: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=error):
        read_csv(table(tmp_path, text), target)


def test_npz_files(tmp_path: Path) -> None:
    path = tmp_path / "data.npz"
    x = np.arange(3000.0).reshape(1000, 3)
    np.savez_compressed(path, x_train=x, y_train=np.arange(1000))
    (found,) = read_npz(path, "x_train")
    np.testing.assert_array_equal(found, x)
    with pytest.raises(ValueError, match=r"holds no 'x_trian'\. Did you mean 'x_train'"):
        read_npz(path, "x_trian")
    content = bytearray(path.read_bytes())
    content[200] ^= 255
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"'x_train' in .* is damaged"):
        read_npz(path)
    path.write_bytes(content[:500])
    with pytest.raises(ValueError, match="is no NPZ file, or is cut off"):
        read_npz(path)
    np.savez(path, words=np.array(["a", None], dtype=object))
    with pytest.raises(ValueError, match=r"'words' in .* cannot be read: .*pickle.* Fix: save arr"):
        read_npz(path)


@pytest.mark.parametrize("read", [read_idx, read_csv, read_npz])
def test_a_file_that_is_not_there(read: Any, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "nothing")


# -- with the trainer ------------------------------------------------------------------------


def taught(metrics: Any = ()) -> nnkit.Trainer:
    nnkit.manual_seed(0)
    return nnkit.Trainer(nn.Linear(2, 3), "cross_entropy", "adam", metrics)


class Once:
    """A loader of pairs of arrays that does not know its length."""

    def __iter__(self) -> Iterator[tuple[Host, Host]]:
        yield from DataLoader(Rows(), 3).host_batches()


def test_arrays_datasets_and_loaders_teach_the_same() -> None:
    x, y = np.array([[i, 1.0] for i in range(7)]), np.arange(7) % 3
    expected = taught().fit(x, y, epochs=2, batch_size=3, shuffle=False).batch_losses
    for data in (Rows(), ArrayDataset(x, y), DataLoader(Rows(), 3), Once()):
        found = taught().fit(data, epochs=2, batch_size=3, shuffle=False, validation_data=data)
        assert found.batch_losses == expected
        assert len(found["val_loss"]) == 2
    pairs = [(x[i], y[i]) for i in range(7)]
    found = taught().fit(pairs, epochs=2, batch_size=3, shuffle=False)
    assert found.batch_losses == expected


def test_a_dataset_is_shuffled_as_its_arrays_are() -> None:
    x, y = np.array([[i, 1.0] for i in range(7)]), np.arange(7) % 3
    by_arrays, by_rows = (
        taught().fit(*data, epochs=2, batch_size=3, seed=4).batch_losses
        for data in ((x, y), (Rows(),))
    )
    assert by_arrays == by_rows
    assert taught().evaluate(Rows()) == taught().evaluate(x, y)


def test_scikit_learns_data_fit_as_they_are() -> None:
    datasets = pytest.importorskip("sklearn.datasets", reason="scikit-learn is not installed")
    model = nn.Linear(4, 3)
    adam = optim.Adam(model.parameters(), lr=0.05)
    trainer = nnkit.Trainer(model, "cross_entropy", adam, "accuracy")
    assert trainer.fit(datasets.load_iris(), epochs=20)["accuracy"][-1] > 0.9


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: DataLoader(Rows(), 0), ValueError, "batch_size must be at least 1, got 0"),
        (lambda: DataLoader(Rows(), prefetch=-1), ValueError, "prefetch must be at least 0"),
        (lambda: DataLoader(iter([1])), TypeError, "must have __len__ and __getitem__, got list_i"),
        (lambda: ArrayDataset([1, 2], [1]), ValueError, "as many examples, got 2 and 1"),
        (lambda: ArrayDataset(), ValueError, "give at least one array"),
        (lambda: Subset(Rows(), [7]), IndexError, r"positions must lie in \[0, 7\), got 7 to 7"),
        (lambda: random_split(Rows(), [3, 3]), ValueError, r"add up to the 7 examples.*\[3, 3\]"),
        (lambda: stratified_split(Rows(), [0, 1], [1.0]), ValueError, r"7 examples, got shape \(2"),
        (
            lambda: stratified_split(Rows(), [0, 0, 0, 0, 0, 0, 1], [0.5, 0.5]),
            ValueError,
            "class .*1.* has 1 examples for 2 parts. Fix: leave it out",
        ),
        (
            lambda: stratified_split(Rows(), [0] * 7, [3, 4]),
            ValueError,
            r"must be shares that add up to 1, got \[3, 4\]",
        ),
        (
            lambda: next(iter(DataLoader([[1.0], [1.0, 2.0]], 2))),
            ValueError,
            r"must have one shape, got \(\) and|one shape, got",
        ),
        (
            lambda: taught().fit(DataLoader(Rows(2), 4, drop_last=True)),
            ValueError,
            "fit: the loader gave no batch. Fix: a loader that can be gone through once an epoch",
        ),
        (
            lambda: taught().fit(iter(list(Once())), epochs=2),
            ValueError,
            "the loader gave no batch.*a generator can be gone through once",
        ),
        (
            lambda: taught().fit(DataLoader(np.ones((6, 2)), 2)),
            TypeError,
            r"\(x, y\).* got 1 parts",
        ),
        (
            lambda: taught().fit(Rows(), sample_weight=[1.0] * 7),
            ValueError,
            "gives the weights its",
        ),
        (
            lambda: taught().fit(Rows(), validation_split=0.5),
            ValueError,
            "a loader cannot be split",
        ),
        (lambda: taught().fit(np.ones((6, 2))), ValueError, r"fit: y is missing. Fix: fit\(x, y\)"),
        (
            lambda: taught().fit(DataLoader((np.ones((6, 2)), np.arange(6)), 2)),
            ValueError,
            r"must lie in \[0, 3\)",
        ),
        (
            lambda: taught().fit(DataLoader((np.full((6, 2), np.nan), np.zeros(6, int)), 2)),
            ValueError,
            "fit: batch 1: x must be finite",
        ),
    ],
)
def test_data_that_make_no_sense_are_refused(make: Any, error: Any, text: str) -> None:
    with pytest.raises(error, match=text):
        make()
