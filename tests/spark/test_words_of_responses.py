"""Words of other services for what became of a message and of a consent, from a mapping to consent."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession

from clarion.campaigns.measurement.transforms import outcomes
from clarion.collect.identity.consent import consenting_customers, withdrawals_by_response
from clarion.collect.identity.settings import ConsentSettings
from clarion.collect.sources.checks import check_mapping
from clarion.config import Config
from clarion.declarations.shop import parse_sources
from clarion.kernel.errors import ConfigError
from clarion.onboarding.new_shop import infer_mapping
from clarion.onboarding.trial import judge_records

Rows = Callable[..., DataFrame]
WORDS = (
    ("spamreport", "complained"), ("spam", "complained"), ("SpamComplaint", "complained"),
    ("Marked Email as Spam", "complained"), ("abuse", "complained"), ("投诉", "complained"),
    ("标记为垃圾邮件", "complained"), ("Complaint", "complained"),
    ("unsub", "unsubscribed"), ("group_unsubscribe", "unsubscribed"), ("opt-out", "unsubscribed"),
    ("STOP", "unsubscribed"), ("退订", "unsubscribed"), ("TD", "unsubscribed"),
    ("Unsubscribed from List", "unsubscribed"), ("unsubscribed", "unsubscribed"),
    ("bounce", "bounced"), ("hard_bounce", "bounced"), ("soft-bounce", "bounced"),
    ("dropped", "bounced"), ("undelivered", "bounced"), ("硬退信", "bounced"), ("发送失败", "bounced"),
    ("delivered", "delivered"), ("Delivery", "delivered"), ("已送达", "delivered"),
    ("processed", "sent"), ("deferred", "sent"), ("已发送", "sent"),
    ("unique_opened", "viewed"), ("read", "viewed"), ("已读", "viewed"), ("open", "viewed"),
    ("Click", "clicked"), ("已点击", "clicked"), ("ｃｌｉｃｋ", "clicked"),
)  # fmt: skip
BODY: dict[str, Any] = {
    "where": "/d/*.csv", "format": "csv", "time_zone": "UTC",
    "consent": {"basis": "declared", "purposes": ["analytics"]},
    "columns": {"message_ref": "message", "type": "event", "happened_at": "at"},
}  # fmt: skip
CONSENTS = BODY | {
    "columns": {"customer_ref": "message", "purpose": "'marketing'", "channel": "'*'",
                "granted": "event", "at": "at"},
}  # fmt: skip
BODIES = {"responses": BODY, "consents": CONSENTS}
RECORD = "raw map<string,string>, _file string, _file_hash string, _row bigint, _malformed string"


def judged(
    rows: Rows, config: Config, *words: str, kind: str = "responses", column: str = "type"
) -> dict[str, tuple[Any, list[str]]]:
    """What each word stands for in a column of a kind, and the rules that it fails."""
    (source,) = parse_sources(config, "m", {kind: BODIES[kind]})
    check_mapping(rows("a int", (1,)).sparkSession, source, ("message", "event", "at"))
    name = next(iter(source.columns))
    records = rows(
        RECORD,
        *(
            ({"message": f"r {word}", "event": word, "at": "2026-06-01 10:00:00"}, "f", "", n, None)
            for n, word in enumerate(words)
        ),
    )
    return {
        row[name].removeprefix("r "): (row[column], [reason["rule"] for reason in row["_reasons"]])
        for row in judge_records(records, config, source).collect()
    }


@pytest.mark.covers("Q2")
def test_words_for_what_happened_to_a_message_stand_for_one_type_each(
    rows: Rows, config: Config
) -> None:
    found = judged(rows, config, *(word for word, _ in WORDS))
    assert found == {word: (type_, []) for word, type_ in WORDS}


def test_a_word_that_nobody_declared_is_quarantined(rows: Rows, config: Config) -> None:
    found = judged(rows, config, "sang a song", "group_resubscribe", "7")
    assert {rule for _, failed in found.values() for rule in failed} == {"unknown_type"}


@pytest.mark.covers("C10")
def test_words_for_yes_and_no_grant_and_withdraw_and_no_other_does(
    rows: Rows, config: Config
) -> None:
    grants = ("true", "TRUE", "yes", "Y", "1", "opted-in", "subscribed", "同意", "是")
    withdraws = ("false", "No", "n", "0", "opted out", "Unsubscribed", "不同意", "否", "撤回")
    others = ("maybe", "pending", "2", "double opt-in sent")
    found = judged(rows, config, *grants, *withdraws, *others, kind="consents", column="granted")
    assert {word for word, (granted, _) in found.items() if granted is True} == set(grants)
    assert {word for word, (granted, _) in found.items() if granted is False} == set(withdraws)
    assert {word for word, (_, failed) in found.items() if failed == ["unreadable"]} == set(others)


@pytest.mark.covers("C10")
@pytest.mark.parametrize("words", [("spamreport", "hard_bounce"), ("退订", "已送达")])
def test_only_a_complaint_or_an_unsubscription_withdraws_consent(
    spark: SparkSession, rows: Rows, config: Config, words: tuple[str, str]
) -> None:
    types = judged(rows, config, *words)
    consents = rows(
        "customer_id string, purpose string, channel string, granted boolean, basis string",
        *((word, "marketing", "*", True, "declared") for word in words),
    ).selectExpr("*", "timestamp'2026-01-01' AS at", "timestamp'2026-01-01' AS arrived_at")
    responses = rows(
        "customer_id string, message_ref string, type string, channel string",
        *((word, word, type_, "mail") for word, (type_, _) in types.items()),
    ).selectExpr("*", "timestamp'2026-06-01' AS happened_at", "timestamp'2026-06-01' AS arrived_at")
    messages = rows("message_id string, customer_id string, channel string", ("x", "y", "z"))
    known = withdrawals_by_response(consents, responses, messages, config.section(ConsentSettings))
    channels = {
        row["customer_id"]: row["channels"]
        for row in consenting_customers(known, purpose="marketing").collect()
    }
    assert channels == {words[0]: {"*": True, "mail": False}, words[1]: {"*": True}}


@pytest.mark.covers("S2")
def test_a_message_that_bounced_was_not_delivered_unless_somebody_read_it(rows: Rows) -> None:
    messages = rows(
        "message_id string, customer_id string", *((f"m{n}", f"c{n}") for n in range(1, 5))
    )
    responses = rows(
        "message_ref string, type string",
        ("m1", "bounced"),
        ("m2", "delivered"),  # its server took it, and sent it back
        ("m2", "bounced"),
        ("m3", "bounced"),  # at the first of two addresses
        ("m3", "viewed"),
        ("m4", "sent"),
    ).selectExpr("*", "timestamp'2026-06-01 12:00:00' AS happened_at")
    lines = rows(
        "customer_id string, order_id string, product_id string, kind string, "
        "quantity decimal(18,4), amount decimal(18,4), happened_at timestamp"
    )
    found = outcomes(
        messages, responses, lines,
        sent_on=date(2026, 6, 1), window_days=7, conversion_days=7, time_zone="UTC",
    )  # fmt: skip
    delivered = {row["message_id"]: row["delivered"] for row in found.collect()}
    assert delivered == {"m1": False, "m2": False, "m3": True, "m4": False}


@pytest.mark.parametrize(
    ("header", "words"),
    [("message,type,at", ["delivered", "clicked", "unsubscribed"]),
     ("Message ID,Event,Timestamp", ["processed", "spamreport", "hard_bounce"]),
     ("消息编号,状态,时间", ["已送达", "退订", "投诉"])],
)  # fmt: skip
def test_infer_finds_responses_by_their_words(
    tmp_path: Path, header: str, words: list[str]
) -> None:
    lines = "".join(f"m{n},{word},2026-06-01 1{n}:00:00\n" for n, word in enumerate(words))
    (tmp_path / "r.csv").write_text(f"{header}\n{lines}", encoding="utf-8")
    proposal = infer_mapping(Config.load(), str(tmp_path / "r.csv"), kind=None)
    assert proposal.kind == "responses"
    assert set(proposal.body["columns"]) == {"message_ref", "type", "happened_at"}
    assert "quarantined" not in proposal.text()


def test_infer_names_the_words_of_responses_that_it_does_not_know(tmp_path: Path) -> None:
    lines = "".join(f"m{n},{word},2026-06-01\n" for n, word in enumerate(("spam", "sang")))
    (tmp_path / "r.csv").write_text(f"message id,event,at\n{lines}", encoding="utf-8")
    text = infer_mapping(Config.load(), str(tmp_path / "r.csv"), kind="responses").text()
    assert "type: no word of response_types in words.yml: sang" in text


@pytest.mark.parametrize(
    ("section", "message"),
    [("{bounce: [x]}", "a value that does not exist"), ("{sent: [spam], complained: [Spam]}", "two values")],
)  # fmt: skip
def test_a_word_for_no_value_or_for_two_is_refused(
    tmp_path: Path, section: str, message: str
) -> None:
    (tmp_path / "words.yml").write_text(f"response_types: {section}\n")
    with pytest.raises(ConfigError, match=message):
        parse_sources(Config.load(conf_dir=tmp_path), "m", {"responses": BODY})


def test_infer_finds_the_consents_of_a_shop(tmp_path: Path) -> None:
    lines = "c01,marketing,message,false,2026-05-20 09:00:00\nc02,marketing,*,true,2026-05-21 09:00:00\n"
    (tmp_path / "c.csv").write_text(f"member,purpose,channel,granted,at\n{lines}")
    proposal = infer_mapping(Config.load(), str(tmp_path / "c.csv"), kind=None)
    assert proposal.kind == "consents"
    assert proposal.body["columns"]["granted"] == "granted"
    assert "only resembles" not in proposal.text()
