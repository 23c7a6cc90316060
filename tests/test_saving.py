"""Weights and checkpoints in files: what others read, what is refused, and that files are whole."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import nnkit
from nnkit import nn, optim
from nnkit.backend import Backend
from nnkit.files import whole
from nnkit.saving import read
from nnkit.train import load_checkpoint, save_checkpoint


@pytest.fixture(scope="module")
def torch() -> ModuleType:
    return pytest.importorskip("torch", reason="PyTorch is not installed: nothing to compare with")


def network(kit: Any) -> Any:
    return kit.Sequential(kit.Conv2d(2, 3, (3, 2)), kit.Flatten(), kit.Linear(3 * 4 * 4, 5))


def data(*shape: int) -> np.ndarray:
    return np.linspace(-1, 1, int(np.prod(shape)), dtype=np.float32).reshape(shape)


# -- weights ---------------------------------------------------------------------------------


def test_pytorch_reads_what_a_model_saves_and_the_other_way_round(
    backend: Backend, torch: ModuleType, tmp_path: Path
) -> None:
    from safetensors.torch import load_file, save_file

    ours, theirs = network(nn), network(torch.nn)
    ours.save(tmp_path / "ours.safetensors")
    theirs.load_state_dict(load_file(tmp_path / "ours.safetensors"))
    x = data(2, 2, 6, 5)
    expected = theirs(torch.from_numpy(x)).detach().numpy()
    np.testing.assert_allclose(ours(nnkit.tensor(x)).numpy(), expected, rtol=1e-4, atol=1e-5)

    theirs = network(torch.nn)
    save_file(theirs.state_dict(), tmp_path / "theirs.safetensors")
    assert ours.load(tmp_path / "theirs.safetensors") == ([], [])
    expected = theirs(torch.from_numpy(x)).detach().numpy()
    np.testing.assert_allclose(ours(nnkit.tensor(x)).numpy(), expected, rtol=1e-4, atol=1e-5)


def test_every_dtype_and_layout_comes_back_as_it_was(tmp_path: Path) -> None:
    state = {
        "transposed": data(4, 7).T,
        "empty": np.zeros((0, 3)),
        "number": np.array(3, np.int64),
        "half": data(3).astype(np.float16),
        "flags": np.array([True, False]),
        "tensor": nnkit.tensor([[1.0, 2.0]]),
    }
    nnkit.save(state, tmp_path / "state.safetensors")
    found = nnkit.load(tmp_path / "state.safetensors")
    assert found.keys() == state.keys()
    for name, value in state.items():
        expected = value.numpy() if isinstance(value, nnkit.Tensor) else value
        assert found[name].dtype == expected.dtype
        np.testing.assert_array_equal(found[name], expected)
    assert read("load", tmp_path / "state.safetensors")[1]["nnkit"] == nnkit.__version__


def test_bfloat16_is_read_as_float32(torch: ModuleType, tmp_path: Path) -> None:
    from safetensors.torch import save_file

    values = torch.tensor([[1.0, -0.3], [float("inf"), 3e38], [1e-40, -0.0]])
    state = {"a": values.to(torch.bfloat16), "b": values, "c": torch.tensor(1.5).bfloat16()}
    save_file(state, tmp_path / "a.safetensors")
    found = nnkit.load(tmp_path / "a.safetensors")
    for name, value in state.items():
        assert found[name].dtype == np.float32
        np.testing.assert_array_equal(found[name], value.float().numpy())


def test_npz_files_are_read_too(tmp_path: Path) -> None:
    model, twin = network(nn), network(nn)
    np.savez(tmp_path / "model.npz", **model.state_dict())
    twin.load(tmp_path / "model.npz")
    np.testing.assert_array_equal(twin.state_dict()["2.bias"], model.state_dict()["2.bias"])


def test_a_file_that_does_not_fit_is_refused_by_name(tmp_path: Path) -> None:
    network(nn)[2:].save(tmp_path / "part.safetensors")
    model = network(nn)
    with pytest.raises(ValueError, match=r"load_state_dict of Sequential: missing: 0\.weight, 0\."):
        model.load(tmp_path / "part.safetensors")
    keys = model.load(tmp_path / "part.safetensors", strict=False)
    assert keys.missing_keys == ["0.weight", "0.bias"]


def damaged(path: Path, change: Callable[[bytes], bytes]) -> Path:
    nnkit.save({"a": data(5, 3)}, path)
    path.write_bytes(change(path.read_bytes()))
    return path


@pytest.mark.parametrize(
    "change",
    [
        lambda content: b"",
        lambda content: content[:-1],
        lambda content: content[:20],
        lambda content: content + b"more",
        lambda content: b"\xff" * len(content),
        lambda content: b"a text, and no numbers",
    ],
    ids=["empty", "cut", "cut in its head", "longer", "overwritten", "text"],
)
def test_damaged_files_are_refused(tmp_path: Path, change: Callable[[bytes], bytes]) -> None:
    path = damaged(tmp_path / "a.safetensors", change)
    with pytest.raises(ValueError, match=r"load: '.*' is no safetensors file, or it is damaged \("):
        nnkit.load(path)


def test_files_of_other_kinds_are_refused(torch: ModuleType, tmp_path: Path) -> None:
    from safetensors.torch import save_file

    torch.save({"a": torch.ones(2)}, tmp_path / "a.pt")
    with pytest.raises(
        ValueError, match=r"archive of other things .*safetensors\.torch\.save_file"
    ):
        nnkit.load(tmp_path / "a.pt")
    save_file({"a": torch.ones(2).to(torch.float8_e4m3fn)}, tmp_path / "b.safetensors")
    with pytest.raises(ValueError, match="holds F8_E4M3 under 'a', which NumPy does not have"):
        nnkit.load(tmp_path / "b.safetensors")
    np.savez(tmp_path / "c.npz", a=np.array([{}], dtype=object))
    with pytest.raises(ValueError, match="allow_pickle=False"):
        nnkit.load(tmp_path / "c.npz")
    with pytest.raises(FileNotFoundError, match=r"nowhere\.safetensors"):
        nnkit.load(tmp_path / "nowhere.safetensors")


def test_what_cannot_be_saved(tmp_path: Path) -> None:
    model = network(nn)
    with pytest.raises(ValueError, match=r"save: the file must end in \.safetensors, got '.*\.pt'"):
        model.save(tmp_path / "model.pt")
    with pytest.raises(ValueError, match=r"save: the folder '.*nowhere' does not exist"):
        model.save(tmp_path / "nowhere" / "model.safetensors")
    with pytest.raises(ValueError, match="save: 'name' must hold numbers, got <U3"):
        nnkit.save({"name": np.array("abc")}, tmp_path / "a.safetensors")
    with pytest.raises(TypeError, match="wants a model or a mapping of names to arrays, got list"):
        nnkit.save([1.0], tmp_path / "a.safetensors")  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


def test_without_the_package_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "safetensors", None)
    with pytest.raises(ImportError, match=r"needs the package 'safetensors'.*nnkit\[safetensors\]"):
        network(nn).save(tmp_path / "model.safetensors")
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_whole_or_as_before(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("before")

    def interrupted() -> None:
        with whole("save", path) as other:
            other.write_text("half")
            assert other.parent.parent == tmp_path
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert path.read_text() == "before"
    with whole("save", path) as other:
        other.write_text("after")
    assert [file.read_text() for file in tmp_path.iterdir()] == ["after"]


# -- checkpoints -----------------------------------------------------------------------------


def trained(steps: int, model: nn.Module, optimizer: optim.Optimizer) -> None:
    x = nnkit.tensor(data(2, 2, 6, 5))
    for _ in range(steps):
        optimizer.zero_grad()
        (model(x) ** 2).mean().backward()
        optimizer.step()


OPTIMIZERS: list[Callable[[Any], optim.Optimizer]] = [
    lambda p: optim.SGD(p, lr=0.1, momentum=0.9),
    lambda p: optim.Adam(p, lr=0.01, betas=(0.8, 0.95)),
]


@pytest.mark.parametrize("make", OPTIMIZERS, ids=["sgd", "adam"])
def test_training_goes_on_from_a_checkpoint_to_the_same_weights(
    backend: Backend, make: Callable[[Any], optim.Optimizer], tmp_path: Path
) -> None:
    file = tmp_path / "last.safetensors"
    model = network(nn)
    optimizer = make(model.parameters())
    trained(3, model, optimizer)
    optimizer.param_groups[0]["lr"] = 0.05
    save_checkpoint(file, model, optimizer, epoch=3, best=[0.5, None], name="run")
    trained(2, model, optimizer)

    again = network(nn)
    other = make(again.parameters())
    assert load_checkpoint(file, again, other) == {"epoch": 3, "best": [0.5, None], "name": "run"}
    assert repr(other) == repr(optimizer)
    trained(2, again, other)
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(again.state_dict()[name], value)


def test_a_checkpoint_that_does_not_fit_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "last.safetensors"
    model = network(nn)
    optimizer = optim.Adam(model.parameters())
    trained(1, model, optimizer)
    save_checkpoint(file, model, optimizer)

    other = network(nn)
    before = other.state_dict()
    head = optim.Adam(other[2].parameters())
    with pytest.raises(ValueError, match=r"Adam: load_state_dict needs groups of \[2\] param"):
        load_checkpoint(file, other, head)
    for name, value in other.state_dict().items():
        np.testing.assert_array_equal(value, before[name])
    with pytest.raises(ValueError, match="load_state_dict of Linear: missing: weight, bias; unexp"):
        load_checkpoint(file, nn.Linear(3, 2))


def test_checkpoints_without_an_optimizer_and_other_files(tmp_path: Path) -> None:
    file = tmp_path / "last.safetensors"
    model = network(nn)
    save_checkpoint(file, model, loss=0.25)
    assert load_checkpoint(file, network(nn)) == {"loss": 0.25}
    with pytest.raises(ValueError, match="was saved without an optimizer"):
        load_checkpoint(file, model, optim.SGD(model.parameters(), lr=0.1))
    model.save(file)
    with pytest.raises(ValueError, match=r"is no checkpoint\. Fix: model\.load\(file\)"):
        load_checkpoint(file, model)
    with pytest.raises(TypeError, match=r"numbers must be made of numbers.*Fix: tensor\.item\(\)"):
        save_checkpoint(file, model, loss=nnkit.tensor(0.5))


def test_others_may_read_the_file_as_usual(tmp_path: Path) -> None:
    usual = tmp_path / "usual"
    usual.touch()
    nnkit.save(nn.Linear(2, 3), tmp_path / "model.safetensors")
    assert (tmp_path / "model.safetensors").stat().st_mode == usual.stat().st_mode
