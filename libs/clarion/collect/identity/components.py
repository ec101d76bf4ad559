"""From links to people: connected accounts, unless errors chain a crowd into one person."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

_MAX_ROUNDS = 30


def connected_components(links: DataFrame) -> DataFrame:
    """The connected components of a graph, each named by its smallest member.

    Alternates large and small stars (Kiveris et al. 2014, Connected Components in MapReduce and
    Beyond). The number of rounds grows with the logarithm of the longest chain, and no node ever
    gathers more than its neighbours.

    Args:
        links: left_id, right_id.

    Returns:
        customer_id, component; one row per account that has a link.
    """
    edges = links.select(
        F.greatest("left_id", "right_id").alias("node"),
        F.least("left_id", "right_id").alias("near"),
    )
    stars = edges.distinct().localCheckpoint()
    for _ in range(_MAX_ROUNDS):
        next_stars = _small_star(_large_star(stars)).localCheckpoint()
        is_stable = _are_equal(stars, next_stars)
        stars = next_stars
        if is_stable:
            break
    members = stars.select(F.col("node").alias("customer_id"), F.col("near").alias("component"))
    centres = members.select(F.col("component").alias("customer_id"), "component")
    return members.unionByName(centres).distinct()


def _are_equal(stars: DataFrame, next_stars: DataFrame) -> bool:
    """Whether two sets of edges are equal; the rows of each are distinct."""
    sides = F.sum("side").alias("sides")
    both = stars.withColumn("side", F.lit(1)).unionByName(next_stars.withColumn("side", F.lit(-1)))
    return both.groupBy("node", "near").agg(sides).where("sides != 0").isEmpty()


def _large_star(edges: DataFrame) -> DataFrame:
    """Connects each node's larger neighbours to its smallest one."""
    reverse = edges.select(F.col("near").alias("node"), F.col("node").alias("near"))
    neighbours = (
        edges.select("node", "near")
        .unionByName(reverse)
        .groupBy("node")
        .agg(F.collect_set("near").alias("all"))
    )
    smallest = F.least(F.array_min("all"), F.col("node"))
    larger = F.filter("all", lambda item: item > F.col("node"))
    return (
        neighbours.select(F.explode(larger).alias("larger"), smallest.alias("near"))
        .select(F.col("larger").alias("node"), "near")
        .distinct()
    )


def _small_star(edges: DataFrame) -> DataFrame:
    """Connects each node and its smaller neighbours to the smallest of them."""
    neighbours = (
        edges.groupBy("node")
        .agg(F.collect_set("near").alias("all"))
        .withColumn("smallest", F.array_min("all"))
    )
    others = F.filter("all", lambda item: item != F.col("smallest"))
    connected = F.explode(F.array_append(others, F.col("node")))
    return neighbours.select(connected.alias("node"), F.col("smallest").alias("near")).distinct()


def plausible_components(links: DataFrame, accounts: DataFrame, *, max_accounts: int) -> DataFrame:
    """The components that can be one person.

    A component is implausible with more than `max_accounts` accounts or with two identity
    numbers. Of such a component only links in which at least two fields agree are kept. If it is
    still implausible, no link is kept.

    Args:
        links: accepted links: left_id, right_id, agrees.
        accounts: rows of `comparable_accounts`.
        max_accounts: most accounts of one person.

    Returns:
        customer_id and component of every account that stays linked.
    """
    components = connected_components(links)
    implausible = _implausible_members(components, accounts, max_accounts=max_accounts)
    implausible = implausible.localCheckpoint()
    if implausible.isEmpty():
        return components
    doubtful = links.join(
        implausible.select(F.col("customer_id").alias("left_id")), "left_id", "left_semi"
    )
    stronger = connected_components(doubtful.where(F.size("agrees") >= 2))
    still_implausible = _implausible_members(stronger, accounts, max_accounts=max_accounts)
    plausible = components.join(implausible, "customer_id", "left_anti")
    return plausible.unionByName(stronger.join(still_implausible, "customer_id", "left_anti"))


def _implausible_members(
    components: DataFrame, accounts: DataFrame, *, max_accounts: int
) -> DataFrame:
    """customer_id of the accounts in components that cannot be one person."""
    numbers = accounts.where("id_number IS NOT NULL").select("customer_id", "id_number")
    sizes = (
        components.join(numbers, "customer_id", "left")
        .groupBy("component")
        .agg(F.count("*").alias("accounts"), F.countDistinct("id_number").alias("numbers"))
    )
    implausible = sizes.where((F.col("accounts") > max_accounts) | (F.col("numbers") > 1))
    return components.join(implausible, "component", "left_semi").select("customer_id")
