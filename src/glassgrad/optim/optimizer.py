"""What every optimizer is: settings, and one pure function from (parameter, gradient, state) to new ones.

Because `Optimizer.update` is pure and written in glassgrad's own operations, it can be traced into the
training step, compiled, explained and derived like the rest of the graph. The numbers it needs
(`Optimizer.hyper`) are inputs of that graph, so that another rate or momentum compiles nothing anew. For a
training loop written by hand, `Optimizer.step` applies the same function to the ``.grad`` of each parameter
and keeps the state.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Protocol, Self, runtime_checkable

import numpy as np

from glassgrad.errors import OptionError, ShapeError, did_you_mean
from glassgrad.options import Registry, config_of, require
from glassgrad.tensors import Tensor, asarray, no_grad

__all__ = ["OPTIMIZERS", "HasParameters", "Optimizer", "Parts", "State", "number", "optimizer"]

Array = np.ndarray[Any, Any]
State = dict[str, Tensor]


def number(value: Any, like: Tensor) -> Any:
    """Return a number in the dtype of an array, which a number of a wider dtype would promote."""
    return value if not isinstance(value, Tensor) or value.dtype == like.dtype else value.astype(like.dtype)


@runtime_checkable
class HasParameters(Protocol):
    """A network, as far as an optimizer is concerned."""

    def parameters(self) -> Iterable[Tensor]:
        """Return what is trained."""


@dataclass(frozen=True)
class Parts:
    """What an update is made of, number by number: new − old = Σ factor · value, up to rounding.

    Attributes
    ----------
    terms
        (factor, value) by name. A value is the gradient (``"gradient"``), the parameter itself (``"weight_decay"``,
        which goes through the gradient, or ``"decoupled_decay"``) or a piece of the state (``"momentum"``).
    rates
        What the factors are made of, in the order in which they are worked out.
    """

    terms: Mapping[str, tuple[Any, Any]]
    rates: Mapping[str, Any]

    def change(self) -> Any:
        """Return the sum of the terms."""
        return sum(factor * value for factor, value in self.terms.values())


@dataclass
class _Slot:
    """What `Optimizer.step` keeps for one parameter."""

    parameter: Tensor
    state: State
    count: int = 0


@dataclass(frozen=True, kw_only=True)
class Optimizer(ABC):
    """Base of the optimizers.

    Parameters
    ----------
    lr
        Learning rate, above 0.
    weight_decay
        λ of the L2 penalty ½λ‖p‖², whose gradient λp is added to the gradient; 0 for none.

    Examples
    --------
    >>> import glassgrad as gg
    >>> w = gg.tensor([3.0], requires_grad=True)
    >>> sgd = gg.optim.SGD(lr=0.1)
    >>> for _ in range(100):
    ...     w.grad = None
    ...     (w * w).sum().backward()
    ...     sgd.step([w])
    >>> abs(w.item()) < 1e-8
    True
    """

    pieces: ClassVar[tuple[str, ...]] = ()
    """Names of the state kept for each parameter, in PyTorch's words."""

    lr: float = field(default=1e-3, kw_only=False)
    weight_decay: float = 0.0
    _slots: dict[int, _Slot] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __new__(cls, *given: Any, **settings: Any) -> Self:
        """Answer what other libraries' optimizers take and these do not."""
        kinds = (Iterable, HasParameters)
        if "params" in settings or (given and isinstance(given[0], kinds) and not isinstance(given[0], str)):
            raise OptionError(
                f"an optimizer is made without parameters: opt = {cls.__name__}(lr=…); "
                "opt.step(model.parameters())"
            )
        known = [f.name for f in fields(cls) if f.init]
        for name in settings:
            if name not in known:
                every = [OPTIMIZERS.find(kind) for kind in OPTIMIZERS.names()]
                having = [kind.__name__ for kind in every if name in {f.name for f in fields(kind)}]
                hint = f"{' and '.join(having)} have it" if having else did_you_mean(name, known)
                raise OptionError(f"{cls.__name__} has no setting {name!r}. {hint}")
        return super().__new__(cls)

    def __post_init__(self) -> None:
        require(type(self).__name__, "lr", self.lr, above=0)
        require(type(self).__name__, "weight_decay", self.weight_decay, least=0)

    # --- the pure part ---

    def hyper(self) -> dict[str, float]:
        """Return the numbers that `update` takes as inputs."""
        return {
            f.name: float(getattr(self, f.name))
            for f in fields(self)
            if f.init and (f.name != "weight_decay" or self.weight_decay)
        }

    def init(self, parameter: Any) -> dict[str, Array]:
        """Return fresh state for a parameter: arrays of its shape and dtype, all 0."""
        return {piece: np.zeros(parameter.shape, parameter.dtype) for piece in self.pieces}

    @abstractmethod
    def update(
        self, parameter: Tensor, gradient: Tensor, state: State, hyper: Mapping[str, Any], step: Any
    ) -> tuple[Tensor, State]:
        """Return the parameter and its state after one step; a pure function.

        Parameters
        ----------
        parameter, gradient
            Tensors of one shape and dtype, eager or traced.
        state
            The pieces that `init` made, as Tensors.
        hyper
            The numbers of `hyper`, as 0-d Tensors. In float64 they keep their full precision whatever the
            parameter's dtype is: what is derived from them (1 − β₂ᵗ, say) is cast when it meets an array.
        step
            The number of this step, from 1, a 0-d Tensor.
        """

    @abstractmethod
    def parts(
        self,
        parameter: Array,
        gradient: Array,
        state: Mapping[str, Array],
        hyper: Mapping[str, float],
        step: int,
    ) -> Parts:
        """Return what `update` adds to a parameter, taken apart, in float64.

        Parameters
        ----------
        parameter, gradient
            Arrays of one shape and dtype, that of the run.
        state
            The pieces of the state before the step.
        hyper
            The numbers of `hyper`.
        step
            The number of this step, from 1.
        """

    def pull(self, factor: Any, parameter: Array, gradient: Array) -> dict[str, tuple[Any, Any]]:
        """Return the terms of a factor times `decayed`: the gradient's, and that of the L2 penalty."""
        terms: dict[str, tuple[Any, Any]] = {"gradient": (factor, gradient.astype(np.float64))}
        if self.weight_decay:
            terms["weight_decay"] = (factor * self.weight_decay, parameter.astype(np.float64))
        return terms

    def squared(self, parameter: Array, gradient: Array) -> Array:
        """Return the square of `decayed` in float64.

        The sum itself is rounded as the run rounds it: where the two nearly cancel, what is left decides on the rate.
        """
        if self.weight_decay:
            gradient = gradient + parameter.dtype.type(self.weight_decay) * parameter
        return np.asarray(np.square(gradient, dtype=np.float64))

    def decayed(self, parameter: Tensor, gradient: Tensor, hyper: Mapping[str, Any]) -> Tensor:
        """Return the gradient with that of the L2 penalty, where there is one."""
        if not self.weight_decay:
            return gradient
        return gradient + number(hyper["weight_decay"], parameter) * parameter  # type: ignore[no-any-return]

    def config(self) -> dict[str, Any]:
        """Return the optimizer as JSON, which `optimizer` takes."""
        return config_of(OPTIMIZERS, self)

    # --- for a loop written by hand ---

    def step(self, parameters: Iterable[Tensor] | HasParameters) -> None:
        """Update parameters in place by their ``.grad``; those without one are left alone.

        The state of each parameter is kept in this object from call to call. It begins when the parameter
        is first met, and so does its own count of steps.

        Parameters
        ----------
        parameters
            Tensors with ``requires_grad``, such as ``model.parameters()``; or the model itself.

        Raises
        ------
        OptionError
            Where none of them has a gradient.
        """
        given = list(parameters.parameters() if isinstance(parameters, HasParameters) else parameters)
        ready = [p for p in given if p.grad is not None]
        if not ready:
            raise OptionError(
                f"none of the {len(given)} parameters has a gradient: call loss.backward() before step()"
            )
        hyper = {name: asarray(np.float64(value)) for name, value in self.hyper().items()}
        with no_grad():
            for p in ready:
                assert p.grad is not None
                slot = self._slot(p)
                slot.count += 1
                value, slot.state = self.update(
                    p.detach(), p.grad.detach(), slot.state, hyper, asarray(np.float64(slot.count))
                )
                p.assign(value)

    def _slot(self, parameter: Tensor) -> _Slot:
        slot = self._slots.get(id(parameter))
        if slot is None:
            state = {name: asarray(a) for name, a in self.init(parameter).items()}
            slot = self._slots[id(parameter)] = _Slot(parameter, state)
        return slot

    def state_dict(self) -> dict[str, Array]:
        """Return copies of what `step` keeps: ``"0.step"``, ``"0.exp_avg"``, … as parameters were met."""
        arrays: dict[str, Array] = {}
        for i, slot in enumerate(self._slots.values()):
            arrays[f"{i}.step"] = np.asarray(slot.count, np.int64)
            arrays |= {f"{i}.{name}": np.array(t.numpy()) for name, t in slot.state.items()}
        return arrays

    def load_state_dict(self, arrays: Mapping[str, Any], parameters: Iterable[Tensor]) -> None:
        """Take up the state of an earlier run.

        Parameters
        ----------
        arrays
            What `state_dict` returned.
        parameters
            The parameters, in the order in which `step` was given them then.

        Raises
        ------
        OptionError
            Where a piece is missing or not this optimizer's.
        ShapeError
            Where a piece does not have its parameter's shape.
        """
        given = list(parameters)
        wanted = {f"{i}.{name}" for i in range(len(given)) for name in ("step", *self.pieces)}
        for key in sorted(set(arrays) ^ wanted):
            problem = "lacks" if key in wanted else "has an unknown"
            raise OptionError(
                f"the state of {type(self).__name__} for {len(given)} parameters {problem} {key!r}. "
                f"{did_you_mean(key, arrays if key in wanted else wanted)}"
            )
        slots = {}
        for i, p in enumerate(given):
            state = {}
            for name in self.pieces:
                array = np.array(arrays[f"{i}.{name}"], p.dtype)
                if array.shape != p.shape:
                    raise ShapeError(f"{i}.{name} has shape {array.shape}, but its parameter has {p.shape}")
                state[name] = asarray(array)
            slots[id(p)] = _Slot(p, state, int(arrays[f"{i}.step"]))
        self._slots.clear()
        self._slots.update(slots)


OPTIMIZERS: Registry[Optimizer] = Registry("optimizer")
"""Every optimizer by name."""


def optimizer(config: str | Mapping[str, Any], **settings: Any) -> Optimizer:
    """Return the optimizer that a name or a configuration states.

    Raises
    ------
    OptionError
        Where the name or a setting is unknown, or a value out of range.

    Examples
    --------
    >>> optimizer("sgd", lr=0.1)
    SGD(lr=0.1, weight_decay=0.0)
    """
    return OPTIMIZERS.build(config, **settings)
