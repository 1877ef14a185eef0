"""PyTorch's compiler: gather, forward, backward and update as one compiled function.

Written as its documentation advises for small steps: gradients by ``torch.func`` inside the function, parameters and
moments updated where they lie, the step's number a tensor so that nothing is compiled anew, a wrapper in C++ around the
kernels, and, once everything is compiled, no check of the guards. What remains is the call from Python.

Importing this module compiles a small function: where no C++ compiler works, that is found out here, once.
"""

from __future__ import annotations

from typing import Any

import torch
import torch._inductor.config

from glassgrad.bench.peers.torch_peer import loss_of
from glassgrad.bench.workloads import ADAM, Workload

__all__ = ["CONTESTANTS", "TorchCompile"]

torch._inductor.config.compile_threads = 1  # no pool of compilers beside the contestants
torch.set_flush_denormal(True)
try:
    torch.compile(lambda x: x + 1)(torch.zeros(1))
except Exception as error:
    raise ImportError("torch.compile needs a C++ compiler that works, such as g++") from error


class TorchCompile:
    """One compiled function a step."""

    name = "torch compile"
    checked = True

    def prepare(self, workload: Workload) -> None:
        """Make tensors that share the data's memory, and take the first step, which compiles."""
        torch.compiler.reset()
        torch.compiler.set_stance("default")
        self.workload = workload
        x, y = workload.data()
        self.x, self.y = torch.from_numpy(x), torch.from_numpy(y)
        self.order = torch.from_numpy(workload.order()).unbind(0)
        self.taken = 0
        self.layers = [
            (torch.tensor(w.T.copy()), torch.tensor(b) if workload.bias else None)
            for w, b in workload.weights()
        ]
        self.parameters = [p for layer in self.layers for p in layer if p is not None]
        moments = 2 if workload.optimizer == "adam" else 0
        self.moments = [[torch.zeros_like(p) for p in self.parameters] for _ in range(moments)]
        self.count = torch.zeros(())
        self.compiled = torch.compile(
            self._step(), fullgraph=True, dynamic=False, options={"cpp_wrapper": True}
        )

    def run(self, steps: int) -> None:
        """Train."""
        if self.taken:
            torch.compiler.set_stance(skip_guard_eval_unsafe=True)
        order, compiled = self.order, self.compiled
        arguments = (self.parameters, self.moments, self.count, self.x, self.y)
        with torch.no_grad():
            for i in range(self.taken, self.taken + steps):
                compiled(*arguments, order[i % len(order)])
        self.taken += steps

    def loss(self) -> float:
        """Evaluate the held-out rows."""
        x, y = self.workload.held_out()
        with torch.no_grad():
            return float(loss_of(self.workload, self.layers, torch.from_numpy(x), torch.from_numpy(y)))

    def _step(self) -> Any:
        """Return the function to compile."""
        workload, bias, shuffled = self.workload, self.workload.bias, self.workload.shuffled
        beta1, beta2, eps = ADAM["beta1"], ADAM["beta2"], ADAM["eps"]

        def step(
            parameters: list[torch.Tensor],
            moments: list[list[torch.Tensor]],
            count: torch.Tensor,
            x: torch.Tensor,
            y: torch.Tensor,
            rows: torch.Tensor,
        ) -> None:
            if shuffled:
                x, y = x.index_select(0, rows), y.index_select(0, rows)

            def loss(flat: list[torch.Tensor]) -> torch.Tensor:
                layers = list(zip(flat[::2], flat[1::2], strict=True)) if bias else [(w, None) for w in flat]
                return loss_of(workload, layers, x, y)

            gradients = torch.func.grad(loss)(parameters)
            if not moments:
                for p, g in zip(parameters, gradients, strict=True):
                    p.sub_(g, alpha=workload.learning_rate)
                return
            count.add_(1)
            rate, scale = workload.learning_rate / (1 - beta1**count), 1 / (1 - beta2**count)
            for p, g, m, v in zip(parameters, gradients, *moments, strict=True):
                m.lerp_(g, 1 - beta1)
                v.mul_(beta2).addcmul_(g, g, value=1 - beta2)
                p.sub_(rate * m / ((v * scale).sqrt() + eps))

        return step


CONTESTANTS = [TorchCompile]
