"""From pairs to people: connected accounts, with a stop where a chain of errors would make a crowd one person."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

_ROUNDS = 30


def components(edges: DataFrame) -> DataFrame:
    """The connected components of a graph, each named by its smallest member.

    Alternates large and small stars (Kiveris et al. 2014, Connected Components in MapReduce and Beyond): the number of
    rounds grows with the logarithm of the longest chain, and no node ever gathers more than its neighbours.

    Args:
        edges: left_id, right_id.

    Returns:
        customer_id, component; one row per account that has an edge.
    """
    stars = (
        edges.select(
            F.greatest("left_id", "right_id").alias("node"),
            F.least("left_id", "right_id").alias("near"),
        )
        .distinct()
        .localCheckpoint()
    )
    for _ in range(_ROUNDS):
        further = _small_star(_large_star(stars)).localCheckpoint()
        settled = further.exceptAll(stars).isEmpty() and stars.exceptAll(further).isEmpty()
        stars = further
        if settled:
            break
    members = stars.select(F.col("node").alias("customer_id"), F.col("near").alias("component"))
    return members.unionByName(
        members.select(F.col("component").alias("customer_id"), "component")
    ).distinct()


def _large_star(edges: DataFrame) -> DataFrame:
    """Every node's larger neighbours are tied to its smallest one."""
    both = edges.select("node", "near").unionByName(
        edges.select(F.col("near").alias("node"), F.col("node").alias("near"))
    )
    gathered = both.groupBy("node").agg(F.collect_set("near").alias("all"))
    smallest = F.least(F.array_min("all"), F.col("node"))
    larger = F.filter("all", lambda item: item > F.col("node"))
    return (
        gathered.select(F.explode(larger).alias("larger"), smallest.alias("near"))
        .select(F.col("larger").alias("node"), "near")
        .distinct()
    )


def _small_star(edges: DataFrame) -> DataFrame:
    """Every node and its smaller neighbours are tied to the smallest of them."""
    gathered = (
        edges.groupBy("node")
        .agg(F.collect_set("near").alias("all"))
        .withColumn("smallest", F.array_min("all"))
    )
    tied = F.array_append(F.filter("all", lambda item: item != F.col("smallest")), F.col("node"))
    return gathered.select(
        F.explode(tied).alias("node"), F.col("smallest").alias("near")
    ).distinct()


def plausible(links: DataFrame, people: DataFrame, *, max_accounts: int) -> DataFrame:
    """The people whom links make, without those whom errors would make.

    A component is implausible with more than `max_accounts` accounts or with two identity numbers. Of such a one, only
    links in which at least two fields agree are kept; if it is implausible still, none.

    Args:
        links: joined links: left_id, right_id, agrees.
        people: rows of `known`.
        max_accounts: most accounts of one person.

    Returns:
        customer_id and component of every account that stays joined.
    """
    first = components(links)
    wrong = _implausible(first, people, max_accounts=max_accounts).localCheckpoint()
    if wrong.isEmpty():
        return first
    doubtful = links.join(
        wrong.select(F.col("customer_id").alias("left_id")), "left_id", "left_semi"
    )
    second = components(doubtful.where(F.size("agrees") >= 2))
    again = _implausible(second, people, max_accounts=max_accounts)
    apart = first.join(wrong, "customer_id", "left_anti")
    return apart.unionByName(second.join(again, "customer_id", "left_anti"))


def _implausible(members: DataFrame, people: DataFrame, *, max_accounts: int) -> DataFrame:
    """customer_id of the accounts in components that cannot be one person."""
    numbers = people.where("id_number IS NOT NULL").select("customer_id", "id_number")
    known = members.join(numbers, "customer_id", "left")
    odd = known.groupBy("component").agg(
        F.count("*").alias("accounts"), F.countDistinct("id_number").alias("numbers")
    )
    return members.join(
        odd.where((F.col("accounts") > max_accounts) | (F.col("numbers") > 1)),
        "component",
        "left_semi",
    ).select("customer_id")
