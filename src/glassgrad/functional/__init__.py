"""Transforms: functions that take a function and return another, its derivative for one.

`derivatives` has gradients and products with the Jacobian, `matrices` whole matrices of derivatives and products with
the Hessian, `rows` functions applied to every row of a batch, `custom` functions with derivative rules of their own.
All of them run a function on Tensors and work in `runs`, on what it recorded.
"""

from glassgrad.functional.custom import CustomFunction, custom_jvp, custom_vjp
from glassgrad.functional.derivatives import grad, jvp, value_and_grad, vjp
from glassgrad.functional.matrices import hessian, hvp, jacobian
from glassgrad.functional.rows import per_sample_grad, vmap

__all__ = [
    "CustomFunction",
    "custom_jvp",
    "custom_vjp",
    "grad",
    "hessian",
    "hvp",
    "jacobian",
    "jvp",
    "per_sample_grad",
    "value_and_grad",
    "vjp",
    "vmap",
]
