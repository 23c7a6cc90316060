"""Networks as scikit-learn estimators: for pipelines, grid searches and cross-validation."""

from nnkit.errors import missing_extra

try:
    import sklearn.neural_network  # noqa: F401
except ImportError as error:
    absent = missing_extra("scikit-learn", "nnkit.sklearn", "examples")
    absent.name = error.name
    raise absent from None

from nnkit.sklearn.estimators import NNClassifier, NNRegressor

__all__ = ["NNClassifier", "NNRegressor"]
