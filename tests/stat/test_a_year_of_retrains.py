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
    "cart": "log1p(100 * try_divide(cart_adds_90d, views_90d))",
    "buying": "log1p(100 * try_divide(orders_90d, active_days_90d))",
    "basket": "log1p(try_divide(units_90d, orders_90d))",
    "unit": "log1p(try_divide(spend_90d, units_90d))",
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


def _month(desk: Desk, world: World, names: list[str], day: int) -> Month:
    as_of = world.shop.starts_on + timedelta(days=day)
    desk.run("profiles", "features", "train_segments", "segment", as_of=as_of)
    customers = people.on_day(world.customers, world.shop, world.draws, day=F.lit(day))
    ids = desk.read("silver.identities").select("customer_id", F.col("ref").alias("customer_ref"))
    planted = customers.join(ids, "customer_ref").select("customer_id", "persona", (F.col("left_day") <= day).alias("gone"))
    of_day = F.col("as_of") == F.lit(as_of)
    groups = desk.read("gold.segment_members").where(of_day).select("customer_id", F.col("segment_id").alias("group"))
    model = desk.read("gold.segment_models").where(of_day).first()
    assert model is not None
    members = groups.join(planted, "customer_id").toPandas()
    return Month(day, members.assign(persona=members["persona"].map(dict(enumerate(names)))), list(model["retired"]))


@pytest.mark.slow
@pytest.mark.covers("P2")
def test_a_year_of_monthly_retrains_says_what_was_planted(spark: SparkSession, config: Config, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """From day 210 on occasional customers turn into regulars, on day 300 half of the bargain hunters into another sort, from day 390 on the premium ones leave."""
    shop = parse(parse_yaml(config.text("shops/changing.yml"), where="changing"), where="changing").model_copy(update={"customers": CUSTOMERS})
    compared = {name: asdict(item) | {"value": RECENT.get(name, item.value)} for name, item in config.section(SegmentSettings).features.items()}
    settings = {"segment.k": "8", "segment.retrain_days": "28", "segment.features": json.dumps(compared)}
    desk, world = simulated(spark, tmp_path, shop, seed=SEED, **settings)
    months = {}
    for day in range(FIRST, shop.history_days + 1, MONTH):
        months[day] = _month(desk, world, [persona.name for persona in shop.personas], day)
        with capsys.disabled():
            sys.stdout.write(f"\n{months[day].told()}")

    # It grows: so do the groups that are mostly regulars.
    planted, found = (months[540].share("regulars")[place] / months[180].share("regulars")[place] for place in (0, 1))
    assert planted > 1.5
    assert found > 1.5
    # It splits: ninety days on, the two sorts have a group each, and one of these is the old one, the other is new.
    old, share = months[300].home("bargain_hunters")
    assert share > 0.5
    (stayed, of_stayed), (split, of_split) = months[390].home("bargain_hunters"), months[390].home("app_hunters")
    assert of_stayed > 0.5
    assert of_split > 0.7
    assert stayed != split
    assert old in (stayed, split)
    known = set(months[300].members["group"])
    assert len({stayed, split} - known) == 1
    # It vanishes: nobody of them stands where they stood, but among people who are not there any more.
    last, share = months[390].home("premium")
    assert share > 0.5
    gone, share = months[540].home("premium")
    assert gone != last
    assert share > 0.6
    among = months[540].members
    assert among[among["group"] == gone]["gone"].mean() > 0.9
    assert len(among[(among["persona"] == "premium") & (among["group"] == last)]) < 0.1 * (among["persona"] == "premium").sum()
    # Flows add up: who stands in a group on a day came from somewhere.
    flows = desk.read("gold.segment_flows").toPandas()
    for earlier, later in zip(list(months.values()), list(months.values())[1:], strict=False):
        came = flows[flows["as_of"] == shop.starts_on + timedelta(days=later.day)].groupby("to_segment")["customers"].sum().drop("(none)", errors="ignore")
        assert came.to_dict() == later.members["group"].value_counts().to_dict(), earlier.day
