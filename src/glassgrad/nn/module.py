"""Modules: networks as trees of layers, whose parameters are found where they are kept, as attributes.

Nothing is declared twice. A parameter, a buffer or a layer that is an attribute of a module (or an item of
a list, tuple or dict that is one) belongs to it, under the attribute's name; names within the tree are
joined by dots, as PyTorch users know them. A call runs `Module.forward` within the scope of the layer's
name, so that every node of a traced network knows its layer.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from typing import Any, ClassVar, Self

import numpy as np

from glassgrad.errors import DTypeError, OptionError, TraceError, did_you_mean
from glassgrad.graph import Traced, active_builder
from glassgrad.ir import scope
from glassgrad.options import Registry
from glassgrad.tensors import Tensor, adopt, asarray

__all__ = [
    "LAYERS",
    "Buffer",
    "Module",
    "Parameter",
    "build",
    "called_modules",
    "frozen_buffers",
    "note_called",
]

_LISTED = 4
"""How many names an error message lists."""


_CALLED: ContextVar[list[Module] | None] = ContextVar("glassgrad_called_modules", default=None)
_FROZEN: ContextVar[bool] = ContextVar("glassgrad_frozen_buffers", default=False)


@contextmanager
def called_modules() -> Iterator[list[Module]]:
    """Collect the modules that are called inside: what a trace has seen may depend on their mode."""
    token = _CALLED.set([])
    try:
        found = _CALLED.get()
        assert found is not None
        yield found
    finally:
        _CALLED.reset(token)


@contextmanager
def frozen_buffers() -> Iterator[None]:
    """Let buffers keep their values inside, whoever updates them: for what is computed a second time."""
    token = _FROZEN.set(True)
    try:
        yield
    finally:
        _FROZEN.reset(token)


def note_called(modules: Iterable[Module]) -> None:
    """Tell whoever collects called modules of these."""
    called = _CALLED.get()
    if called is not None:
        called.extend(modules)


class Parameter(Tensor):
    """A Tensor that training changes.

    Parameters
    ----------
    data
        The first values, copied.
    dtype
        float32 or float64; by default that of the data.
    name
        A name for people.
    """

    __slots__ = ()

    def __init__(self, data: Any, *, dtype: Any = None, name: str | None = None) -> None:
        super().__init__(data, dtype=dtype, requires_grad=True, name=name)


class Buffer(Tensor):
    """A Tensor that is part of a module's state but no parameter, such as a running mean.

    Examples
    --------
    >>> count = Buffer(0.0)
    >>> count.update(count + 1.0)
    >>> count
    Tensor(1.)
    """

    __slots__ = ()

    def update(self, value: Any) -> None:
        """Give the buffer its next value: at once, or, while traced, when the step that is traced has run.

        Parameters
        ----------
        value
            Of the buffer's shape; cast to its dtype.

        Raises
        ------
        TraceError
            In a trace that does not carry buffers, where the value has no number.
        """
        if _FROZEN.get():
            return
        value = asarray(value, dtype=self.dtype)
        builder = active_builder()
        if builder is not None and builder.wants(self):
            builder.update(self, adopt(builder, value))
        elif isinstance(value._payload, Traced):
            raise TraceError(
                "a buffer is updated with a value that is being traced and has no number to keep. Call model.eval() "
                "first, or update the buffer outside"
            )
        else:
            self.assign(value)


class Module:
    """Base of the layers and of networks: subclass it, keep parameters and layers as attributes, write `forward`.

    Attributes
    ----------
    training : bool
        Whether the module behaves as in training (dropout drops) or as in prediction.

    Examples
    --------
    >>> import numpy as np
    >>> class Scale(Module):
    ...     def __init__(self):
    ...         self.factor = Parameter(2.0)
    ...     def forward(self, x):
    ...         return x * self.factor
    >>> Scale()(np.ones(2))
    Tensor([2., 2.], requires_grad=True)
    >>> dict(Scale().named_parameters())
    {'factor': Tensor(2., requires_grad=True)}
    """

    training: bool = True
    _name: str = ""

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Return the module's output; subclasses write it."""
        raise NotImplementedError(f"{type(self).__name__} has no forward(self, x): write it")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run `forward` within the scope of the module's name."""
        note_called([self])
        for name, child in self._children():
            child._name = name
        with scope(self._name) if self._name else nullcontext():
            return self.forward(*args, **kwargs)

    # --- what it holds ---

    def _held(self) -> Iterator[tuple[str, Any]]:
        for name, value in vars(self).items():
            if isinstance(value, (list, tuple)):
                yield from ((f"{name}.{i}", item) for i, item in enumerate(value))
            elif isinstance(value, Mapping):
                yield from ((f"{name}.{key}", item) for key, item in value.items())
            else:
                yield name, value

    def _children(self) -> Iterator[tuple[str, Module]]:
        return ((name, value) for name, value in self._held() if isinstance(value, Module))

    def named_modules(self, prefix: str = "") -> Iterator[tuple[str, Module]]:
        """Yield this module (under `prefix`) and every one within it, each once, with its name in the tree."""
        seen: set[int] = set()
        waiting: list[tuple[str, Module]] = [(prefix, self)]
        while waiting:
            name, module = waiting.pop()
            if id(module) in seen:
                continue
            seen.add(id(module))
            yield name, module
            inner = [(f"{name}.{own}" if name else own, child) for own, child in module._children()]
            waiting.extend(reversed(inner))

    def modules(self) -> Iterator[Module]:
        """Yield this module and every one within it."""
        return (module for _, module in self.named_modules())

    def _named(self, kind: type[Tensor]) -> Iterator[tuple[str, Any]]:
        seen: set[int] = set()
        for prefix, module in self.named_modules():
            for name, value in module._held():
                if kind is Parameter and type(value) is Tensor and value.requires_grad and value.is_leaf:
                    raise OptionError(
                        f"{name} of {type(module).__name__} is a Tensor that wants a gradient, but no Parameter, so "
                        f"it would not be trained: write self.{name} = nn.Parameter(…)"
                    )
                if isinstance(value, kind) and id(value) not in seen:
                    seen.add(id(value))
                    yield f"{prefix}.{name}" if prefix else name, value

    def named_parameters(self) -> Iterator[tuple[str, Parameter]]:
        """Yield every parameter once, with its name, such as ``"0.weight"``, in the order of the attributes."""
        return self._named(Parameter)

    def parameters(self) -> Iterator[Parameter]:
        """Yield every parameter."""
        return (parameter for _, parameter in self.named_parameters())

    def named_buffers(self) -> Iterator[tuple[str, Buffer]]:
        """Yield every buffer once, with its name."""
        return self._named(Buffer)

    # --- its state ---

    def _state(self) -> dict[str, Tensor]:
        return {**dict(self.named_parameters()), **dict(self.named_buffers())}

    def state_dict(self) -> dict[str, np.ndarray[Any, Any]]:
        """Return copies of all parameters and buffers by name."""
        return {name: np.array(tensor.numpy()) for name, tensor in self._state().items()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over the values of `state`, cast to each parameter's dtype.

        Parameters
        ----------
        state
            An array (or Tensor) for each name of `state_dict`.

        Raises
        ------
        OptionError
            Where names are missing or unexpected, or shapes differ; nothing has been changed then.
        """
        own = self._state()
        arrays = {k: v.numpy() if isinstance(v, Tensor) else np.asarray(v) for k, v in state.items()}
        problems = [
            *_listed("missing", (_nearest(k, arrays) for k in own if k not in arrays)),
            *_listed("unexpected", (_nearest(k, own) for k in arrays if k not in own)),
            *_listed(
                "misshaped",
                (
                    f"{k!r} is {arrays[k].shape}, here {t.shape}"
                    for k, t in own.items()
                    if k in arrays and arrays[k].shape != t.shape
                ),
            ),
        ]
        if problems:
            raise OptionError(f"this state does not fit {type(self).__name__}: " + "; ".join(problems))
        for name, tensor in own.items():
            tensor.assign(arrays[name])

    def train(self, mode: bool = True) -> Self:
        """Behave as in training, or not; returns the module."""
        for module in self.modules():
            module.training = mode
        return self

    def eval(self) -> Self:
        """Behave as in prediction; returns the module."""
        return self.train(False)

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for parameter in self.parameters():
            parameter.grad = None

    def to(self, dtype: Any) -> Self:
        """Turn parameters and floating-point buffers into another dtype, in place; returns the module.

        Raises
        ------
        DTypeError
            Where `dtype` is neither float32 nor float64.
        """
        wanted = float_dtype(dtype)
        for tensor in self._state().values():
            if tensor.dtype.kind == "f":
                tensor._payload = tensor._payload.astype(wanted)
                tensor.grad = None
        return self

    # --- as data, as text ---

    def settings(self) -> dict[str, Any]:
        """Return the constructor's settings: by default the attributes with the names of its parameters.

        Raises
        ------
        OptionError
            Where there is no attribute for one of them.
        """
        names = list(inspect.signature(type(self)).parameters)
        lacking = [name for name in names if not hasattr(self, name)]
        if lacking:
            raise OptionError(
                f"{type(self).__name__} keeps no attribute {lacking[0]!r}, so its settings are not known: "
                f"keep it in __init__, or write settings()"
            )
        return {name: getattr(self, name) for name in names}

    def config(self) -> dict[str, Any]:
        """Return the module as JSON, which `build` takes: ``{"type": "Linear", …}``; the weights are not in it.

        Raises
        ------
        OptionError
            Where its class is not among the known layers: decorate it with ``@nn.LAYERS.add()``.
        """
        return {LAYERS.key: LAYERS.name_of(type(self)), **self.settings()}

    @classmethod
    def from_settings(cls, **settings: Any) -> Self:
        """Return a module with these settings."""
        return cls(**settings)

    hidden_settings: ClassVar[tuple[str, ...]] = ("dtype", "seed", "weight_init")
    """Settings that the text form leaves out."""

    def describe(self) -> str:
        """Return the settings as the text form shows them."""
        shown = {k: v for k, v in self.settings().items() if k not in self.hidden_settings}
        return ", ".join(f"{k}={v!r}" for k, v in shown.items())

    def __repr__(self) -> str:
        children = list(self._children())
        count = sum(p.size for p in self.parameters())
        total = f"  # {count:,} parameters" if count else ""
        if children:
            inner = "\n".join(f"({name}): {child!r}" for name, child in children)
            indented = inner.replace("\n", "\n  ")
            return f"{type(self).__name__}(\n  {indented}\n){total}"
        known = type(self) in LAYERS
        shapes = ", ".join(f"{name} {p.shape}" for name, p in self.named_parameters())
        comment = f"  # {shapes}: {count:,} parameters" if shapes else ""
        return f"{type(self).__name__}({self.describe() if known else ''}){comment}"


def _nearest(name: str, known: Iterable[str]) -> str:
    hint = did_you_mean(name, known)
    return f"{name!r} ({hint})" if hint.startswith("Did") else repr(name)


def _listed(problem: str, names: Iterable[str]) -> list[str]:
    found = list(names)
    more = f" and {len(found) - _LISTED} more" if len(found) > _LISTED else ""
    return [f"{problem} {', '.join(found[:_LISTED])}{more}"] if found else []


def float_dtype(dtype: Any) -> np.dtype[Any]:
    """Return a dtype in which networks compute.

    Raises
    ------
    DTypeError
        Where it is neither float32 nor float64.
    """
    try:
        wanted: np.dtype[Any] = np.dtype(dtype)
    except TypeError:
        wanted = np.dtype(object)
    if wanted.name not in ("float32", "float64"):
        raise DTypeError(f"networks compute in float32 or float64, not in {dtype!r}")
    return wanted


LAYERS: Registry[Module] = Registry("layer", key="type")
"""Every layer that can be built by name; ``@LAYERS.add()`` adds one of your own."""


def build(config: Mapping[str, Any] | str) -> Module:
    """Return the module that a configuration states, with fresh weights.

    Parameters
    ----------
    config
        What `Module.config` returned, or the name of a layer that needs no settings.

    Raises
    ------
    OptionError
        Where a layer or a setting is unknown.

    Examples
    --------
    >>> import glassgrad as gg
    >>> build({"type": "LeakyReLU", "slope": 0.1})
    LeakyReLU(slope=0.1)
    """
    kind, settings = LAYERS.split(config)
    return kind.from_settings(**LAYERS.checked(kind, settings))
