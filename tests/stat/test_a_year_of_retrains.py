"""A shop whose customers change, grouped anew every month for a year: what the tables say against what was planted."""

import sys
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from sklearn.metrics import adjusted_rand_score
from worlds import Desk, planted, simulated

from clarion.config import Config
from clarion.config.load import parse_yaml
from clarion.sim.course import World
from clarion.sim.shop import parse_shop

CUSTOMERS, SEED, FIRST, MONTH = 800, 5, 180, 30


@dataclass(frozen=True, slots=True)
class Month:
    """One day's groups beside the truth.

    Args:
        day: days since the shop's start.
        members: a row for each customer: persona, gone (has left), group.
        lost: share of each group that its portrait calls lost.
        retired: groups that nothing goes on from.
    """

    day: int
    members: pd.DataFrame
    lost: dict[str, float]
    retired: list[str]

    @property
    def present(self) -> pd.DataFrame:
        return self.members[~self.members["gone"]]

    def home(self, persona: str) -> tuple[str, float]:
        """The group in which most of a persona stand, and the share of them; of those who are present, or of all where none is."""
        members = self.present[self.present["persona"] == persona]
        groups = (self.members[self.members["persona"] == persona] if members.empty else members)[
            "group"
        ]
        return str(groups.mode()[0]), float((groups == groups.mode()[0]).mean())

    def share(self, persona: str) -> tuple[float, float]:
        """Of those who are present: the share of a persona, and of the groups in which it is the commonest one."""
        commonest = self.present.groupby("group")["persona"].agg(
            lambda personas: personas.mode()[0]
        )
        return float((self.present["persona"] == persona).mean()), float(
            self.present["group"].map(commonest).eq(persona).mean()
        )

    def summary(self) -> str:
        homes = ", ".join(
            f"{persona} {len(some)} {'gone ' if some['gone'].all() else ''}in {self.home(persona)[0]} {self.home(persona)[1]:.0%}"
            for persona in ("bargain_hunters", "app_hunters", "premium")
            if len(some := self.members[self.members["persona"] == persona])
        )
        planted, grouped = self.share("regulars")
        rand, lost = (
            adjusted_rand_score(self.present["persona"], self.present["group"]),
            self.lost[self.home("premium")[0]],
        )
        shares = f"regulars planted {planted:.2f}, groups {grouped:.2f}; adjusted Rand {rand:.2f}; retired {self.retired}"
        return f"day {self.day}: {homes} (lost there {lost:.0%}); {shares}"


def _year(desk: Desk, world: World, *jobs: str) -> dict[int, Month]:
    """Jobs run month by month, and what the tables then say beside the truth."""
    ids = desk.read("silver.identities").select("customer_id", F.col("ref").alias("customer_ref"))
    months = {}
    for day in range(FIRST, world.shop.history_days + 1, MONTH):
        as_of = world.shop.starts_on + timedelta(days=day)
        desk.run(*jobs, as_of=as_of)
        customers = planted(world, last=day)
        has_changed = (customers["changed_day"] <= day).fillna(False).astype(bool)
        truth = customers.assign(
            persona=customers["later_persona"].where(has_changed, customers["persona"]),
            gone=customers["dropped"] | customers["left"],
        )
        people = desk.lake.spark.createDataFrame(truth[["customer_ref", "persona", "gone"]])
        known = people.join(ids, "customer_ref").select("customer_id", "persona", "gone")
        of_day = F.col("as_of") == F.lit(as_of)
        groups = (
            desk.read("gold.segment_members")
            .where(of_day)
            .select("customer_id", F.col("segment_id").alias("group"))
        )
        model = desk.read("gold.segment_models").where(of_day).first()
        assert model is not None
        portraits = (
            desk.read("gold.segments").where(of_day).select("segment_id", "life_cycles").collect()
        )
        lost = {row["segment_id"]: row["life_cycles"].get("lost", 0.0) for row in portraits}
        members = groups.join(known, "customer_id").toPandas()
        months[day] = Month(day, members, lost, list(model["retired"]))
    return months


@pytest.mark.slow
@pytest.mark.covers("P2")
def test_a_year_of_monthly_retrains_says_what_was_planted(
    spark: SparkSession, config: Config, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """From day 210 on occasional customers turn into regulars, on day 300 half of the bargain hunters into another sort, from day 390 on the premium ones leave."""
    shop = parse_shop(
        parse_yaml(config.text("shops/changing.yml"), where="changing"), where="changing"
    ).model_copy(update={"customers": CUSTOMERS})
    desk, world = simulated(
        spark, tmp_path, shop, seed=SEED, **{"segment.k": "8", "segment.retrain_days": "28"}
    )
    months = _year(desk, world, "profiles", "features", "train_segments", "segment")
    with capsys.disabled():
        sys.stdout.write("\n" + "\n".join(month.summary() for month in months.values()))

    # It grows: so do the groups that are mostly regulars, under the same name.
    planted, grouped = (
        months[540].share("regulars")[index] / months[180].share("regulars")[index]
        for index in (0, 1)
    )
    assert planted > 1.5
    assert grouped > 1.3
    assert months[540].home("regulars")[0] == months[180].home("regulars")[0]
    # It splits: where one group held most of them there are two, one under the old name, the other where hardly any of them stood.
    old, share = months[300].home("bargain_hunters")
    assert share > 0.5
    (stayed, of_stayed), (split, of_split) = (
        months[540].home("bargain_hunters"),
        months[540].home("app_hunters"),
    )
    assert min(of_stayed, of_split) > 0.5
    assert stayed != split
    assert old in (stayed, split)
    before = months[300].members[months[300].members["persona"] == "bargain_hunters"]["group"]
    assert (before == ({stayed, split} - {old}).pop()).mean() < 0.1
    # It vanishes: a year's rates keep them where they stood, and the group's portrait says that most of it is lost.
    assert months[390].lost[months[390].home("premium")[0]] < 0.3
    assert months[540].lost[months[540].home("premium")[0]] > 0.5
    # Flows add up: who stands in a group on a day came from somewhere.
    flows = desk.read("gold.segment_flows").toPandas()
    for month in list(months.values())[1:]:
        came = (
            flows[flows["as_of"] == shop.starts_on + timedelta(days=month.day)]
            .groupby("to_segment")["customers"]
            .sum()
            .drop("(none)", errors="ignore")
        )
        assert came.to_dict() == month.members["group"].value_counts().to_dict(), month.day
