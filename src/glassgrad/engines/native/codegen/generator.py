"""LLVM's part of compiling: from text to object code, in this process or in one that does nothing else.

Generating code maps some 30 MiB of LLVM that a training run has no use for afterwards. So this file is also a program
(`compiler` starts it): ``python -I -S generator.py FOLDER``, FOLDER being where llvmlite lies. It therefore imports
nothing of glassgrad, and as little as it can of anything else: its start is part of the time to the first step.

Requests and answers go through standard input and output, as `marshal` writes them: ``(text, triple, cpu, features)``,
and the object code, or as a string what LLVM says is wrong. The process ends when its input does, or when nothing has
been asked of it for some seconds.
"""

import os
import sys
from typing import Any

__all__ = ["code_generator", "generate", "serve"]

_IDLE = 5.0
"""Seconds without a request after which the process ends."""

_PASSES = ("add_sroa_pass", "add_instruction_combine_pass", "add_simplify_cfg_pass", "add_new_gvn_pass")


def code_generator(triple: str, cpu: str, features: str) -> Any:
    """Return LLVM's code generator for a machine."""
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm.Target.from_triple(triple).create_target_machine(
        cpu=cpu, features=features, opt=2, reloc="pic", codemodel="large"
    )


def generate(text: str, triple: str, cpu: str, features: str) -> bytes:
    """Return the object code of a module.

    Parameters
    ----------
    text
        LLVM's intermediate representation.
    triple, cpu, features
        The machine to make code for, as LLVM names it.

    Raises
    ------
    RuntimeError
        Where the text is not well-formed, with what LLVM says of it.
    """
    import llvmlite.binding as llvm

    machine = code_generator(triple, cpu, features)
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


def serve(folder: str) -> None:
    """Answer requests until the input ends.

    Parameters
    ----------
    folder
        Where llvmlite lies.
    """
    import gc
    import marshal
    import signal
    import threading

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that asks
    gc.disable()
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not end up among the answers
    sys.path.append(folder)
    _load_llvm(folder)

    while True:
        idle = threading.Timer(_IDLE, os._exit, [0])
        idle.daemon = True
        idle.start()
        try:
            request = marshal.load(sys.stdin.buffer)
        except EOFError:
            return
        idle.cancel()
        answer: bytes | str
        try:
            answer = generate(*request)
        except RuntimeError as error:
            answer = str(error)
        marshal.dump(answer, answers)
        answers.flush()


def _load_llvm(folder: str) -> None:
    """Import llvmlite, which asks `importlib.resources` for nothing but the place of its library.

    That module alone takes a third of the time of this process's start, so something simpler stands in for it.
    """
    import contextlib
    import importlib
    import types

    class Place(str):
        def __truediv__(self, name: str) -> str:
            return os.path.join(self, name)

    resources: Any = types.ModuleType("importlib.resources")
    resources.files = lambda package: Place(os.path.join(folder, *package.split(".")))
    resources.as_file = contextlib.nullcontext
    sys.modules[resources.__name__] = resources
    try:
        importlib.import_module("llvmlite.binding")
    except (AttributeError, TypeError, OSError):  # this llvmlite asks for more
        for name in [name for name in sys.modules if name.startswith(("llvmlite", "importlib.resources"))]:
            del sys.modules[name]
        importlib.import_module("llvmlite.binding")


if __name__ == "__main__":
    serve(sys.argv[1])
