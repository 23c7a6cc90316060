"""Pictures of training and of a classifier's answers: what their artists hold, and mistakes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nnkit
from nnkit import nn
from nnkit.backend import Backend
from nnkit.train import History
from tests.sites import make_site, run_in

pytest.importorskip("matplotlib", reason="matplotlib is not installed: nothing to draw with")

from matplotlib.figure import Figure

from nnkit import plot

DATA = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])


# -- learning curves ---------------------------------------------------------------------------


def test_learning_curves_show_every_name() -> None:
    history = History()
    for epoch in range(4):
        history.add({"loss": 1.0 / (epoch + 1), "accuracy": epoch / 4, "val_loss": 1.0})
    axes = plot.learning_curves(history, labels=("train", "test"))
    assert [a.get_ylabel() for a in axes] == ["loss", "accuracy"]
    assert [[t.get_text() for t in a.get_legend().get_texts()] for a in axes] == [
        ["train", "test"],
        ["train"],
    ]
    np.testing.assert_allclose(axes[0].lines[0].get_ydata(), history["loss"])
    np.testing.assert_allclose(axes[0].lines[0].get_xdata(), [1, 2, 3, 4])
    with pytest.raises(ValueError, match="no finished epoch"):
        plot.learning_curves(History())
    with pytest.raises(ValueError, match="axes must be 2, one for each of loss, accuracy; got 1"):
        plot.learning_curves(history, axes=axes[0])


# -- decision boundary -------------------------------------------------------------------------


def corner(places: Any) -> Any:
    """1 right of 0.4 and above 0.4, else 0."""
    return ((places[:, 0] > 0.4) & (places[:, 1] > 0.4)).astype(int)


def test_the_boundary_lies_where_the_model_changes_its_mind() -> None:
    axes = plot.decision_boundary(corner, DATA, [0, 0, 0, 1], margin=0.5, resolution=21)
    (image,) = axes.images
    steps = np.linspace(-0.5, 1.5, 21)
    expected = (steps[:, None] > 0.4) & (steps[None, :] > 0.4)
    np.testing.assert_array_equal(image.get_array(), expected)
    assert image.get_extent() == pytest.approx([-0.55, 1.55, -0.55, 1.55])
    assert image.origin == "lower"
    line = np.concatenate([path.vertices for path in axes.collections[0].get_paths()])
    assert line.min() == pytest.approx(0.45)  # between the points at 0.4 and at 0.5
    zero, one = axes.collections[1:]
    np.testing.assert_array_equal(zero.get_offsets(), DATA[:3])
    np.testing.assert_array_equal(one.get_offsets(), DATA[3:])
    axes.figure.canvas.draw()


def linear(weight: Any, bias: Any) -> nn.Linear:
    return nn.Linear(2, len(weight), weight_init=np.array(weight), bias_init=np.array(bias))


def test_models_of_every_kind_give_the_same_regions(backend: Backend) -> None:
    """Modules and trainers on the backend in use, scores, one score, and labels that are names."""
    two = linear([[0.0, 0.0], [1.0, 1.0]], [0.0, -0.9])
    one = linear([[1.0, 1.0]], [-0.9])
    y = [0, 1, 1, 1]
    above = DATA.sum(axis=1) > 0.9
    assert above.astype(int).tolist() == y
    named = np.array(["no", "yes"])
    pictures = [
        plot.decision_boundary(two, DATA, y, resolution=15),
        plot.decision_boundary(nnkit.Trainer(two, "cross_entropy", "sgd"), DATA, y, resolution=15),
        plot.decision_boundary(two, DATA, np.eye(2)[y], resolution=15),
        plot.decision_boundary(two, DATA, named[y], resolution=15),
        plot.decision_boundary(one, DATA, [[v] for v in y], threshold=0.0, resolution=15),
        plot.decision_boundary(
            lambda p: named[(p.sum(axis=1) > 0.9).astype(int)], DATA, named[y], resolution=15
        ),
    ]
    x = np.linspace(-0.15, 1.15, 15)
    expected = x[:, None] + x[None, :] > 0.9
    for axes in pictures:
        np.testing.assert_array_equal(axes.images[0].get_array(), expected)
        assert len(axes.collections[-2].get_offsets()) == 1
    shown = [[text.get_text() for text in a.get_legend().get_texts()] for a in pictures]
    assert shown[0] == ["0", "1"]
    assert shown[3] == shown[5] == ["no", "yes"]


def test_a_module_keeps_its_mode() -> None:
    model = nn.Sequential(linear([[1.0, 0.0]], [0.0]), nn.Sigmoid())
    model[1].eval()
    plot.decision_boundary(model, DATA, [0, 0, 1, 1], resolution=5)
    assert [module.training for module in model.modules()] == [True, True, False]
    assert all(p.grad is None for p in model.parameters())


def test_scikit_learn_draws_the_same() -> None:
    sklearn = pytest.importorskip("sklearn.linear_model", reason="scikit-learn is not installed")
    y = np.array([3, 3, 8, 8])
    fitted = sklearn.LogisticRegression().fit(DATA, y)
    axes = plot.decision_boundary(fitted, DATA, y, resolution=10)
    columns = np.linspace(-0.15, 1.15, 10)
    np.testing.assert_array_equal(axes.images[0].get_array()[0], columns > 0.5)
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["3", "8"]


@pytest.mark.parametrize("count", [3, 10])
def test_several_classes_have_several_colours(count: int) -> None:
    x = np.stack([np.arange(count), np.zeros(count)], axis=1)
    names = [f"class {k}" for k in range(count)]
    axes = plot.decision_boundary(
        lambda p: -np.abs(p[:, :1] - np.arange(count)), x, range(count), names=names
    )
    assert set(np.unique(axes.images[0].get_array())) == set(range(count))
    points = axes.collections[-count:]
    assert len({tuple(p.get_facecolor()[0]) for p in points}) == count
    assert [text.get_text() for text in axes.get_legend().get_texts()] == names
    axes.figure.canvas.draw()


@pytest.mark.parametrize(
    ("model", "x", "y", "options", "text"),
    [
        (corner, np.zeros((4, 3)), [0] * 4, {}, r"two inputs, of shape \(N, 2\), got \(4, 3\)"),
        (corner, DATA, [0, 1], {}, "as many examples, got 4 and 2"),
        (corner, DATA, [0, 0, 0, 1], {"resolution": 1}, "resolution must be at least 2, got 1"),
        (corner, DATA, [0, 0, 0, 1], {"names": ["a"]}, "names must be 2, one a class, got 1"),
        (lambda p: p[:, 0], DATA, [0, 0, 1, 1], {}, "at most 10 classes can be told apart, got 20"),
        (
            lambda p: np.zeros((len(p), 3)),
            DATA,
            [0, 7, 3, 9],
            {},
            "scores of 3 classes.*labels, go",
        ),
        (lambda p: np.zeros((len(p), 3, 2)), DATA, [0, 0, 1, 1], {}, "outputs must be labels"),
    ],
)
def test_mistakes_about_a_boundary(model: Any, x: Any, y: Any, options: Any, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        plot.decision_boundary(model, x, y, **options)


# -- confusion matrix --------------------------------------------------------------------------

TRUE, PREDICTED = [0, 0, 2, 2, 2, 1], [0, 1, 2, 2, 0, 1]
COUNTS = [[1, 1, 0], [0, 1, 0], [1, 0, 2]]


def cells(axes: Any) -> list[list[str]]:
    found = {text.get_position(): text.get_text() for text in axes.texts}
    side = len(axes.images[0].get_array())
    return [[found[column, row] for column in range(side)] for row in range(side)]


def test_the_confusion_matrix_counts_true_classes_in_rows() -> None:
    axes = plot.confusion_matrix(TRUE, PREDICTED)
    np.testing.assert_array_equal(axes.images[0].get_array(), COUNTS)
    assert cells(axes) == [["1", "1", "·"], ["·", "1", "·"], ["1", "·", "2"]]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted class", "true class")
    assert axes.get_title() == "66.7% of 6 right"
    axes.figure.canvas.draw()


def test_scores_names_and_counts_give_the_same_matrix() -> None:
    names = np.array(["ant", "bee", "cat"])
    for axes in (
        plot.confusion_matrix(np.eye(3)[TRUE], nnkit.tensor(np.eye(3)[PREDICTED])),
        plot.confusion_matrix(names[TRUE], names[PREDICTED]),
        plot.confusion_matrix(COUNTS, names=names.tolist()),
    ):
        np.testing.assert_array_equal(axes.images[0].get_array(), COUNTS)
    assert [label.get_text() for label in axes.get_xticklabels()] == ["ant", "bee", "cat"]


def test_percent_of_each_true_class() -> None:
    axes = plot.confusion_matrix([[3, 1], [0, 0]], normalize=True)
    np.testing.assert_allclose(axes.images[0].get_array(), [[75.0, 25.0], [0.0, 0.0]])
    assert axes.images[0].get_clim() == (0.0, 100.0)
    assert cells(axes) == [["75", "25"], ["·", "·"]]


def test_the_matrix_agrees_with_scikit_learn(rng: np.random.Generator) -> None:
    metrics = pytest.importorskip("sklearn.metrics", reason="scikit-learn is not installed")
    true, predicted = rng.integers(0, 30, (2, 500))
    axes = plot.confusion_matrix(true, predicted)
    expected = metrics.confusion_matrix(true, predicted)
    np.testing.assert_array_equal(axes.images[0].get_array(), expected)
    assert len(axes.texts) == 0  # too many to be read


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (([0, 1], [0, 1, 1]), "as many examples, got 2 and 3"),
        (([[0, 1, 2]],), r"whole numbers from 0 of shape \(C, C\), got int64 of shape \(1, 3\)"),
        (([[0.5, 0.0], [0.0, 1.0]],), "whole numbers from 0.*got float64"),
        (([[1, -1], [0, 1]],), "whole numbers from 0"),
        (([], []), r"y_true must be labels of shape \(N,\).*got shape \(0,\)"),
    ],
)
def test_mistakes_about_confusion(arguments: Any, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        plot.confusion_matrix(*arguments)


# -- what they share ---------------------------------------------------------------------------


def test_pictures_are_drawn_into_axes_of_the_user() -> None:
    given = list(Figure(figsize=(9, 6)).subplots(2, 3).flat)
    made = [
        plot.decision_boundary(corner, DATA, [0, 0, 0, 1], given[0], resolution=5),
        plot.weight_images(np.ones((3, 4)), axes=given[1]),
        plot.confusion_matrix([0, 1], [0, 1], given[2]),
        plot.embedding_projection(np.eye(3), axes=given[3]),
        plot.loss_surface(sum, axes=given[4], resolution=5),
        plot.gradient_field(sum, axes=given[5], points=3),
    ]
    assert made == given
    assert all(axes.has_data() for axes in given)
    (history,) = plot.learning_curves({"loss": [1.0]}, axes=given[0])
    layer = linear([[1.0, 0.0]], [0.0])
    layer(nnkit.tensor(DATA, dtype="float32")).sum().backward()
    (gradients,) = plot.gradient_histograms(layer, axes=[given[1]])
    assert [history, gradients] == given[:2]
    with pytest.raises(TypeError, match="axes must be one matplotlib Axes, got list"):
        plot.confusion_matrix([0, 1], [0, 1], axes=given)


def test_no_picture_starts_pyplot(tmp_path: Path) -> None:
    """It would look for a screen, and keep every figure in memory."""
    script = (
        "from nnkit import plot\n"
        "plot.save(plot.confusion_matrix([0, 1], [1, 1]), 'a.png')\n"
        "plot.embedding_projection([[0, 1], [1, 0]]); plot.loss_surface(sum, resolution=3)\n"
        "print('matplotlib.pyplot' in sys.modules)"
    )
    ran = run_in(make_site(tmp_path), script, tmp_path / "home", {})
    assert ran.out == ["False"]


def test_a_picture_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    axes = plot.learning_curves({"loss": [1.0, 0.5]})
    plot.save(axes, tmp_path / "curve.svg")
    assert (tmp_path / "curve.svg").read_text().rstrip().endswith("</svg>")
    plot.save(axes[0], tmp_path / "one.png")
    with pytest.raises(ValueError, match=r"must end in one of .*png.*, got '.*curve\.doc'"):
        plot.save(axes, tmp_path / "curve.doc")
    with pytest.raises(ValueError, match=r"the folder '.*nowhere' does not exist"):
        plot.save(axes, tmp_path / "nowhere" / "curve.png")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["curve.svg", "one.png"]


@pytest.mark.parametrize(
    ("without", "script", "extra"),
    [
        (("matplotlib", "mpl_toolkits"), "import nnkit.plot", "plot"),
        (("sklearn",), "from nnkit import plot; plot.project([[0, 1], [1, 0]], 'mds')", "examples"),
    ],
)
def test_a_missing_package_is_named(
    tmp_path: Path, without: tuple[str, ...], script: str, extra: str
) -> None:
    ran = run_in(make_site(tmp_path, without), script, tmp_path / "home", {})
    assert ran.code == 1
    assert ran.err[-1].startswith("ImportError: ")
    assert ran.err[-1].endswith(f"is not installed. Fix: pip install 'nnkit[{extra}]'.")
