"""Layers one after another."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Self, overload

from glassgrad.errors import OptionError, ShapeError
from glassgrad.nn.module import LAYERS, Module, build

__all__ = ["Sequential"]


@LAYERS.add()
class Sequential(Module):
    """A chain of layers: each takes what the one before returns. Their names are "0", "1", ….

    Parameters
    ----------
    *layers
        The layers.

    Raises
    ------
    OptionError
        Where one of them is no module.

    Examples
    --------
    >>> import glassgrad as gg
    >>> model = Sequential(gg.nn.Linear(4, 8), gg.nn.ReLU(), gg.nn.Linear(8, 3))
    >>> model
    Sequential(
      (0): Linear(in_features=4, out_features=8)  # weight (8, 4), bias (8,): 40 parameters
      (1): ReLU()
      (2): Linear(in_features=8, out_features=3)  # weight (3, 8), bias (3,): 27 parameters
    )  # 67 parameters
    >>> list(dict(model.named_parameters()))
    ['0.weight', '0.bias', '2.weight', '2.bias']
    """

    def __init__(self, *layers: Module) -> None:
        for i, layer in enumerate(layers):
            if not isinstance(layer, Module):
                raise OptionError(
                    f"layer {i} of a Sequential is {layer!r}, which is no module: give layers one by one, such as "
                    "Sequential(nn.Linear(2, 3), nn.ReLU())"
                )
            setattr(self, str(i), layer)

    def forward(self, x: Any) -> Any:
        """Return the output of the last layer."""
        for layer in self:
            x = layer(x)
        return x

    @property
    def layers(self) -> tuple[Module, ...]:
        """The layers in order."""
        return tuple(layer for _, layer in self._children())

    def __len__(self) -> int:
        return len(self.layers)

    def __iter__(self) -> Iterator[Module]:
        return iter(self.layers)

    @overload
    def __getitem__(self, index: int) -> Module: ...
    @overload
    def __getitem__(self, index: slice) -> Sequential: ...
    def __getitem__(self, index: int | slice) -> Module:
        """Return a layer, or a Sequential that shares some of them."""
        if isinstance(index, slice):
            return Sequential(*self.layers[index])
        if not -len(self) <= index < len(self):
            raise ShapeError(f"there is no layer {index}: the Sequential has {len(self)} layers")
        return self.layers[index]

    def settings(self) -> dict[str, Any]:
        """Return the configurations of the layers."""
        return {"layers": [layer.config() for layer in self]}

    @classmethod
    def from_settings(cls, **settings: Any) -> Self:
        """Return a chain of layers built from their configurations."""
        return cls(*(build(layer) for layer in settings["layers"]))
