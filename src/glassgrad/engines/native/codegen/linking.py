"""Putting object code into memory without LLVM, whose own linker maps some 10 MiB of its code for it.

What programs are made of is little: code and constants that nobody writes to, and a few functions of the C library. So
this reads no more of the format than LLVM writes here for x86-64 on Linux. Whatever else it meets, and every other
system, is left to LLVM.
"""

from __future__ import annotations

import ctypes
import mmap
import struct
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

__all__ = ["Image", "link"]

_X86_64 = b"\x7fELF\x02\x01\x01", 1, 62
"""How a relocatable file of 64 bits for this processor begins, its type and its machine."""

_CODE, _SYMBOLS, _RELOCATIONS, _UNWINDING = 1, 2, 4, 0x70000001
_WRITTEN, _LOADED = 1, 2
_TABLE = "_GLOBAL_OFFSET_TABLE_"


class _OtherError(Exception):
    """The file has something that is left to LLVM."""


@dataclass(frozen=True)
class _Section:
    kind: int
    flags: int
    offset: int
    size: int
    link: int
    info: int
    alignment: int


@dataclass(frozen=True)
class Image:
    """Code in memory; it stays as long as this object.

    Attributes
    ----------
    address
        Of the function that was asked for.
    """

    address: int
    _memory: Any


def link(code: bytes, name: str) -> Image | None:
    """Put object code into memory.

    Parameters
    ----------
    code
        An object file.
    name
        The function that is wanted.

    Returns
    -------
    Image or None
        None where it has to be left to LLVM.
    """
    if not sys.platform.startswith("linux"):
        return None
    try:
        return _File(code).linked(name)
    except (_OtherError, StopIteration, ValueError, struct.error, IndexError, KeyError, OSError):
        return None


class _File:
    def __init__(self, code: bytes) -> None:
        start, kind, machine = struct.unpack_from("<7s9xHH", code)
        if (start, kind, machine) != _X86_64:
            raise _OtherError
        (first,), (size, count) = struct.unpack_from("<Q", code, 40), struct.unpack_from("<HH", code, 58)
        rows = [struct.unpack_from("<4xIQ8xQQIIQ", code, first + i * size) for i in range(count)]
        self.code = code
        self.sections = [_Section(*row) for row in rows]
        self.places: dict[int, int] = {}
        end = 0
        for i, section in enumerate(self.sections):
            if section.flags & _LOADED and section.kind != _UNWINDING:
                if section.flags & _WRITTEN or section.kind != _CODE:
                    raise _OtherError
                end = -(-end // section.alignment) * section.alignment
                self.places[i] = end
                end += section.size
        self.table = -(-end // 8) * 8
        table = next(s for s in self.sections if s.kind == _SYMBOLS)
        names = self.sections[table.link].offset
        self.symbols: list[tuple[str, int, int]] = []
        for at in range(table.offset, table.offset + table.size, 24):
            name, where, value = struct.unpack_from("<I2xHQ", code, at)
            text = code[names + name : code.index(b"\0", names + name)].decode()
            self.symbols.append((text, where, value))

    def linked(self, name: str) -> Image:
        size = self.table + 8 * len(self.symbols)
        memory = mmap.mmap(-1, size, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        base = ctypes.addressof(ctypes.c_char.from_buffer(memory))
        for i, place in self.places.items():
            section = self.sections[i]
            memory[place : place + section.size] = self.code[section.offset : section.offset + section.size]
        addresses = [base + self.table if s[0] == _TABLE else self._address(*s, base) for s in self.symbols]
        memory[self.table : size] = struct.pack(f"<{len(addresses)}Q", *addresses)
        for section in self.sections:
            if section.kind == _RELOCATIONS and section.info in self.places:
                self._relocate(memory, section, base, addresses)
        protect: Callable[..., int] = ctypes.CDLL(None).mprotect
        if protect(ctypes.c_void_p(base), ctypes.c_size_t(size), mmap.PROT_READ | mmap.PROT_EXEC):
            raise _OtherError
        wanted = next(i for i, s in enumerate(self.symbols) if s[0] == name and s[1] in self.places)
        return Image(addresses[wanted], memory)

    def _address(self, name: str, where: int, value: int, base: int) -> int:
        """Return the address of a symbol: one of the file's, or one of the C library's."""
        if where in self.places:
            return base + self.places[where] + value
        if where or not name:  # the name of the file, a section that is not loaded: nothing refers to them
            return 0
        try:
            found = ctypes.cast(ctypes.CDLL(None)[name], ctypes.c_void_p).value
        except AttributeError:
            raise _OtherError from None
        return found or 0

    def _relocate(self, memory: mmap.mmap, section: _Section, base: int, addresses: list[int]) -> None:
        """Write addresses, and distances, where the code of a section needs them."""
        table = base + self.table
        whole = self.code[section.offset : section.offset + section.size]
        for offset, info, addend in struct.iter_unpack("<QQq", whole):
            at = self.places[section.info] + offset
            number, here = info >> 32, base + at
            symbol = addresses[number]
            if not symbol:
                raise _OtherError
            match info & 0xFFFFFFFF:
                case 1:  # R_X86_64_64
                    value, form = symbol + addend, "<Q"
                case 2 | 4:  # PC32, PLT32
                    value, form = symbol + addend - here, "<i"
                case 24:  # PC64
                    value, form = symbol + addend - here, "<q"
                case 25 | 31:  # GOTOFF64, PLTOFF64
                    value, form = symbol + addend - table, "<q"
                case 27:  # GOT64
                    value, form = 8 * number + addend, "<q"
                case 29:  # GOTPC64
                    value, form = table + addend - here, "<q"
                case _:
                    raise _OtherError
            struct.pack_into(form, memory, at, value)
