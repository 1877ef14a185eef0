"""Read and encode a CSV file of a million rows: time and peak memory.

    python benchmarks/csv_reading.py [--rows 1000000] [--columns 20]

The file has as many columns of numbers with 17 digits as of categories, with one cell in fifty missing. It is
written first, in a process of its own, so that the peak is that of reading and encoding alone.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import tempfile
import time
from pathlib import Path

import numpy as np


def write(path: Path, rows: int, columns: int) -> None:
    import polars as pl

    rng = np.random.default_rng(0)
    made = {}
    for column in range(columns):
        if column % 2:
            values = pl.Series(rng.choice([f"town {i}" for i in range(2 * column)], rows))
        else:
            values = pl.Series(rng.normal(size=rows))
        made[f"column {column}"] = values.set(pl.Series(rng.random(rows) < 0.02), None)
    made["price"] = pl.Series(rng.normal(size=rows))
    pl.DataFrame(made).write_csv(path)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--rows", type=int, default=1_000_000)
    options.add_argument("--columns", type=int, default=20)
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "million.csv"
        writer = multiprocessing.get_context("spawn").Process(
            target=write, args=(path, chosen.rows, chosen.columns - 1)
        )
        writer.start()
        writer.join()
        print(f"{path.stat().st_size / 2**20:.0f} MiB on disk")
        measure(path)


def measure(path: Path) -> None:
    from glassgrad.data import Preprocessing, infer, read

    start = time.perf_counter()
    table = read(path)
    print(f"read       {time.perf_counter() - start:6.2f} s")
    schema = infer(table, "price")
    print(f"inferred   {time.perf_counter() - start:6.2f} s")
    fitted = Preprocessing.fit(table, schema, target="price")
    print(f"fitted     {time.perf_counter() - start:6.2f} s")
    features = fitted.transform(table)
    target = fitted.target(table)
    print(f"encoded    {time.perf_counter() - start:6.2f} s: {features.shape}, {target.shape}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"peak       {peak:6.2f} GiB")


if __name__ == "__main__":
    main()
