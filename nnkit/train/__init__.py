"""Training: the loop, its data, metrics, callbacks, checkpoints, history and progress bar."""

from nnkit.train.callbacks import Callback, Run
from nnkit.train.checkpoint import load_checkpoint, save_checkpoint
from nnkit.train.counts import F1, ConfusionMatrix, Precision, Recall
from nnkit.train.csvlog import CSVLogger
from nnkit.train.history import History
from nnkit.train.loop import Trainer
from nnkit.train.metric import Metric
from nnkit.train.metrics import accuracy, metric, top_k_accuracy
from nnkit.train.model_checkpoint import ModelCheckpoint
from nnkit.train.progress import Progress
from nnkit.train.regularize import L1, L2, ElasticNet, MaxNorm, Regularizer
from nnkit.train.schedule import Schedule
from nnkit.train.stopping import EarlyStopping, StopOnNaN
from nnkit.train.sums import R2, Perplexity

__all__ = [
    "F1",
    "L1",
    "L2",
    "R2",
    "CSVLogger",
    "Callback",
    "ConfusionMatrix",
    "EarlyStopping",
    "ElasticNet",
    "History",
    "MaxNorm",
    "Metric",
    "ModelCheckpoint",
    "Perplexity",
    "Precision",
    "Progress",
    "Recall",
    "Regularizer",
    "Run",
    "Schedule",
    "StopOnNaN",
    "Trainer",
    "accuracy",
    "load_checkpoint",
    "metric",
    "save_checkpoint",
    "top_k_accuracy",
]
