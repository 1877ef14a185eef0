"""From text to machine code in memory."""

from __future__ import annotations

import ctypes
from typing import Any

from glassgrad.engines.native.codegen import generator
from glassgrad.engines.native.codegen.linking import link
from glassgrad.engines.native.codegen.target import Target

__all__ = ["Code", "generate", "load"]


def generate(text: str, target: Target) -> bytes:
    """Return the object code of a module, generated in this process.

    Parameters
    ----------
    text
        LLVM's intermediate representation.
    target
        The machine to make code for.
    """
    return generator.generate(text, target.triple, target.cpu, target.features)


class Code:
    """A program in memory, ready to be called.

    Attributes
    ----------
    address
        Of its function.
    """

    def __init__(self, address: int, memory: Any) -> None:
        self.address = address
        self._memory = memory

    def function(self, returns: Any, *parameters: Any) -> Any:
        """Return the function for ctypes, which lets go of the interpreter lock during a call."""
        return ctypes.CFUNCTYPE(returns, *parameters)(self.address)


def load(code: bytes, target: Target, name: str) -> Code:
    """Put object code into memory and return its function of that name."""
    image = link(code, name)
    return _load_by_llvm(code, target, name) if image is None else Code(image.address, image)


def _load_by_llvm(code: bytes, target: Target, name: str) -> Code:
    import llvmlite.binding as llvm

    machine = target.machine()
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    return Code(engine.get_function_address(name), engine)
