"""The differentiable operations, by family. Each is one function: formula and gradient together.

How they are called, overridden and counted stands in `nnkit/dispatch.py`.
"""

from nnkit.ops.activation import *
from nnkit.ops.attention import *
from nnkit.ops.conv import *
from nnkit.ops.elementwise import *
from nnkit.ops.index import *
from nnkit.ops.loss import *
from nnkit.ops.loss_binary import *
from nnkit.ops.loss_classes import *
from nnkit.ops.matmul import *
from nnkit.ops.norm import *
from nnkit.ops.pool import *
from nnkit.ops.random import *
from nnkit.ops.recurrent import *
from nnkit.ops.reduce import *
from nnkit.ops.shape import *
