"""The models that compete, one file each: MODEL in models/NAME.py is the model NAME."""

import importlib
import pkgutil
from collections.abc import Iterable
from functools import cache

from clarion.kernel.errors import ConfigError
from clarion.prediction.outcomes.models.definition import Model
from clarion.prediction.outcomes.settings import Kind


@cache
def find_models() -> dict[str, Model]:
    """Every model by name, in the order of its complexity: the simpler one wins a tie."""
    modules = [
        importlib.import_module(f"{__name__}.{module.name}")
        for module in pkgutil.iter_modules(__path__)
        if module.name != "definition"
    ]
    models: list[Model] = [module.MODEL for module in modules]
    return {model.name: model for model in sorted(models, key=lambda model: model.complexity)}


def columns_read(names: Iterable[str]) -> tuple[str, ...]:
    """What some models read of a customer beside the inputs; an unknown name reads nothing."""
    models = find_models()
    return tuple(sorted({c for name in names if name in models for c in models[name].reads}))


def models_of(names: tuple[str, ...], kind: Kind, *, where: str) -> tuple[Model, ...]:
    """The models of some names, the simplest first.

    Args:
        names: their names.
        kind: what they are to predict.
        where: key of the setting, for messages.

    Raises:
        ConfigError: a name of no model, or of one that cannot predict this; or no name at all.
    """
    known = {name: model for name, model in find_models().items() if kind in model.kinds}
    unknown = [name for name in names if name not in known]
    if unknown or not names:
        raise ConfigError(
            f"{where} names no model for outcomes of kind {kind}",
            found=", ".join(unknown) or "an empty list",
            fix=f"use some of {', '.join(known)}",
        )
    return tuple(model for name, model in known.items() if name in names)
