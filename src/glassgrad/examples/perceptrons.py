"""Perceptrons: logic gates as weighted sums and a step, and why XOR needs two layers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from glassgrad import xp
from glassgrad.examples.example import Array, Example, Row
from glassgrad.nn import Perceptron
from glassgrad.ops import Text
from glassgrad.tensors import Tensor

__all__ = ["CORNERS", "GATES", "PERCEPTRONS", "PerceptronsExample"]

CORNERS = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])

GATES: dict[str, tuple[tuple[float, float], float]] = {
    "AND": ((0.5, 0.5), -0.7),
    "NAND": ((-0.5, -0.5), 0.7),
    "OR": ((0.5, 0.5), -0.2),
}
"""Weights and bias of each gate."""

TRUTH: dict[str, Array] = {
    "AND": np.array([0.0, 0.0, 0.0, 1.0]),
    "NAND": np.array([1.0, 1.0, 1.0, 0.0]),
    "OR": np.array([0.0, 1.0, 1.0, 1.0]),
    "XOR": np.array([0.0, 1.0, 1.0, 0.0]),
}
"""What each gate says of the four corners."""


@dataclass(frozen=True)
class PerceptronsExample(Example):
    """AND, NAND and OR by hand and learned; XOR by two layers of them."""

    def gate(self, name: str) -> Perceptron:
        """Return the perceptron of a gate with the weights given by hand."""
        weights, bias = GATES[name]
        perceptron = Perceptron(2, dtype="float64")
        perceptron.load_state_dict({"weight": [weights], "bias": [bias]})
        return perceptron

    def xor(self, X: Array) -> Array:
        """Return XOR(x) = AND(NAND(x), OR(x)).

        Examples
        --------
        >>> from glassgrad import examples
        >>> examples.get("perceptrons").xor(CORNERS)
        array([0., 1., 1., 0.])
        """
        hidden = np.concatenate([self.gate("NAND")(X).numpy(), self.gate("OR")(X).numpy()], axis=1)
        out: Array = self.gate("AND")(hidden).numpy()[:, 0]
        return out

    @staticmethod
    def function(**numbers: Tensor) -> dict[str, Tensor]:
        """Return every step of XOR = AND(NAND, OR) from what `numbers` has."""
        made: dict[str, Tensor] = {}
        first, second = numbers["x0"], numbers["x1"]
        for name in ("NAND", "OR", "AND"):
            a, b = (made["NAND"], made["OR"]) if name == "AND" else (first, second)
            made[f"{name} sum"] = numbers[f"{name} w0"] * a + numbers[f"{name} w1"] * b + numbers[f"{name} b"]
            made[name] = xp.step(made[f"{name} sum"])
        return made

    def numbers(self, corner: Array) -> dict[str, float]:
        """Return what `function` takes for a corner: the inputs x0 and x1, and the weights and bias of each gate."""
        found = {"x0": float(corner[0]), "x1": float(corner[1])}
        for name in ("NAND", "OR", "AND"):
            (w0, w1), bias = GATES[name]
            found |= {f"{name} w0": w0, f"{name} w1": w1, f"{name} b": bias}
        return found

    def learn(self, name: str) -> tuple[Perceptron, bool, int]:
        """Learn a gate by Rosenblatt's rule; return the perceptron, whether it got there, and its corrections."""
        perceptron = Perceptron(2)
        result = perceptron.fit_rosenblatt(CORNERS, TRUTH[name])
        return perceptron, result.converged, result.corrections

    def run(self) -> list[Row]:
        """Return what each gate says, by hand and learned, and what becomes of XOR."""
        rows: list[Row] = []
        for name in GATES:
            out = self.gate(name)(CORNERS).numpy()[:, 0]
            _, converged, corrections = self.learn(name)
            learned = f"learned in {corrections} corrections" if converged else "not learned"
            rows.append((name, f"{out.astype(int).tolist()}, {learned}"))
        rows.append(("XOR = AND(NAND, OR)", str(self.xor(CORNERS).astype(int).tolist())))
        _, converged, corrections = self.learn("XOR")
        rows.append(
            (
                "XOR by one perceptron",
                "learned" if converged else f"never: {corrections} corrections, no line",
            )
        )
        return rows


PERCEPTRONS = PerceptronsExample(
    "perceptrons",
    Text("logic gates by perceptrons", "퍼셉트론으로 만드는 논리 게이트"),
    Text(
        "A perceptron draws one straight line, so it can be AND, NAND and OR. The points where XOR is 1, (0,1) and "
        "(1,0), and those where it is 0, (0,0) and (1,1), have the same midpoint: no line parts them. Two layers do.",
        "퍼셉트론은 직선 하나를 긋는다. 그래서 AND, NAND, OR는 할 수 있다. XOR가 1인 점 (0,1), (1,0)과 0인 점 (0,0), "
        "(1,1)은 중점이 같으므로 어떤 직선으로도 나눌 수 없다. 두 층이면 된다.",
    ),
)
