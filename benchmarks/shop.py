"""How long the files of a simulated shop take, and how large they are.

    python benchmarks/shop.py 10000 100000 300000
    python benchmarks/shop.py --alone 10000

A year of the beauty shop. Spark's workers share the customers, two at a time on two cores. With
`--alone` this process writes everything, and its processor time and memory are printed, too: they
hold on a machine that has other work.
"""

import resource
import shutil
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

from clarion.config import Config
from clarion.config.load import parse_yaml
from clarion.runtime.session import start
from clarion.sim import files
from clarion.sim.course import build_world
from clarion.sim.shop import parse_shop

DAYS = 365


def main() -> None:
    """Write shops of the sizes that were named, one after the other."""
    config = Config.load(environment="local")
    written = parse_shop(
        parse_yaml(config.text("shops/beauty.yml"), where="beauty"), where="beauty"
    )
    alone = "--alone" in sys.argv
    spark = None if alone else start(config)
    sizes = [word for word in sys.argv[1:] if word != "--alone"]
    for customers in map(int, sizes or ("10000",)):
        shop = written.model_copy(update={"customers": customers, "history_days": DAYS})
        last = shop.starts_on + timedelta(days=DAYS)
        folder = Path(tempfile.mkdtemp(prefix="shop-"))
        began, worked = time.monotonic(), time.process_time()
        delivered = files.deliver_history(
            build_world(shop, seed=7), str(folder / "inbox"), last=last, live_from=last, spark=spark
        )
        seconds = time.monotonic() - began
        size = sum(file.stat().st_size for file in folder.rglob("*.*") if file.is_file())
        records = sum(delivered.records.values())
        sys.stdout.write(
            f"{customers:,} customers: {seconds:.1f} s, {records:,} records, {size / 1e6:,.0f} MB, "
            f"{1e6 * seconds / (customers * DAYS):.1f} s per million customer-days\n"
        )
        if alone:
            memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
            sys.stdout.write(
                f"  {time.process_time() - worked:.1f} s of processor time, {memory:.2f} GB\n"
            )
        sys.stdout.flush()
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
