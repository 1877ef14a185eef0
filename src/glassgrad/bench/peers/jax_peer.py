"""JAX twice: one compiled step called from Python, and the whole run as one compiled loop.

The data and the order of the batches live on the device; the gather is part of the compiled program, and the
buffers of parameters and optimizer state are donated, so that they are updated in place.
"""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from glassgrad.bench.workloads import ADAM, Workload

__all__ = ["CONTESTANTS", "JaxLoop", "JaxStep"]

Tree = Any


def loss_of(workload: Workload, parameters: Tree, a: jax.Array, y: jax.Array) -> jax.Array:
    """Return the workload's loss."""
    last = len(parameters) - 1
    for k, layer in enumerate(parameters):
        a = a @ layer["w"]
        if "b" in layer:
            a = a + layer["b"]
        kind = workload.output if k == last else workload.hidden
        if kind == "relu":
            a = jax.nn.relu(a)
        elif kind == "sigmoid":
            a = jax.nn.sigmoid(a)
    if workload.loss == "cross_entropy":
        chosen = jax.nn.one_hot(y, a.shape[1], dtype=a.dtype)
        return -jnp.sum(jax.nn.log_softmax(a) * chosen) / a.shape[0]
    squares = jnp.square(a - y)
    return jnp.sum(squares) / 2 if workload.loss == "half_sse" else jnp.mean(squares)


def one_step(workload: Workload, carry: Tree, x: jax.Array, y: jax.Array, order: jax.Array) -> Tree:
    """Return the carry (parameters, optimizer state, step) after one more step."""
    parameters, state, step = carry
    if workload.shuffled:
        rows = lax.dynamic_index_in_dim(order, step % order.shape[0], keepdims=False)
        x, y = (v.at[rows].get(mode="promise_in_bounds") for v in (x, y))
    gradients = jax.grad(functools.partial(loss_of, workload))(parameters, x, y)
    step = step + 1
    rate = workload.learning_rate
    if workload.optimizer == "sgd":
        return jax.tree.map(lambda p, g: p - rate * g, parameters, gradients), state, step
    beta1, beta2, eps = ADAM["beta1"], ADAM["beta2"], ADAM["eps"]
    t = step.astype(x.dtype)
    rate = rate / (1 - beta1**t)
    scale = 1 / (1 - beta2**t)
    first = jax.tree.map(lambda m, g: beta1 * m + (1 - beta1) * g, state[0], gradients)
    second = jax.tree.map(lambda v, g: beta2 * v + (1 - beta2) * g * g, state[1], gradients)
    parameters = jax.tree.map(
        lambda p, m, v: p - rate * m / (jnp.sqrt(v * scale) + eps), parameters, first, second
    )
    return parameters, (first, second), step


class JaxStep:
    """A compiled step, called once a step."""

    name = "jax jit step"
    checked = True

    def prepare(self, workload: Workload) -> None:
        """Put everything on the device."""
        jax.config.update("jax_enable_x64", workload.dtype == "float64")
        self.workload = workload
        x, y = workload.data()
        self.inputs = (jnp.asarray(x), jnp.asarray(y), jnp.asarray(workload.order().astype("int32")))
        parameters = [
            {"w": jnp.array(w), "b": jnp.array(b)} if workload.bias else {"w": jnp.array(w)}
            for w, b in workload.weights()
        ]
        adam = workload.optimizer == "adam"
        state = tuple(jax.tree.map(jnp.zeros_like, parameters) for _ in range(2)) if adam else ()
        self.carry: Tree = (parameters, state, jnp.zeros((), "int32"))
        self.compiled = self._compile()

    def _compile(self) -> Any:
        return jax.jit(functools.partial(one_step, self.workload), donate_argnums=0)

    def run(self, steps: int) -> None:
        """Train."""
        carry, compiled, (x, y, order) = self.carry, self.compiled, self.inputs
        for _ in range(steps):
            carry = compiled(carry, x, y, order)
        self.carry = jax.block_until_ready(carry)

    def loss(self) -> float:
        """Evaluate the held-out rows."""
        x, y = self.workload.held_out()
        return float(loss_of(self.workload, self.carry[0], jnp.asarray(x), jnp.asarray(y)))


class JaxLoop(JaxStep):
    """The steps of a run as one program; their number is an input, so it is compiled once."""

    name = "jax one loop"

    def _compile(self) -> Any:
        def run(carry: Tree, x: jax.Array, y: jax.Array, order: jax.Array, steps: jax.Array) -> Tree:
            return lax.fori_loop(0, steps, lambda _, c: one_step(self.workload, c, x, y, order), carry)

        return jax.jit(run, donate_argnums=0)

    def run(self, steps: int) -> None:
        """Train."""
        self.carry = jax.block_until_ready(self.compiled(self.carry, *self.inputs, steps))


CONTESTANTS = [JaxStep, JaxLoop]
