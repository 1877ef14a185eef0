"""From text to machine code in memory."""

from __future__ import annotations

import ctypes
from typing import Any

from glassgrad.engines.native.codegen.target import Target

__all__ = ["Code", "generate", "load"]


def generate(text: str, target: Target) -> bytes:
    """Return the object code of a module.

    Parameters
    ----------
    text
        LLVM's intermediate representation.
    target
        The machine to make code for.
    """
    import llvmlite.binding as llvm

    machine = target.machine()
    module = llvm.parse_assembly(text)
    module.verify()
    options = llvm.create_pipeline_tuning_options(speed_level=2)
    options.loop_vectorization = options.slp_vectorization = options.loop_unrolling = False
    builder = llvm.create_pass_builder(machine, options)
    passes = llvm.create_new_module_pass_manager()
    for add in _PASSES:
        getattr(passes, add)()
    passes.run(module, builder)
    return bytes(machine.emit_object(module))


_PASSES = ("add_sroa_pass", "add_instruction_combine_pass", "add_simplify_cfg_pass", "add_new_gvn_pass")


class Code:
    """A program in memory, ready to be called.

    Attributes
    ----------
    address
        Of its function.
    """

    def __init__(self, engine: Any, name: str) -> None:
        self._engine = engine
        self.address: int = engine.get_function_address(name)

    def function(self, returns: Any, *parameters: Any) -> Any:
        """Return the function for ctypes, which lets go of the interpreter lock during a call."""
        return ctypes.CFUNCTYPE(returns, *parameters)(self.address)


def load(code: bytes, target: Target, name: str) -> Code:
    """Put object code into memory."""
    import llvmlite.binding as llvm

    machine = target.machine()
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    return Code(engine, name)
