"""Operations on the bits of whole numbers and on truth values; nothing varies continuously, so nothing flows back."""

from __future__ import annotations

from typing import Any

import numpy as np

from glassgrad.errors import DTypeError
from glassgrad.ops.families import elementwise, ufunc_dtype
from glassgrad.ops.record import Op, Sample, Text
from glassgrad.ops.rules import promoted

_TRUTH = np.array([[True, False, True], [False, False, True]])
_WHOLE = np.array([[12, -7, 0], [255, 1, -1]])
_SHIFT = np.array([0, 3, 1])


def _bitwise(name: str, ufunc: np.ufunc, latex: str, samples: tuple[Sample, ...]) -> Op:
    def dtype(*dtypes: np.dtype[Any]) -> np.dtype[Any]:
        refused = next((d for d in dtypes if d.kind not in "iub"), None)
        if refused is not None:
            raise DTypeError(
                f"{name} works on whole numbers and truth values, not on {refused}: convert it with .astype('int64')"
            )
        promoted(*dtypes)  # which tells what to do about uint64 beside a signed dtype
        return ufunc_dtype(ufunc, dtypes)

    return elementwise(
        name,
        ufunc,
        None,
        dtype=dtype,
        latex=latex,
        derivative="0",
        why=Text(
            "bits jump and have no slope, so nothing flows back",
            "비트는 뛸 뿐 기울기가 없으므로 아무것도 흐르지 않는다",
        ),
        samples=samples,
    )


_BOTH = (Sample((_WHOLE, _SHIFT)), Sample((_TRUTH, _TRUTH[0])))
_SHIFTS = (Sample((_WHOLE, _SHIFT)),)

bitwise_and = _bitwise("bitwise_and", np.bitwise_and, r"{0} \mathbin{{\&}} {1}", _BOTH)
bitwise_or = _bitwise("bitwise_or", np.bitwise_or, r"{0} \mathbin{{|}} {1}", _BOTH)
bitwise_xor = _bitwise("bitwise_xor", np.bitwise_xor, r"{0} \oplus {1}", _BOTH)
bitwise_invert = _bitwise(
    "bitwise_invert", np.invert, r"\mathord{{\sim}} {0}", (Sample((_WHOLE,)), Sample((_TRUTH,)))
)
bitwise_left_shift = _bitwise("bitwise_left_shift", np.left_shift, r"{0} \ll {1}", _SHIFTS)
bitwise_right_shift = _bitwise("bitwise_right_shift", np.right_shift, r"{0} \gg {1}", _SHIFTS)
