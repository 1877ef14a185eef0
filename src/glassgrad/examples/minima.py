"""Two minima: gradient descent finds the one downhill from where it starts."""

from __future__ import annotations

from dataclasses import dataclass

from glassgrad.examples.example import Example, Row
from glassgrad.functional import value_and_grad
from glassgrad.ops import Text
from glassgrad.tensors import Tensor

__all__ = ["MINIMA", "MinimaExample"]


@dataclass(frozen=True)
class MinimaExample(Example):
    """f(x) = x⁴ − 4x² + x, descended from several starts.

    Attributes
    ----------
    starts
        Where to start.
    lr, steps
        The rate, and how many steps are taken.
    """

    starts: tuple[float, ...] = (2.0, 0.5, 0.1, -2.0)
    lr: float = 0.01
    steps: int = 2000

    @staticmethod
    def function(x: Tensor) -> Tensor:
        """Return f(x)."""
        return x**4 - 4.0 * x**2 + x  # type: ignore[no-any-return]

    def descend(self, start: float) -> tuple[float, float]:
        """Return where descent from `start` ends, and the value there.

        Examples
        --------
        >>> from glassgrad import examples
        >>> x, f = examples.get("two-minima").descend(0.5)
        >>> round(x, 6), round(f, 6)
        (1.346997, -2.618556)
        """
        both = value_and_grad(self.function)
        x = start
        for _ in range(self.steps):
            x -= self.lr * both(x)[1].item()
        return x, both(x)[0].item()

    def run(self) -> list[Row]:
        """Return where each start ends."""
        ends = [(start, *self.descend(start)) for start in self.starts]
        return [(f"from {start:g}", f"x = {x:.8f}, f = {value:.8f}") for start, x, value in ends]


MINIMA = MinimaExample(
    "two-minima",
    Text("a local and the global minimum", "지역 최솟값과 전역 최솟값"),
    Text(
        "f(x) = x⁴ − 4x² + x. Gradient descent ends in the minimum on its own side of x = 0.126, not in the lower one.",
        "f(x) = x⁴ − 4x² + x. 경사 하강법은 더 낮은 최솟값이 아니라 x = 0.126의 출발한 쪽 최솟값에서 멈춘다.",
    ),
)
