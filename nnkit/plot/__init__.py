"""Pictures of networks and their training; needs matplotlib (`pip install 'nnkit[plot]'`).

Each function draws one picture and returns its axes (a list where there are several), takes
`axes=` to draw into axes of yours, and opens no window: `save(axes, "picture.png")` writes the
figure, and in a notebook `axes.figure` shows it. Colours are told apart by every kind of colour
vision.
"""

from nnkit.errors import missing_extra

try:
    import matplotlib.figure  # noqa: F401
except ImportError:
    raise missing_extra("matplotlib", "nnkit.plot", "plot") from None

from nnkit.plot.boundary import decision_boundary
from nnkit.plot.confusion import confusion_matrix
from nnkit.plot.curves import learning_curves
from nnkit.plot.gradients import gradient_histograms
from nnkit.plot.images import weight_images
from nnkit.plot.projection import embedding_projection, project
from nnkit.plot.style import save
from nnkit.plot.surface import gradient_field, loss_surface

__all__ = [
    "confusion_matrix",
    "decision_boundary",
    "embedding_projection",
    "gradient_field",
    "gradient_histograms",
    "learning_curves",
    "loss_surface",
    "project",
    "save",
    "weight_images",
]
