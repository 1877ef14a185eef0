"""The machine that code is made for: its name, its features, and the width and number of its vector registers.

Everything that depends on the machine is asked here, so that a test can compile for an older one (the baseline SSE2 or
AVX2) and another architecture can follow.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from glassgrad.engines.native.codegen.generator import code_generator

__all__ = ["Target", "host", "named"]


@dataclass(frozen=True, slots=True)
class Target:
    """A machine.

    Attributes
    ----------
    triple, cpu, features
        As LLVM names them.
    vector_bytes
        Width of a vector register.
    registers
        How many vector registers there are.
    """

    triple: str
    cpu: str
    features: str
    vector_bytes: int
    registers: int

    @property
    def x86(self) -> bool:
        """Whether this is an x86 machine."""
        return self.triple.startswith(("x86", "i686"))

    def lanes(self, itemsize: int) -> int:
        """Return how many numbers of `itemsize` bytes a register holds."""
        return max(1, self.vector_bytes // itemsize)

    def machine(self) -> Any:
        """Return LLVM's code generator for this machine."""
        return code_generator(self.triple, self.cpu, self.features)


@lru_cache(maxsize=1)
def host() -> Target:
    """Return this machine, with all that it can do."""
    import llvmlite.binding as llvm

    features = llvm.get_host_cpu_features()
    wide = 64 if features.get("avx512f") else 32 if features.get("avx") else 16
    # LLVM prefers 32-byte vectors on many machines with 64-byte ones; where they are there, they pay here.
    flags = features.flatten() + (",-prefer-256-bit" if wide == 64 else "")
    arm = llvm.get_process_triple().startswith(("aarch64", "arm64"))
    return Target(
        llvm.get_process_triple(), llvm.get_host_cpu_name(), flags, wide, 32 if wide == 64 or arm else 16
    )


def named(name: str) -> Target:
    """Return the machine called ``"host"``, ``"avx2"`` or ``"sse2"``; the latter two are x86-64 of any make."""
    import llvmlite.binding as llvm

    if name == "host":
        return host()
    triple = llvm.get_process_triple()
    if name == "avx2":
        return Target(triple, "x86-64-v3", "", 32, 16)
    if name == "sse2":
        return Target(triple, "x86-64", "", 16, 16)
    raise ValueError(f"there is no target {name!r}; there are host, avx2 and sse2")
