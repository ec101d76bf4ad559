"""Parts of the report that a lake has no rows for yet, and the command that fills each."""

from dataclasses import dataclass

from clarion.report.figures import Figures


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the report.

    Args:
        title: what the part shows.
        figure: the field of Figures that it needs.
        job: the job that writes its table.
        needs: what the shop has to have for it.
    """

    title: str
    figure: str
    job: str
    needs: str

    @property
    def command(self) -> str:
        """The command that fills the part, with everything before it."""
        return f"clarion run all --to {self.job}"


PARTS = (
    Part("Rows", "batches", "clean", "a source in shop.sources"),
    Part("Groups", "segments", "segment", "customers with orders or events"),
    Part("Products", "neighbours", "product_matrix", "a catalogue: a source of kind products"),
    Part("Live", "minutes", "monitor", "a source with mode: stream"),
    Part(
        "Predictions",
        "prediction_models",
        "predict",
        "two horizons and 90 days of orders (predict.min_history_days)",
    ),
    Part("Forecast", "forecasts", "forecast", "enough days of orders (forecast.min_days)"),
    Part("Market", "market_position", "market_position", "prices or promotions of competitors"),
    Part("Campaigns", "campaigns", "strategy", "groups, and consent to marketing"),
    Part(
        "The loop",
        "adjustments",
        "adjust",
        "campaigns that are strategy.window_days old, and responses to them",
    ),
    Part("Scorecard", "targets", "scorecard", "a run of the whole pipeline"),
)


def missing_parts(figures: Figures) -> list[Part]:
    """The parts without rows, in the order of the report."""
    return [part for part in PARTS if getattr(figures, part.figure).empty]
