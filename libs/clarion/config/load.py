"""Layers of YAML: packaged base, environment, the shop's own folder, then --set."""

import difflib
import importlib.resources
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, TypeAdapter, ValidationError

from clarion.kernel.errors import ConfigError, SecretError, first_line

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)
# The files of each environment; the later ones are laid over the earlier ones.
ENVIRONMENTS = {
    "local": ("local.yml",),
    "small": ("local.yml", "small.yml"),
    "cluster": ("cluster.yml",),
    "databricks": ("databricks.yml",),
}
# A shop that adds a Spark setting keeps the environment's others. Every other mapping that a shop
# writes stands for itself: what a model is fed with is not added to what the package names.
_ADDED_TO = ("spark.conf",)


@dataclass(frozen=True, slots=True)
class Value:
    """A setting and where it came from."""

    value: Any
    origin: str


def parse_yaml(text: str, *, where: str) -> dict[str, Any]:
    """The mapping that a YAML text holds.

    Raises:
        ConfigError: the text is not YAML, or its top is not a mapping.
    """
    try:
        loaded = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(
            f"{where} is not YAML",
            found=" ".join(str(error).split()),
            fix="correct the line it names",
        ) from error
    if loaded is None:
        return {}
    if not isinstance(loaded, dict):
        raise ConfigError(
            f"{where} holds no settings",
            found=type(loaded).__name__,
            fix="write 'key: value' lines",
        )
    return loaded


def parse_model(model: type[M], written: Any, *, where: str) -> M:
    """What a person wrote, as a model.

    Args:
        model: its pydantic model.
        written: keys and values of a file or a part of one.
        where: file or part, for messages.

    Raises:
        ConfigError: an unknown key, one that is missing, or a value out of range.
    """
    try:
        return model.model_validate(written)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        if not key:  # of the parts together, which a check of the model compares
            message = first["msg"].removeprefix("Value error, ")
            raise ConfigError(f"{where}: {message}", fix="correct what it names") from error
        raise ConfigError(
            f"{where}: {key}: {first['msg']}", found=repr(first["input"]), fix=f"correct '{key}'"
        ) from error


def _flatten(tree: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict) and value and not prefix:
            flat |= _flatten(value, f"{name}.")
        else:
            flat[name] = value
    return flat


class Config:
    """Settings with their origins, sections as dataclasses, and the configuration's files."""

    def __init__(self, values: dict[str, Value], folders: tuple[Any, ...]) -> None:
        self._values = values
        self._folders = folders

    @classmethod
    def load(
        cls,
        *,
        environment: str = "local",
        conf_dir: Path | None = None,
        overrides: tuple[str, ...] = (),
    ) -> "Config":
        """The settings of an environment, with a shop's folder and overrides on top.

        Args:
            environment: local, small, cluster or databricks.
            conf_dir: the shop's own configuration.
            overrides: texts of the form `key=value`.

        Raises:
            ConfigError: an unknown environment, folder or key.
        """
        packaged = importlib.resources.files("clarion.conf")
        if environment not in ENVIRONMENTS:
            raise ConfigError(
                f"unknown environment '{environment}'",
                found=environment,
                fix=f"use one of {', '.join(ENVIRONMENTS)}",
            )
        if conf_dir is not None and not conf_dir.is_dir():
            raise ConfigError(
                f"the configuration folder {conf_dir} does not exist",
                fix="create it with 'clarion init DIR'",
            )
        folders = (packaged,) if conf_dir is None else (conf_dir, packaged)
        of_environment = ENVIRONMENTS[environment]
        layers = [(packaged / name, name) for name in ("base.yml", *of_environment)]
        if conf_dir is not None and (conf_dir / "base.yml").is_file():
            layers.append((conf_dir / "base.yml", str(conf_dir / "base.yml")))
        values: dict[str, Value] = {}
        for file, origin in layers:
            flat = _flatten(parse_yaml(file.read_text(encoding="utf-8"), where=origin))
            for key, value in flat.items():
                if values and origin != "base.yml":
                    _require_known(key, values, origin)
                is_packaged = origin in of_environment and isinstance(value, dict)
                if is_packaged or key in _ADDED_TO:
                    value = _added(values, key, value)
                values[key] = Value(value, origin)
        for override in overrides:
            key, separator, text = override.partition("=")
            if not separator:
                raise ConfigError(
                    f"'{override}' sets nothing", found=override, fix="write --set key=value"
                )
            _require_known(key, values, "--set")
            value = yaml.safe_load(text)
            values[key] = Value(_added(values, key, value) if key in _ADDED_TO else value, "--set")
        return cls(values, folders)

    def with_values(self, origin: str, **values: Any) -> "Config":
        """The same settings with some replaced; `section__key` names section.key."""
        changed = dict(self._values)
        for name, value in values.items():
            key = name.replace("__", ".")
            _require_known(key, changed, origin)
            changed[key] = Value(value, origin)
        return Config(changed, self._folders)

    def with_defaults(self, origin: str, **values: Any) -> "Config":
        """The same settings, with other values for those that neither a shop nor a flag has set."""
        packaged = {"base.yml", *(name for files in ENVIRONMENTS.values() for name in files)}
        unset = {
            name: value
            for name, value in values.items()
            if self._values[name.replace("__", ".")].origin in packaged
        }
        return self.with_values(origin, **unset)

    def get(self, key: str) -> Any:
        """The value of one setting by its dotted name."""
        return self._values[key].value

    def section(self, cls: type[T]) -> T:
        """The section that a settings class names.

        Raises:
            ConfigError: a value has the wrong type, or a key is missing.
        """
        section: str = cls.__section__  # type: ignore[attr-defined]
        prefix = f"{section}."
        raw = {
            key.removeprefix(prefix): value.value
            for key, value in self._values.items()
            if key.startswith(prefix)
        }
        try:
            return TypeAdapter(cls).validate_python(raw)
        except ValidationError as error:
            first = error.errors()[0]
            key = f"{section}.{'.'.join(str(part) for part in first['loc'])}"
            origin = self._values[key].origin if key in self._values else "the configuration"
            raise ConfigError(
                f"{key} in {origin}: {first['msg']}",
                found=repr(first["input"]),
                fix=f"correct {key}",
            ) from error

    def rows(self) -> list[tuple[str, Any, str]]:
        """Each setting: name, value, origin; in order of the names."""
        return [(key, value.value, value.origin) for key, value in sorted(self._values.items())]

    def text(self, name: str) -> str:
        """A file of the configuration, the shop's own before the packaged one.

        Raises:
            ConfigError: neither has it.
        """
        for folder in self._folders:
            file = folder / name
            if file.is_file():
                return str(file.read_text(encoding="utf-8"))
        kind = name.rpartition("/")[0]
        known = ", ".join(self.names(kind)) if kind else ""
        raise ConfigError(
            f"there is no {name} in the configuration",
            found=known or None,
            fix="name one that exists, or add the file",
        )

    def names(self, folder: str) -> list[str]:
        """Names of the YAML files in a folder of the configuration, without '.yml'."""
        names: set[str] = set()
        for root in self._folders:
            path = root / folder
            files = [entry.name for entry in path.iterdir()] if path.is_dir() else []
            names.update(name.removesuffix(".yml") for name in files if name.endswith(".yml"))
        return sorted(names)

    def secret(self, reference: str) -> str:
        """The secret that a reference names; the configuration itself never contains secrets.

        Args:
            reference: `env:NAME`, `file:PATH` or `databricks:SCOPE/NAME`.

        Raises:
            SecretError: the reference names nothing.
        """
        scheme, _, rest = reference.partition(":")
        if scheme == "env" and os.environ.get(rest):
            return os.environ[rest]
        if scheme == "file" and Path(rest).is_file():
            return Path(rest).read_text(encoding="utf-8").strip()
        if scheme == "databricks":
            return _databricks_secret(rest)
        raise SecretError(
            "a secret is needed: the key of personal columns, or a source's password",
            found=f"{reference} names nothing",
            fix="refer to env:NAME, file:PATH or databricks:SCOPE/NAME that exists; make a key: "
            "python -c 'import secrets; print(secrets.token_hex(32))' > FILE, and name it in the "
            "shop's base.yml by its whole path: 'privacy: {key: file:/PATH/FILE}'",
        )


def _databricks_secret(path: str) -> str:
    """A secret of a Databricks secret scope, by the SDK that the platform's runtimes contain."""
    scope, _, name = path.partition("/")
    try:
        from databricks.sdk import WorkspaceClient

        return str(WorkspaceClient().dbutils.secrets.get(scope=scope, key=name)).strip()
    except Exception as error:
        raise SecretError(
            f"the secret databricks:{path} cannot be read",
            found=first_line(error),
            fix="run on Databricks (or install databricks-sdk and log in), "
            "and grant READ on the scope",
        ) from error


def _added(values: dict[str, Value], key: str, entries: Any) -> Any:
    """The entries of a mapping on top of those that are set; null takes one out."""
    if not isinstance(entries, dict):
        return entries
    before = values[key].value if key in values else {}
    return {name: value for name, value in {**before, **entries}.items() if value is not None}


def _require_known(key: str, known: dict[str, Value], origin: str) -> None:
    if key in known:
        return
    near = difflib.get_close_matches(key, known, n=1)
    fix = f"did you mean '{near[0]}'?" if near else "see 'clarion config show'"
    raise ConfigError(f"unknown configuration key '{key}'", found=f"set by {origin}", fix=fix)
