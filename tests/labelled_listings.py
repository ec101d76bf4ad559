"""Pairs of real listings at two retailers of which it is known whether they are one product.

`labels/innerwear_listings.csv` names listings by the product number of their address, and holds
nothing else of the data. `label_from` says how a pair was decided: by equal style numbers, by an
address that holds the style number or says "plus size", or by reading titles, descriptions,
fabrics, colours and prices of both. No matcher proposed or decided a pair.
"""

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

LABELS = Path(__file__).parent / "labels" / "innerwear_listings.csv"
STYLE = r"'?\b[A-Z]{0,3}\d{4,}\w*\b'?"
LAST_NUMBER = r"\s\d[\dA-Z]*\d[A-Z]*$"  # of one brand at the end of titles: "9K7124", "461X", "113"
_KEYS = {
    "amazon": r"/dp/(\w{10})",
    "btemptd": r"-(\d{6})-p\.html",
    "calvinklein": r"-(\d{8})(?:-\d+)?$",
    "hankypanky": r"/([^/]+)\.html$",
    "macys": r"[?&]ID=(\d+)",
    "shop_nordstrom": r"/(\d+)$",
}


def read_labels() -> pd.DataFrame:
    """The labels: a and b (retailer/key), same (bool), label_from."""
    rows = pd.read_csv(LABELS, dtype=str)
    return pd.DataFrame(
        {
            "a": rows["retailer_a"] + "/" + rows["key_a"],
            "b": rows["retailer_b"] + "/" + rows["key_b"],
            "same": rows["same"] == "1",
            "label_from": rows["label_from"],
        }
    )


def products_of(labels: pd.DataFrame) -> dict[str, int]:
    """The number of the product that each labelled listing is of, by what is the same."""
    names, numbers = np.unique(labels[["a", "b"]].to_numpy(), return_inverse=True)
    pairs = numbers.reshape(-1, 2)[labels["same"].to_numpy()]
    ones = np.ones(len(pairs))
    graph = coo_matrix((ones, (pairs[:, 0], pairs[:, 1])), shape=(len(names), len(names)))
    _, products = connected_components(graph, directed=False)
    return dict(zip(names, products.tolist(), strict=True))


def read_listings(folder: Path, retailer: str) -> pd.DataFrame:
    """One row per product address of a retailer: listing, title, brand, price, mrp.

    No title holds a style number.
    """
    columns = ["product_name", "pdp_url", "brand_name", "price", "mrp"]
    rows = pd.read_parquet(folder / f"{retailer}_com.parquet", columns=columns)
    whole = retailer == "macys"  # its key is in the query
    address = rows["pdp_url"] if whole else rows["pdp_url"].str.split("?").str[0]
    key = address.str.extract(_KEYS[retailer])[0]
    if retailer == "hankypanky":  # the last part of its addresses is the title
        key = key.map(_short_hash, na_action="ignore")
    title = rows["product_name"].str.replace(STYLE, "", regex=True)
    title = title.str.replace(LAST_NUMBER, "", regex=True).str.strip()
    frame = pd.DataFrame(
        {
            "listing": retailer + "/" + key,
            "title": title,
            "brand": rows["brand_name"],
            "price": _amounts(rows["price"]),
            "mrp": _amounts(rows["mrp"]),
        }
    )
    return (
        frame.dropna(subset=["listing"])
        .groupby("listing", as_index=False)
        .agg(
            title=("title", lambda titles: titles.mode().iat[0]),
            brand=("brand", "first"),
            price=("price", "median"),
            mrp=("mrp", "median"),
        )
    )


def _short_hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _amounts(texts: pd.Series) -> pd.Series:
    return texts.astype(str).str.extract(r"(\d+(?:\.\d+)?)")[0].astype(float)
