"""A shop whose customers change, grouped anew every month for a year: what the tables say against what was planted."""

import json
import sys
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from sklearn.metrics import adjusted_rand_score
from worlds import Desk, simulated

from clarion.config import Config
from clarion.config.load import parse_yaml
from clarion.segments.settings import SegmentSettings
from clarion.sim import people
from clarion.sim.behaviour import World
from clarion.sim.shop import parse

CUSTOMERS, SEED, FIRST, MONTH = 800, 7, 180, 30
# How somebody shopped in the last 90 days: what is compared by default looks back a year, and follows a change as slowly.
RECENT = {
    "activity": "log1p(30 * active_days_90d / greatest(least(tenure, 90), 7))",
    "browsing": "log1p(try_divide(views_90d, active_days_90d))",
    "cart": "sqrt((cart_adds_90d + 1.5) / (views_90d + 10))",
    "buying": "sqrt((orders_90d + 0.6) / (active_days_90d + 3))",
    "basket": "log1p((units_90d + 2) / (orders_90d + 1))",
    "unit": "log1p(try_divide(spend_90d, units_90d))",
    "discount": "sqrt((coalesce(discount_share, 0) * units_90d + 0.2) / (units_90d + 2))",
}


@dataclass(frozen=True, slots=True)
class Month:
    """One day's groups beside the truth.

    Args:
        day: days since the shop's start.
        members: a row for each customer: persona, gone (has left), group.
        retired: groups that nothing goes on from.
    """

    day: int
    members: pd.DataFrame
    retired: list[str]

    @property
    def present(self) -> pd.DataFrame:
        return self.members[~self.members["gone"]]

    def home(self, persona: str) -> tuple[str, float]:
        """The group in which most of a persona stand, and the share of them; of those who are present, or of all where none is."""
        mine = self.present[self.present["persona"] == persona]
        groups = (self.members[self.members["persona"] == persona] if mine.empty else mine)["group"]
        return str(groups.mode()[0]), float((groups == groups.mode()[0]).mean())

    def share(self, persona: str) -> tuple[float, float]:
        """Of those who are present: the share of a persona, and of the groups in which it is the commonest one."""
        commonest = self.present.groupby("group")["persona"].agg(lambda personas: personas.mode()[0])
        return float((self.present["persona"] == persona).mean()), float(self.present["group"].map(commonest).eq(persona).mean())

    def told(self) -> str:
        homes = ", ".join(
            f"{persona} {len(some)} {'gone ' if some['gone'].all() else ''}in {self.home(persona)[0]} {self.home(persona)[1]:.0%}"
            for persona in ("bargain_hunters", "app_hunters", "premium")
            if len(some := self.members[self.members["persona"] == persona])
        )
        planted, found = self.share("regulars")
        rand = adjusted_rand_score(self.present["persona"], self.present["group"])
        return f"day {self.day}: {homes}; regulars planted {planted:.2f}, groups {found:.2f}; adjusted Rand {rand:.2f}; retired {self.retired}"


def _year(desk: Desk, world: World, *jobs: str) -> dict[int, Month]:
    """Jobs run month by month, and what the tables then say beside the truth."""
    names = {place: persona.name for place, persona in enumerate(world.shop.personas)}
    ids = desk.read("silver.identities").select("customer_id", F.col("ref").alias("customer_ref"))
    months = {}
    for day in range(FIRST, world.shop.history_days + 1, MONTH):
        as_of = world.shop.starts_on + timedelta(days=day)
        desk.run(*jobs, as_of=as_of)
        customers = people.on_day(world.customers, world.shop, world.draws, day=F.lit(day))
        planted = customers.join(ids, "customer_ref").select("customer_id", "persona", (F.col("left_day") <= day).alias("gone"))
        of_day = F.col("as_of") == F.lit(as_of)
        groups = desk.read("gold.segment_members").where(of_day).select("customer_id", F.col("segment_id").alias("group"))
        model = desk.read("gold.segment_models").where(of_day).first()
        assert model is not None
        members = groups.join(planted, "customer_id").toPandas()
        months[day] = Month(day, members.assign(persona=members["persona"].map(names)), list(model["retired"]))
    return months


@pytest.mark.slow
@pytest.mark.covers("P2")
def test_a_year_of_monthly_retrains_says_what_was_planted(spark: SparkSession, config: Config, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """From day 210 on occasional customers turn into regulars, on day 300 half of the bargain hunters into another sort, from day 390 on the premium ones leave."""
    shop = parse(parse_yaml(config.text("shops/changing.yml"), where="changing"), where="changing").model_copy(update={"customers": CUSTOMERS})
    settings = {"segment.k": str(len(shop.personas)), "segment.retrain_days": "28"}
    desk, world = simulated(spark, tmp_path, shop, seed=SEED, **settings)
    year = _year(desk, world, "profiles", "features", "train_segments", "segment")
    flows = desk.read("gold.segment_flows").toPandas()
    # The same days again, grouped by the last 90 days: a day looks only at days before it, which are new by then.
    compared = {name: asdict(item) | {"value": RECENT[name]} for name, item in config.section(SegmentSettings).features.items()}
    desk.configure(**{"segment.features": json.dumps(compared)})
    recent = _year(desk, world, "train_segments", "segment")
    with capsys.disabled():
        for title, months in (("by a year", year), ("by 90 days", recent)):
            sys.stdout.write(f"\n{title}\n" + "\n".join(month.told() for month in months.values()))

    # It grows: so do the groups that are mostly regulars.
    for months in (year, recent):
        planted, found = (months[540].share("regulars")[place] / months[180].share("regulars")[place] for place in (0, 1))
        assert planted > 1.5
        assert found > 1.3
    # It splits: where one group held most of them there are two, of which one is new.
    old, share = year[300].home("bargain_hunters")
    assert share > 0.5
    (stayed, of_stayed), (split, of_split) = year[540].home("bargain_hunters"), year[540].home("app_hunters")
    assert min(of_stayed, of_split) > 0.5
    assert stayed != split
    assert len({stayed, split} - set(year[300].members["group"])) == 1
    assert old in (stayed, split)
    # It vanishes: by the last 90 days they stand among people who are not there any more, and no longer where they stood.
    last, share = recent[390].home("premium")
    assert share > 0.5
    gone, share = recent[540].home("premium")
    assert gone != last
    assert share > 0.6
    among = recent[540].members
    assert among[among["group"] == gone]["gone"].mean() > 0.9
    # Flows add up: who stands in a group on a day came from somewhere.
    for month in list(year.values())[1:]:
        came = flows[flows["as_of"] == shop.starts_on + timedelta(days=month.day)].groupby("to_segment")["customers"].sum().drop("(none)", errors="ignore")
        assert came.to_dict() == month.members["group"].value_counts().to_dict(), month.day
