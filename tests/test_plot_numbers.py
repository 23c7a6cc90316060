"""Pictures of weights, gradients, vectors and surfaces: what their artists hold, and mistakes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import nnkit
from nnkit import nn
from nnkit.backend import Backend

pytest.importorskip("matplotlib", reason="matplotlib is not installed: nothing to draw with")


from nnkit import plot

# -- weights -----------------------------------------------------------------------------------


def test_weights_are_images_on_one_scale_around_0() -> None:
    weight = np.random.default_rng(0).normal(size=(7, 12))
    weight[3, 5] = -9.0
    axes = plot.weight_images(weight, shape=(3, 4))
    assert len(axes.images) == 7
    np.testing.assert_array_equal(axes.images[3].get_array(), weight[3].reshape(3, 4))
    assert {image.get_clim() for image in axes.images} == {(-9.0, 9.0)}
    assert axes.images[0].cmap(0.5)[:3] == pytest.approx((0.97, 0.97, 0.97), abs=0.01)
    red, _, blue, _ = axes.images[0].cmap(1.0)
    assert red > blue  # red is above 0
    boxes = [image.get_extent() for image in axes.images]
    for k, (left, right, bottom, top) in enumerate(boxes):
        assert (right - left, bottom - top) == pytest.approx((4, 3))
        assert all(left > r or right < l or b < top or t > bottom for l, r, b, t in boxes[:k])  # noqa: E741
    axes.figure.canvas.draw()


def test_the_first_weights_of_a_network_and_a_scale_of_ones_own(backend: Backend) -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(9, 4), nn.ReLU(), nn.Linear(4, 2))
    axes = plot.weight_images(model, limit=0.5, most=3)
    assert len(axes.images) == 3
    np.testing.assert_array_equal(
        axes.images[2].get_array(), model[1].weight.numpy()[2].reshape(3, 3)
    )
    assert axes.images[0].get_clim() == (-0.5, 0.5)


def test_kernels_have_a_row_a_unit_and_a_column_a_channel() -> None:
    kernels = np.arange(2 * 3 * 4 * 5.0).reshape(2, 3, 4, 5)
    axes = plot.weight_images(kernels)
    assert len(axes.images) == 6
    np.testing.assert_array_equal(axes.images[4].get_array(), kernels[1, 1])
    tops = [image.get_extent()[3] for image in axes.images]
    assert tops[0] == tops[2] < tops[3]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("channel", "unit")
    assert len(plot.weight_images(np.ones((6, 2, 5))).images) == 6
    assert plot.weight_images(np.zeros((6, 1, 2, 2))).images[0].get_clim() == (-1.0, 1.0)


@pytest.mark.parametrize(
    ("weights", "shape", "text"),
    [
        (np.ones((3, 10)), None, r"10 inputs make no square image. Fix: shape=\(height, width\)"),
        (np.ones((3, 10)), (3, 4), r"shape \(3, 4\) has 12 elements, but a unit has 10 weights"),
        (np.ones((3, 1, 2, 2)), (4, 1), r"shape is for the weights of a Linear"),
        (np.ones(4), None, r"two to four axes.*got shape \(4,\)"),
        (nn.ReLU(), None, "ReLU has no parameter with two axes"),
        (np.array([[np.nan] * 4]), None, "weights must be finite"),
    ],
)
def test_mistakes_about_weights(weights: Any, shape: Any, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        plot.weight_images(weights, shape)


# -- gradients ---------------------------------------------------------------------------------


def test_vanishing_gradients_move_to_the_left(backend: Backend) -> None:
    layers: list[nn.Module] = []
    for fan_in in (2, 9, 9, 9):
        layers += [nn.Linear(fan_in, 9), nn.Sigmoid()]
    model = nn.Sequential(*layers, nn.Linear(9, 1))
    model(nnkit.tensor(np.ones((5, 2), np.float32))).sum().backward()
    axes = plot.gradient_histograms(model)
    assert [a.get_title(loc="left") for a in axes] == [f"{k} (Linear)" for k in (0, 2, 4, 6, 8)]
    medians = [a.lines[0].get_xdata()[0] for a in axes]
    assert medians == sorted(medians)
    assert medians[0] < medians[-1] / 1000
    weight, bias = model[2].weight.grad.numpy(), model[2].bias.grad.numpy()
    assert medians[1] == pytest.approx(np.median(np.abs(np.append(weight, bias))), rel=1e-6)
    assert len({a.get_xlim() for a in axes}) == 1
    assert {a.get_xscale() for a in axes} == {"log"}
    for picture in axes:
        assert picture.patches[0].get_data().values.sum() == pytest.approx(100.0)
    axes[0].figure.canvas.draw()


def planted(values: list[float]) -> nn.Module:
    model = nn.Linear(len(values), 1, bias=False)
    model.weight.grad = nnkit.tensor([values])
    return model


def test_zeros_and_numbers_that_are_none_are_counted() -> None:
    (axes,) = plot.gradient_histograms(planted([0.0, 0.5, -2.0, float("nan"), 0.5]), bins=2)
    assert axes.get_title(loc="right") == "5 gradients, median 0.5, 20 % are 0, 20 % are not finite"
    assert axes.patches[0].get_data().values.tolist() == pytest.approx([40.0, 20.0])
    assert axes.get_title(loc="left") == "Linear"


def test_on_a_linear_axis_signs_are_kept() -> None:
    (axes,) = plot.gradient_histograms(planted([-3.0, -1.0, 0.5, 0.7]), bins=3, log=False)
    values, edges, _ = axes.patches[0].get_data()
    assert edges.tolist() == [-3.0, -1.0, 1.0, 3.0]
    assert values.tolist() == [25.0, 75.0, 0.0]
    assert axes.get_xlabel() == "gradient"


@pytest.mark.parametrize("log", [True, False])
def test_a_dead_layer_is_drawn_as_nothing(log: bool) -> None:
    (axes,) = plot.gradient_histograms(planted([0.0, 0.0]), log=log)
    assert axes.get_title(loc="right") == "2 gradients, 100 % are 0"
    axes.figure.canvas.draw()


def test_a_frozen_layer_is_left_out_and_no_gradient_is_a_mistake() -> None:
    model = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))
    with pytest.raises(
        ValueError, match=r"no parameter of Sequential has a gradient. Fix: loss\.b"
    ):
        plot.gradient_histograms(model)
    model[0].requires_grad_(False)
    model(nnkit.tensor([[1.0, 2.0]])).sum().backward()
    (axes,) = plot.gradient_histograms(model)
    assert axes.get_title(loc="left") == "1 (Linear)"
    with pytest.raises(ValueError, match="axes must be 1"):
        plot.gradient_histograms(model, axes=[axes, axes])


# -- projection --------------------------------------------------------------------------------


def test_pca_finds_the_widest_directions_first(rng: np.random.Generator) -> None:
    turn, _ = np.linalg.qr(rng.normal(size=(5, 5)))
    plane = rng.normal(size=(40, 5)) * [0.1, 3.0, 0.1, 9.0, 0.1]
    vectors = plane @ turn.T + 7.0
    found = plot.project(vectors)
    centred = plane - plane.mean(axis=0)
    for k, axis in enumerate((3, 1)):
        assert abs(np.corrcoef(found[:, k], centred[:, axis])[0, 1]) > 0.99
    assert found.std(axis=0)[0] > found.std(axis=0)[1]
    np.testing.assert_allclose(plot.project(vectors + 3.0), found, atol=1e-9)
    values = np.sort(np.linalg.eigvalsh(np.cov(vectors.T)))[::-1]
    axes = plot.embedding_projection(vectors)
    for label, value in zip((axes.get_xlabel(), axes.get_ylabel()), values, strict=False):
        assert f", {100 * value / values.sum():.0f} % of the variance" in label


def test_a_direction_points_where_its_largest_component_does() -> None:
    vectors = np.array([[0.0, -9.0], [1.0, 0.0], [0.0, 9.0]])
    np.testing.assert_allclose(plot.project(vectors)[:, 0], vectors[:, 1], atol=1e-12)
    np.testing.assert_allclose(plot.project(-vectors)[:, 0], -vectors[:, 1], atol=1e-12)


def test_each_class_has_its_points_and_each_text_its_place() -> None:
    vectors = [[0.0, 4.0, 0.0], [0.0, -4.0, 0.0], [1.0, 0.0, 0.0], [-1.0, 0.0, 0.0]]
    words = ["up", "down", "right", "left"]
    axes = plot.embedding_projection(vectors, [5, 5, 7, 7], texts=words, names=["tall", "wide"])
    np.testing.assert_allclose(axes.collections[0].get_offsets(), [[4, 0], [-4, 0]], atol=1e-12)
    np.testing.assert_allclose(axes.collections[1].get_offsets(), [[0, 1], [0, -1]], atol=1e-12)
    assert {t.get_text(): t.xy[0] for t in axes.texts}["up"] == pytest.approx(4.0)
    assert [t.get_text() for t in axes.get_legend().get_texts()] == ["tall", "wide"]
    axes.figure.canvas.draw()


@pytest.mark.parametrize("method", ["tsne", "isomap", "mds"])
def test_other_methods_keep_groups_apart(method: str, rng: np.random.Generator) -> None:
    pytest.importorskip("sklearn", reason="scikit-learn is not installed: only PCA is there")
    vectors = np.concatenate([rng.normal(size=(12, 6)), rng.normal(size=(9, 6)) + 12.0])
    options = {"n_neighbors": 12} if method == "isomap" else {}  # enough to reach the other group
    found = plot.project(vectors, method, **options)
    assert found.shape == (21, 2)
    first, second = found[:12], found[12:]
    within = max(np.ptp(first, axis=0).max(), np.ptp(second, axis=0).max())
    assert np.linalg.norm(first.mean(axis=0) - second.mean(axis=0)) > within
    np.testing.assert_array_equal(plot.project(vectors, method, **options), found)
    axes = plot.embedding_projection(vectors, [0] * 12 + [1] * 9, method=method, **options)
    np.testing.assert_array_equal(axes.collections[1].get_offsets(), second)


@pytest.mark.parametrize(
    ("arguments", "options", "text"),
    [
        ([np.ones((4, 3))], {"method": "tsen"}, "unknown method 'tsen'. Did you mean 'tsne'?"),
        ([np.ones(4)], {}, r"N and D from 2, got \(4,\)"),
        ([np.ones((4, 1))], {}, r"N and D from 2, got \(4, 1\)"),
        ([np.ones((4, 3)), [0, 1]], {}, "as many examples, got 4 and 2"),
        ([np.eye(12), range(12)], {}, "at most 10 classes can be told apart, got 12"),
        ([np.ones((4, 3))], {"texts": ["a"]}, "one for each of the 4 vectors, got 1"),
    ],
)
def test_mistakes_about_projections(arguments: Any, options: Any, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        plot.embedding_projection(*arguments, **options)


def test_pca_takes_no_options() -> None:
    with pytest.raises(TypeError, match="'pca' has no options, got perplexity"):
        plot.project(np.eye(3), perplexity=3)


# -- functions of two variables ----------------------------------------------------------------


def bowl(x: Any) -> float:
    """x0^2 + x1^2."""
    return float(x[0] ** 2 + x[1] ** 2)


def test_the_gradient_field_of_a_bowl_points_outwards() -> None:
    axes = plot.gradient_field(bowl, ((-2.0, 2.0), (-3.0, 3.0)), points=5)
    arrows = axes.collections[-1]
    x, y = np.meshgrid(np.linspace(-2, 2, 5), np.linspace(-3, 3, 5))
    np.testing.assert_allclose(arrows.U, 2 * x.ravel(), atol=1e-7)
    np.testing.assert_allclose(arrows.V, 2 * y.ravel(), atol=1e-7)
    np.testing.assert_allclose(arrows.get_array(), 2 * np.hypot(x, y).ravel(), atol=1e-7)
    axes.figure.canvas.draw()


def test_the_surface_is_lowest_where_the_loss_is() -> None:
    path = np.array([[2.0, 1.0], [1.0, 0.5], [0.0, 0.0]])
    axes = plot.loss_surface(bowl, ((-2.0, 2.0), (-1.0, 1.0)), path=path, resolution=9)
    filled = axes.collections[0]
    assert filled.levels[0] <= 0.0 < 5.0 <= filled.levels[-1]
    np.testing.assert_array_equal(axes.lines[0].get_xydata(), path)
    np.testing.assert_array_equal(axes.collections[-1].get_offsets(), path[-1:])
    assert axes.get_xlim() == (-2.0, 2.0)
    assert axes.get_ylim() == (-1.0, 1.0)
    steep = plot.loss_surface(lambda w: 1e-3 + bowl(w) ** 4, log=True, resolution=20)
    assert steep.collections[0].levels[-1] / steep.collections[0].levels[0] > 1e6
    steep.figure.canvas.draw()


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"window": ((1.0, 1.0), (0.0, 1.0))}, "window must be"),
        ({"resolution": 1}, "two points along each axis are needed, got 1"),
        ({"path": [1.0, 2.0]}, r"path must have the shape \(steps, 2\), got \(2,\)"),
        (
            {"log": True, "window": ((0.0, 1.0), (0.0, 1.0))},
            "needs a loss above 0, the lowest is 0",
        ),
    ],
)
def test_mistakes_about_surfaces(options: Any, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        plot.loss_surface(bowl, **options)
