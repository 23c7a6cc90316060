"""Layers, containers and losses, under PyTorch's names and with its argument order."""

from nnkit.nn import init, utils
from nnkit.nn.activation import (
    Hardsigmoid,
    Hardtanh,
    LogSoftmax,
    Sigmoid,
    Softmax,
    Softsign,
    Step,
    Tanh,
    get_activation,
)
from nnkit.nn.attention import MultiheadAttention
from nnkit.nn.cells import GRUCell, LSTMCell, RNNCell
from nnkit.nn.container import Residual, Sequential
from nnkit.nn.controller import MemoryController
from nnkit.nn.conv import Conv1d, Conv2d
from nnkit.nn.conv_transpose import ConvTranspose1d, ConvTranspose2d
from nnkit.nn.dropout import DropConnect, Dropout, Dropout1d, Dropout2d
from nnkit.nn.embedding import Embedding
from nnkit.nn.gated import GRU, LSTM
from nnkit.nn.linear import Flatten, Identity, Linear
from nnkit.nn.lists import ModuleDict, ModuleList
from nnkit.nn.loss import HalfSquaredErrorLoss, HuberLoss, L1Loss, Loss, MSELoss, SmoothL1Loss
from nnkit.nn.loss_binary import (
    BCELoss,
    BCEWithLogitsLoss,
    HingeLoss,
    KLDivLoss,
    NegativeSamplingLoss,
)
from nnkit.nn.loss_classes import CrossEntropyLoss, MultiMarginLoss, NLLLoss
from nnkit.nn.memory import NeuralDeque, NeuralQueue, NeuralStack
from nnkit.nn.module import Module
from nnkit.nn.norm import BatchNorm1d, BatchNorm2d, GroupNorm, LayerNorm, RMSNorm
from nnkit.nn.parameter import Buffer, Parameter
from nnkit.nn.pool import (
    AdaptiveAvgPool1d,
    AdaptiveAvgPool2d,
    AvgPool1d,
    AvgPool2d,
    MaxPool1d,
    MaxPool2d,
)
from nnkit.nn.rectifier import ELU, GELU, SELU, LeakyReLU, Mish, PReLU, ReLU, SiLU, Softplus
from nnkit.nn.recurrent import RNN
from nnkit.nn.transformer import PositionalEncoding, TransformerEncoder, TransformerEncoderLayer

__all__ = [
    "ELU",
    "GELU",
    "GRU",
    "LSTM",
    "RNN",
    "SELU",
    "AdaptiveAvgPool1d",
    "AdaptiveAvgPool2d",
    "AvgPool1d",
    "AvgPool2d",
    "BCELoss",
    "BCEWithLogitsLoss",
    "BatchNorm1d",
    "BatchNorm2d",
    "Buffer",
    "Conv1d",
    "Conv2d",
    "ConvTranspose1d",
    "ConvTranspose2d",
    "CrossEntropyLoss",
    "DropConnect",
    "Dropout",
    "Dropout1d",
    "Dropout2d",
    "Embedding",
    "Flatten",
    "GRUCell",
    "GroupNorm",
    "HalfSquaredErrorLoss",
    "Hardsigmoid",
    "Hardtanh",
    "HingeLoss",
    "HuberLoss",
    "Identity",
    "KLDivLoss",
    "L1Loss",
    "LSTMCell",
    "LayerNorm",
    "LeakyReLU",
    "Linear",
    "LogSoftmax",
    "Loss",
    "MSELoss",
    "MaxPool1d",
    "MaxPool2d",
    "MemoryController",
    "Mish",
    "Module",
    "ModuleDict",
    "ModuleList",
    "MultiMarginLoss",
    "MultiheadAttention",
    "NLLLoss",
    "NegativeSamplingLoss",
    "NeuralDeque",
    "NeuralQueue",
    "NeuralStack",
    "PReLU",
    "Parameter",
    "PositionalEncoding",
    "RMSNorm",
    "RNNCell",
    "ReLU",
    "Residual",
    "Sequential",
    "SiLU",
    "Sigmoid",
    "SmoothL1Loss",
    "Softmax",
    "Softplus",
    "Softsign",
    "Step",
    "Tanh",
    "TransformerEncoder",
    "TransformerEncoderLayer",
    "get_activation",
    "init",
    "utils",
]
