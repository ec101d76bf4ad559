"""What a person should know of a model before using it."""

from clarion.prediction.outcomes.cuts import Cuts
from clarion.prediction.outcomes.fitting import Chosen, Preparation
from clarion.prediction.outcomes.rows import Labelled


def model_card(today: Labelled, chosen: Chosen, cuts: Cuts, preparation: Preparation) -> str:
    """The model card: what it predicts, for whom, from what, and how good it is. Markdown."""
    label, quality = today.label, chosen.quality
    compared = "\n".join(f"| {name} | {figure:.4g} |" for name, figure in chosen.compared.items())
    deciles = "\n".join(
        f"| {item.predicted:.4g} | {item.observed:.4g} | {item.customers} |"
        for item in quality.calibration
    )
    days = ", ".join(str(day) for day in cuts.days)
    return f"""# {label.en}: {chosen.model}

- **Predicts**: `{label.outcome}` within {today.settings.horizon_of(label)} days, of customers with
  `{label.population}`.
- **From**: {", ".join(preparation.inputs)}; what is unknown counts as the median.
- **Fitted** as of {today.as_of} on the cuts {days}. The last one judged it and nothing else. The
  oldest cut had {cuts.history_days} days of history.
- **Quality** on {quality.customers} customers: loss {quality.loss:.4g} against
  {quality.base_loss:.4g} of the base rate ({quality.base_rate:.4g}).
- **Not for**: prices. List prices depend on no person.

| model | figure it was chosen by |
|---|---|
{compared}

| predicted | observed | customers |
|---|---|---|
{deciles}
"""
