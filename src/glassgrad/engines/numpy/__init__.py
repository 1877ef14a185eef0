"""The NumPy engine: the reference, and a straight-line replay of it.

`interpret` runs a graph as it stands, node by node: the truth the other engines are held to. `NumpyEngine` compiles a
graph to a plain Python function of NumPy calls with planned memory, and gives the same bits.
"""

from glassgrad.engines.numpy.interpreter import interpret
from glassgrad.engines.numpy.loop import NumpyEngine
from glassgrad.engines.numpy.program import NumpyProgram

__all__ = ["NumpyEngine", "NumpyProgram", "interpret"]
