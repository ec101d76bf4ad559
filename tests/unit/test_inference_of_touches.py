"""Infer finds touches and exposures by their words, and takes neither for what they resemble."""

from pathlib import Path
from typing import Any

import pytest

from clarion.collect.sources.proposal import Proposal
from clarion.config import Config
from clarion.onboarding.new_shop import infer_mapping


def propose(folder: Path, header: str, *lines: str) -> Proposal:
    text = "".join(f"{line}\n" for line in (header, *lines))
    (folder / "a.csv").write_text(text, encoding="utf-8")
    return infer_mapping(Config.load(), str(folder / "a.csv"), kind=None)


@pytest.mark.parametrize(
    ("header", "channels", "types"),
    [
        ("touch_id,touched_at,user_id,device_id,channel,campaign,type,cost", ("search", "social"),
         ("impression", "click")),
        ("触点编号,触达时间,用户编号,设备编号,渠道,推广计划,类型,花费", ("搜索", "社交"), ("曝光", "点击")),
    ],
)  # fmt: skip
def test_contacts_with_channels_are_touches(
    tmp_path: Path, header: str, channels: tuple[str, str], types: tuple[str, str]
) -> None:
    lines = [
        f"t{n},2026-05-{n + 1:02d} 10:00:00,u{n % 4},d{n % 5},{channels[n % 2]},c{n % 3},{types[n % 2]},0.{n + 10}"
        for n in range(20)
    ]
    proposal = propose(tmp_path, header, *lines)
    assert proposal.kind == "touches"
    columns = proposal.body["columns"]
    assert tuple(columns) == (
        "touch_ref", "happened_at", "channel", "type", "customer_ref", "device_ref", "campaign_ref",
        "cost",
    )  # fmt: skip
    names = [one["from"] if isinstance(one, dict) else one for one in columns.values()]
    place = [names.index(name) for name in (_sql_name(name) for name in header.split(","))]
    assert place == [0, 1, 4, 5, 2, 6, 3, 7]
    assert "quarantined" not in proposal.text()
    assert "kind: it may be" not in proposal.text()


def _sql_name(name: str) -> str:
    return name if name.isascii() else f"`{name}`"


@pytest.mark.parametrize(
    "header",
    [
        "exposure_id,shown_at,user_id,device,slot,rank,item_type,item_id,model_version,probability,experiment,arm,clicked_at",
        "impression id,timestamp,member,cookie,placement,position,content type,content id,model,propensity,ab test,variant,click time",
        "曝光编号,曝光时间,用户编号,设备编号,推荐位,位次,物品类型,物品编号,模型版本,曝光概率,实验,实验组,点击时间",
    ],
)
def test_items_in_slots_are_exposures(tmp_path: Path, header: str) -> None:
    lines = [
        f"e{n},2026-05-{n + 1:02d} 10:00:00,u{n % 4},d{n % 5},start,{n % 3 + 1},product,p{n % 7},m1,0.{n + 10},"
        f"x,{'ab'[n % 2]},{'' if n % 3 else f'2026-05-{n + 1:02d} 10:01:00'}"
        for n in range(20)
    ]
    proposal = propose(tmp_path, header, *lines)
    assert proposal.kind == "exposures"
    assert tuple(proposal.body["columns"]) == (
        "exposure_ref", "happened_at", "slot", "rank", "item_type", "item_ref", "customer_ref",
        "device_ref", "model_version", "probability", "experiment", "arm", "clicked_at",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("probabilities", "proposed"),
    [
        (("0.125", "1", ".5"), "propensity"),
        (("0,125", "1", "0,00001"), {"from": "propensity", "as": "number", "decimal": ","}),
    ],
)
def test_a_propensity_keeps_its_digits(
    tmp_path: Path, probabilities: tuple[str, ...], proposed: Any
) -> None:
    lines = [
        f"e{n};2026-05-{n + 1:02d} 10:00:00;start;{n % 3 + 1};product;p{n % 7};{probabilities[n % 3]}"
        for n in range(20)
    ]
    header = "exposure id;shown at;slot;rank;item type;item id;propensity"
    assert propose(tmp_path, header, *lines).body["columns"]["probability"] == proposed


def test_reactions_to_messages_are_no_touches_though_some_are_views_and_clicks(
    tmp_path: Path,
) -> None:
    types = ("open", "click", "delivered", "unsubscribed")
    lines = [f"2026-05-0{n + 1} 10:00:00,mail,{types[n % 4]},u{n % 3}" for n in range(8)]
    assert propose(tmp_path, "at,channel,type,member", *lines).kind == "responses"


def test_what_was_spent_by_day_is_a_cost_and_an_action_on_a_page_is_an_event(
    tmp_path: Path,
) -> None:
    costs = [f"2026-05-{n + 1:02d},search,{n}.5,c1" for n in range(20)]
    assert propose(tmp_path, "day,channel,cost,campaign", *costs).kind == "costs"
    events = [
        f"e{n},2026-05-{n + 1:02d} 10:00:00,{('view', 'click')[n % 2]},u{n % 4},d{n % 5},p{n % 7},app"
        for n in range(20)
    ]
    names = "event_id,time,event_type,user_id,device,product_id,channel"
    assert propose(tmp_path, names, *events).kind == "events"
