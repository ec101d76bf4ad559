"""Model runs and registered models. The only place that imports mlflow."""

import os
import tempfile
import threading
import warnings
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from plotly.graph_objects import Figure
    from pyspark.ml import PipelineModel

FINGERPRINT = "clarion.fingerprint"
_SQLITE = "sqlite:///"
_OPENING = threading.Lock()


@dataclass(frozen=True, slots=True)
class Tracking:
    """The lake's own model store: a sqlite file, or a tracking server's address.

    Args:
        store: tracking URI.
        artifacts: folder or URL for model files.
    """

    store: str
    artifacts: str

    @classmethod
    def beside(cls, lake_root: str, uri: str | None) -> "Tracking":
        """The configured server, or files beside the tables."""
        if uri:
            return cls(uri, f"{lake_root}/_models")
        return cls(
            f"sqlite:///{Path(lake_root).absolute()}/mlflow.db",
            str(Path(lake_root).absolute() / "_models"),
        )

    def open_in_background(self) -> None:
        """Open the store while the first jobs run: libraries and a new store's tables take 7 s.

        A store that cannot be opened is reported by the first job that needs it.
        """

        def open_early() -> None:
            with suppress(Exception):  # the job's own call raises it again
                self._client()

        threading.Thread(target=open_early, daemon=True).start()

    def _client(self) -> Any:
        with _OPENING:
            import mlflow  # 1 to 4 s: only the jobs that need it pay

            if (
                self.store.startswith(_SQLITE)
                and not Path(self.store.removeprefix(_SQLITE)).exists()
            ):
                _make_store(mlflow, Path(self.store.removeprefix(_SQLITE)))
            mlflow.set_tracking_uri(self.store)
        return mlflow

    def log(
        self,
        name: str,
        model: "PipelineModel",
        *,
        params: Mapping[str, Any],
        metrics: Mapping[str, float],
        fingerprint: str,
        figures: Mapping[str, "Figure"] | None = None,
        texts: Mapping[str, str] | None = None,
        alias: Literal["champion", "challenger"] = "champion",
    ) -> str:
        """Record a fitted model and register it under an alias; returns its version.

        A model with the same fingerprint is not registered twice: its version is returned.

        Args:
            name: the model's name.
            model: the fitted pipeline.
            params: what it was fitted with.
            metrics: what was measured.
            fingerprint: digest of run key, settings and inputs.
            figures: charts by title.
            texts: texts by file name, such as a model card.
            alias: champion or challenger.
        """
        registered = self.version_of(name, fingerprint)
        if registered:
            return registered
        mlflow = self._client()
        if mlflow.get_experiment_by_name(name) is None:
            mlflow.create_experiment(name, artifact_location=f"{self.artifacts}/{name}")
        mlflow.set_experiment(name)
        with mlflow.start_run(run_name=fingerprint[:12]), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            mlflow.log_params(dict(params))
            mlflow.log_metrics(dict(metrics))
            for title, figure in (figures or {}).items():
                mlflow.log_figure(figure, f"plots/{title}.html")
            for file, text in (texts or {}).items():
                mlflow.log_text(text, file)
            info = mlflow.spark.log_model(
                model, artifact_path="model", pip_requirements=["pyspark"]
            )
            files = mlflow.get_artifact_uri("model")
        # By the client: registering while logging prints each version for the user to read.
        client = mlflow.MlflowClient()
        if not client.search_registered_models(f"name='{name}'"):
            client.create_registered_model(name)
        version = str(client.create_model_version(name, files, info.run_id).version)
        client.set_model_version_tag(name, version, FINGERPRINT, fingerprint)
        client.set_registered_model_alias(name, alias, version)
        return version

    def promote(self, name: str, version: str) -> None:
        """Make a registered version the champion, and the challenger no longer."""
        client = self._client().MlflowClient()
        client.set_registered_model_alias(name, "champion", version)
        if client.get_registered_model(name).aliases.get("challenger") == version:
            client.delete_registered_model_alias(name, "challenger")

    def metrics(self, name: str, version: str, keys: tuple[str, ...]) -> dict[str, float]:
        """The metrics that were measured when a registered version was fitted."""
        client = self._client().MlflowClient()
        recorded = client.get_run(client.get_model_version(name, version).run_id).data.metrics
        return {key: float(recorded[key]) for key in keys}

    def parameter(self, name: str, version: str, key: str) -> str | None:
        """A parameter with which a registered version was fitted."""
        client = self._client().MlflowClient()
        value: str | None = client.get_run(
            client.get_model_version(name, version).run_id
        ).data.params.get(key)
        return value

    def version_of(self, name: str, fingerprint: str) -> str | None:
        """The registered version with this fingerprint, if there is one."""
        client = self._client().MlflowClient()
        for version in client.search_model_versions(f"name='{name}'"):
            if client.get_model_version(name, version.version).tags.get(FINGERPRINT) == fingerprint:
                return str(version.version)
        return None

    def load(self, name: str, version: str) -> "PipelineModel":
        """The fitted model of a registered version; read once a process, since it never changes."""
        return _load_model(self, name, version)


@lru_cache(maxsize=16)
def _load_model(tracking: Tracking, name: str, version: str) -> "PipelineModel":
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model: PipelineModel = tracking._client().spark.load_model(f"models:/{name}/{version}")
    return model


def _make_store(mlflow: Any, file: Path) -> None:
    """Create a store with its tables in one step.

    MLflow cannot use tables that a process has left incomplete when it died.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=file.parent, prefix=".mlflow-") as folder:
        new = Path(folder, file.name)
        mlflow.MlflowClient(tracking_uri=f"{_SQLITE}{new}").search_experiments(max_results=1)
        with suppress(FileExistsError):  # another process has created it, and may have written
            os.link(new, file)
