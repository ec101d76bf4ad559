"""The models that score a day, one per label: those in force, or new ones fitted on past cuts."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
from pyspark.sql import functions as F

from clarion.contracts.gold import PREDICTION_MODELS
from clarion.customers.features.left_out import listed
from clarion.declarations.shop import features
from clarion.kernel.ids import digest
from clarion.kernel.seeds import derive
from clarion.measures.statistics.intervals import NotComputable
from clarion.prediction.outcomes import fitting, gate
from clarion.prediction.outcomes.cuts import CALIBRATE, CHOOSE, JUDGE, TRAIN
from clarion.prediction.outcomes.fitting import PREDICTED, Candidate, Chosen, Preparation
from clarion.prediction.outcomes.labels import OF_LABEL
from clarion.prediction.outcomes.model_card import model_card
from clarion.prediction.outcomes.models import columns_read, models_of
from clarion.prediction.outcomes.models.definition import FEATURES, NotFittedError
from clarion.prediction.outcomes.rows import Labelled, Row
from clarion.prediction.outcomes.scoring import Acting
from clarion.prediction.outcomes.settings import Label, PredictSettings
from clarion.runtime import models
from clarion.runtime.scope import Scope
from clarion.workflows.known_features import used_inputs
from clarion.workflows.outcome_examples import (
    Examples,
    counts_by_role,
    labelled_examples,
    past_cuts,
    varying_inputs,
)

Array = npt.NDArray[np.float64]
Models = dict[str, tuple[Row, Acting | None]]


@dataclass(frozen=True, slots=True)
class _Fit:
    """What the models of a day are fitted with.

    Args:
        examples: customers at past cuts.
        preparation: of their inputs.
        counts: result of `counts_by_role`.
        scores: result of `scored_rows`.
    """

    examples: Examples
    preparation: Preparation
    counts: Mapping[str, Mapping[str, Any]]
    scores: Any


def acting_models(scope: Scope, settings: PredictSettings, left_out: Mapping[str, str]) -> Models:
    """The row of PREDICTION_MODELS and the model of each label on the run's day.

    A model serves until `retrain_days` have passed since the last fit, or until what it was fitted
    with changes. Then a new one is fitted and takes over if it is better.

    Args:
        scope: of a job that reads `customer_features.READS` and earlier PREDICTION_MODELS.
        settings: settings of predictions.
        left_out: features that say nothing of today's customers, with the reason of each.

    Raises:
        SuspectedLeakError: an input of a new model has seen the future.
    """
    last = _last_rows(scope)
    found: Models = {}
    due: dict[str, Label] = {}
    for name, label in settings.labels.items():
        today = _labelled(scope, settings, name)
        row = last.get(name)
        if name in settings.versions:
            found[name] = _set_version(scope, today, row, settings.versions[name])
        elif row is not None and _still_serves(today, row):
            text = f"fitted as of {row['fitted_on']}"
            kept = today.continued(row, state="continues", reason=text, tried_on=row["tried_on"])
            found[name] = (kept, _load(scope, name, kept))
        else:
            due[name] = label
    if due:
        found |= _train(scope, replace(settings, labels=due), left_out, last)
    return {name: found[name] for name in settings.labels}


def wanted_models(settings: PredictSettings) -> list[str]:
    """Names of the models that compete for some label."""
    kinds = {label.kind for label in settings.labels.values()}
    return [name for kind in sorted(kinds) for name in settings.models[kind]]


def model_name(label: str) -> str:
    """The name under which the models of a label are registered."""
    return f"clarion-{label}"


def _labelled(scope: Scope, settings: PredictSettings, name: str) -> Labelled:
    label = settings.labels[name]
    fitted_with = (
        asdict(label), settings.values, settings.models[label.kind], settings.horizon_of(label),
        settings.cuts, settings.min_history_days, settings.max_fit_rows,
    )  # fmt: skip
    return Labelled(scope.as_of, name, label, settings, digest(fitted_with))


def _last_rows(scope: Scope) -> dict[str, Row]:
    """The last earlier row of each label."""
    latest = scope.latest_earlier(PREDICTION_MODELS)
    rows = latest[1].collect() if latest else []  # one row a label
    return {row["label"]: row.asDict(recursive=True) for row in rows}


def _still_serves(today: Labelled, row: Row) -> bool:
    age = (today.as_of - row["tried_on"]).days
    return (
        row["model_version"] is not None
        and row["settings_hash"] == today.settings_hash
        and age < today.settings.retrain_days
    )


def _load(scope: Scope, name: str, row: Row) -> Acting:
    pipeline = scope.tracking.load(model_name(name), row["model_version"])
    return Acting(pipeline, row["model"], row["model_version"], tuple(row["inputs"]))


def _set_version(
    scope: Scope, today: Labelled, row: Row | None, version: str
) -> tuple[Row, Acting | None]:
    """The version that the settings name, with the figures that were measured at its fit."""
    past = scope.earlier(PREDICTION_MODELS).where(
        (F.col("label") == today.name) & (F.col("model_version") == version)
    )
    found = past.orderBy("as_of").first()
    if found is None:
        text = f"predict.versions names version {version}, which has never scored {today.name}"
        scope.note(text)
        return today.without_model(text), None
    measured = found.asDict(recursive=True)
    text = f"predict.versions names version {version}, fitted as of {measured['fitted_on']}"
    scope.note(f"{today.name}: {text}")
    tried_on = row["tried_on"] if row else today.as_of
    set_row = today.continued(measured, state="set", reason=text, tried_on=tried_on)
    return set_row, _load(scope, today.name, set_row)


def _train(
    scope: Scope, settings: PredictSettings, left_out: Mapping[str, str], last: Mapping[str, Row]
) -> Models:
    """New models of some labels, or the reason why there are none."""
    cuts = past_cuts(scope, settings)
    if isinstance(cuts, NotComputable):
        return {
            name: _nothing(scope, settings, name, cuts.reason, last) for name in settings.labels
        }

    def inputs_without(at_cuts: Mapping[str, str]) -> dict[str, str]:
        return _inputs(scope, settings, {**at_cuts, **left_out})

    # The model in force is judged, too, whatever the settings name now.
    in_force = [row["model"] or "" for name, row in last.items() if name in settings.labels]
    reads = columns_read([*in_force, *wanted_models(settings)])
    examples = labelled_examples(scope, settings, cuts, inputs_without, reads=reads)
    counts = counts_by_role(examples, settings.labels)
    reasons = {
        name: _too_little(counts, name, label, settings) for name, label in settings.labels.items()
    }
    varying = varying_inputs(counts, examples.inputs)
    if not varying:
        reasons = dict.fromkeys(settings.labels, "all customers at the training cuts are alike")
    found = {
        name: _nothing(scope, settings, name, reason, last)
        for name, reason in reasons.items()
        if reason
    }
    labels = {name: label for name, label in settings.labels.items() if not reasons[name]}
    if labels:
        kinds = {name: label.kind for name, label in labels.items()}
        preparation = fitting.prepare(examples.rows.where(F.col("role") == TRAIN), varying)
        prepared = scope.persist(preparation.pipeline.transform(examples.rows))
        candidates = _candidates(scope, settings, labels, prepared, counts)
        fit = _Fit(examples, preparation, counts, fitting.scored_rows(prepared, candidates, kinds))
        for name in labels:
            found[name] = (
                _judged_model(scope, settings, name, candidates[name], fit, last)
                if candidates[name]
                else _nothing(scope, settings, name, "no model could be fitted", last)
            )
    return found


def _candidates(
    scope: Scope,
    settings: PredictSettings,
    labels: Mapping[str, Label],
    prepared: Any,
    counts: Mapping[str, Mapping[str, Any]],
) -> dict[str, list[Candidate]]:
    """The fitted models of each label, the simplest first."""
    wanted = [
        (name, label, model)
        for name, label in labels.items()
        for model in models_of(
            settings.models[label.kind], label.kind, where=f"predict.models.{label.kind}"
        )
    ]
    fitted = scope.run_concurrently(
        [
            partial(
                _fitted, prepared, name, label, model,
                positives=counts[TRAIN][f"sum_{name}"] / counts[TRAIN][f"n_{name}"],
                days=settings.horizon_of(label),
                seed=derive(scope.seed, "predict", name, model.name),
            )
            for name, label, model in wanted
        ]
    )  # fmt: skip
    by_label: dict[str, list[Candidate]] = {name: [] for name in labels}
    for (name, _, _), candidate in zip(wanted, fitted, strict=True):
        if isinstance(candidate, NotComputable):
            scope.note(f"{name}: {candidate.reason}")
        else:
            by_label[name].append(candidate)
    return by_label


def _fitted(*wanted: Any, **settings: Any) -> Candidate | NotComputable:
    """The result of `fit_candidate`, or why there is none."""
    try:
        return fitting.fit_candidate(*wanted, **settings)
    except NotFittedError as error:
        return NotComputable(f"{error.what}: {error.found}")


def _judged_model(
    scope: Scope,
    settings: PredictSettings,
    name: str,
    candidates: list[Candidate],
    fit: _Fit,
    last: Mapping[str, Row],
) -> tuple[Row, Acting | None]:
    """The new model of a label if it is better than what it would replace, else that."""
    today = _labelled(scope, settings, name)
    chosen = fitting.choose(fit.scores, name, today.label, candidates, fit.preparation)
    judged = fit.scores[(fit.scores["role"] == JUDGE) & fit.scores[f"{OF_LABEL}{name}"].notna()]
    if today.label.kind == "event":
        inputs = np.vstack(judged[FEATURES].tolist())
        by_name = dict(zip(fit.preparation.inputs, inputs.T, strict=True))
        gate.refuse_leak(name, chosen.outcome, chosen.predicted, by_name, limit=settings.leak_auc)
    champion = last.get(name)
    is_comparable = (
        champion is not None
        and champion["model_version"] is not None
        and set(champion["inputs"]) <= set(fit.examples.inputs)
        and champion["horizon_days"] == settings.horizon_of(today.label)
    )
    trained = fit.counts[TRAIN]
    verdict = gate.judge_challenger(
        today.label.kind,
        chosen.outcome,
        chosen.predicted,
        _champion_predictions(scope, name, champion, fit, judged["customer_id"])
        if champion and is_comparable
        else None,
        base_rate=trained[f"sum_{name}"] / trained[f"n_{name}"],
    )
    scope.note(_quality_note(name, chosen, verdict))
    version = _register(scope, today, chosen, fit, acts=verdict.acts)
    if verdict.acts:
        row = today.trained(
            chosen, fit.examples.cuts, version=version, inputs=fit.preparation.inputs,
            reason=verdict.reason,
        )  # fmt: skip
        acting = Acting(chosen.pipeline, chosen.model, version, fit.preparation.inputs)
        return row, acting
    if champion and is_comparable:
        row = today.continued(champion, state="kept", reason=verdict.reason, tried_on=scope.as_of)
        return row, _load(scope, name, row)
    return today.without_model(verdict.reason), None


def _champion_predictions(
    scope: Scope, name: str, champion: Row, fit: _Fit, customers: Any
) -> Array:
    """What the model in force predicts for the customers that judge, in their order."""
    acting = _load(scope, name, champion)
    rows = fit.examples.rows.where(
        (F.col("role") == JUDGE) & F.col(f"{OF_LABEL}{name}").isNotNull()
    ).drop("role", "cut")
    by_customer = (
        acting.pipeline.transform(rows)
        .select("customer_id", PREDICTED)
        .toPandas()  # bounded by predict.max_fit_rows
        .set_index("customer_id")[PREDICTED]
    )
    predicted: Array = by_customer.loc[list(customers)].to_numpy(dtype=np.float64)
    return predicted


def _nothing(
    scope: Scope, settings: PredictSettings, name: str, reason: str, last: Mapping[str, Row]
) -> tuple[Row, Acting | None]:
    """The model in force where no new one can be fitted; without one, the reason."""
    today = _labelled(scope, settings, name)
    row = last.get(name)
    if row is not None and row["model_version"] and row["settings_hash"] == today.settings_hash:
        text = f"no new model: {reason}"
        kept = today.continued(row, state="kept", reason=text, tried_on=row["tried_on"])
        return kept, _load(scope, name, kept)
    scope.note(f"{name} is not predicted: {reason}")
    return today.without_model(reason), None


def _inputs(scope: Scope, settings: PredictSettings, left_out: Mapping[str, str]) -> dict[str, str]:
    """SQL of the inputs that take part, by name; a note says which do not."""
    inputs, without = used_inputs(
        {name: (value, ()) for name, value in settings.values.items()},
        features(scope.config),
        left_out,
    )
    if without:
        scope.note(f"nothing is predicted from {listed(without)}")
    return inputs


def _too_little(
    counts: Mapping[str, Mapping[str, Any]], name: str, label: Label, settings: PredictSettings
) -> str | None:
    """Why the customers of the cuts are not enough to learn from; None if they are."""
    for role in (TRAIN, CHOOSE, CALIBRATE, JUDGE):
        of_role = counts.get(role, {})
        n, total = int(of_role.get(f"n_{name}") or 0), float(of_role.get(f"sum_{name}") or 0.0)
        least = settings.min_customers if role == TRAIN else settings.min_customers // 4
        if n < least:
            return f"{n} customers to {role} with, fewer than {least}"
        rarer = min(total, n - total) if label.kind == "event" else total
        if label.kind == "event" and rarer < settings.min_outcomes:
            return (
                f"{total:.0f} of {n} customers to {role} with have the outcome, and a model needs "
                f"{settings.min_outcomes} with and without it"
            )
        if label.kind == "amount" and total == 0.0:
            return f"none of {n} customers to {role} with has an amount"
    return None


def _quality_note(name: str, chosen: Chosen, verdict: gate.Verdict) -> str:
    quality = chosen.quality
    compared = ", ".join(f"{model} {figure:.3f}" for model, figure in chosen.compared.items())
    figures = f"on {quality.customers} customers"
    if quality.auc is not None:
        word = "AUC" if quality.accuracy or quality.pr_auc else "rank correlation"
        figures = f"{word} {quality.auc.value:.3f}, {figures}"
    if quality.is_lopsided and quality.pr_auc is not None:
        figures += f", base rate {quality.base_rate:.1%}: PR-AUC {quality.pr_auc:.3f}"
    return f"{name}: {figures}; {chosen.model} ({compared}); {verdict.reason}"


def _register(scope: Scope, today: Labelled, chosen: Chosen, fit: _Fit, *, acts: bool) -> str:
    """Record a fitted model with its card; returns its version."""
    quality = chosen.quality
    return scope.tracking.log(
        model_name(today.name),
        chosen.pipeline,
        params={
            "label": today.name,
            "model": chosen.model,
            "as_of": str(scope.as_of),
            "cuts": ",".join(str(day) for day in fit.examples.cuts.days),
            "history_days": fit.examples.cuts.history_days,
            "features": ",".join(fit.preparation.inputs),
            models.SETTINGS: today.settings_hash,
        },
        metrics={
            "base_rate": quality.base_rate,
            "loss": quality.loss,
            "base_loss": quality.base_loss,
            "customers": quality.customers,
            **({"auc": quality.auc.value} if quality.auc else {}),
        },
        fingerprint=digest(
            today.settings_hash, scope.seed, str(scope.as_of), fit.examples.fingerprint,
            sorted(fit.preparation.inputs),
        ),
        texts={"model_card.md": model_card(today, chosen, fit.examples.cuts, fit.preparation)},
        alias="champion" if acts else "challenger",
    )  # fmt: skip
