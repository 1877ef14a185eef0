from __future__ import annotations

import ast
import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glassgrad import philox
from glassgrad.errors import DTypeError, OptionError, ShapeError

WORD = st.integers(0, 2**32 - 1)
SEED = st.integers(0, 2**64 - 1)
ALL_ONES = 2**32 - 1


def scalar_philox(counter: tuple[int, ...], key: tuple[int, ...]) -> list[int]:
    """Philox4x32-10 once more, one integer at a time, from the paper's description."""
    c, k = list(counter), list(key)
    for r in range(10):
        if r:
            k = [(k[0] + 0x9E3779B9) & ALL_ONES, (k[1] + 0xBB67AE85) & ALL_ONES]
        hi0, lo0 = divmod(0xD2511F53 * c[0], 2**32)
        hi1, lo1 = divmod(0xCD9E8D57 * c[2], 2**32)
        c = [hi1 ^ c[1] ^ k[0], lo1, hi0 ^ c[3] ^ k[1], lo0]
    return c


KNOWN = [
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((ALL_ONES,) * 4, (ALL_ONES,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]


@pytest.mark.parametrize(("counter", "key", "expected"), KNOWN)
def test_published_known_answers(counter, key, expected):
    assert philox.philox4x32(counter, key).tolist() == list(expected)
    assert scalar_philox(counter, key) == list(expected)


@given(st.lists(st.tuples(WORD, WORD, WORD, WORD), min_size=0, max_size=8), st.tuples(WORD, WORD))
def test_agrees_with_the_scalar_implementation(counters, key):
    given_counters = np.array(counters, dtype=np.uint32).reshape(-1, 4)
    before = given_counters.copy()
    words = philox.philox4x32(given_counters, key)
    assert words.dtype == np.uint32
    assert words.tolist() == [scalar_philox(c, key) for c in counters]
    assert np.array_equal(given_counters, before), "the counters belong to the caller"


def test_any_leading_shape_and_many_chunks():
    counters = np.arange(3 * 7000 * 4, dtype=np.uint32).reshape(3, 7000, 4)
    words = philox.philox4x32(counters, (1, 2))
    assert words.shape == counters.shape
    for where in [(0, 0), (1, 1191), (1, 1192), (1, 1193), (2, 6999)]:
        assert words[where].tolist() == scalar_philox(tuple(counters[where].tolist()), (1, 2))


@given(SEED, WORD, WORD, WORD, st.integers(0, 40))
def test_the_counter_is_laid_out_as_documented(seed, node, step, row, element):
    words = philox.bits(seed, node=node, step=step, rows=np.array([row]), elements=element + 1)
    block = scalar_philox((element // 4, row, step, node), (seed % 2**32, seed // 2**32))
    assert int(words[0, element]) == block[element % 4]


@settings(max_examples=60)
@given(st.data(), SEED, WORD, WORD, st.integers(0, 9))
def test_the_numbers_do_not_depend_on_the_batch_split(data, seed, node, step, elements):
    rows = np.array(data.draw(st.lists(WORD, max_size=12)), dtype=np.int64)
    cut = data.draw(st.integers(0, len(rows)))
    for draw in (philox.bits, philox.uniform, philox.normal):
        whole = draw(seed, node=node, step=step, rows=rows, elements=elements)
        parts = [
            draw(seed, node=node, step=step, rows=r, elements=elements) for r in (rows[:cut], rows[cut:])
        ]
        assert whole.shape == (len(rows), elements)
        assert np.array_equal(whole, np.concatenate(parts))
        longer = draw(seed, node=node, step=step, rows=rows, elements=elements + 5)
        assert np.array_equal(longer[:, :elements], whole), "a longer row begins with the shorter one"


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_uniform_is_uniform(dtype):
    x = philox.uniform(3, node=5, step=1, rows=np.arange(2000), elements=100, dtype=dtype)
    n = x.size
    assert x.dtype == dtype
    assert x.min() >= 0.0
    assert x.max() < 1.0
    assert abs(x.mean() - 0.5) < 5 * np.sqrt(1 / 12 / n)
    assert abs(x.var() - 1 / 12) < 5 * np.sqrt(1 / 180 / n)
    counts = np.bincount((x.ravel() * 64).astype(int), minlength=64)
    chi_square = ((counts - n / 64) ** 2 / (n / 64)).sum()
    assert chi_square < 63 + 5 * np.sqrt(2 * 63)
    neighbours = np.corrcoef(x.ravel()[:-1], x.ravel()[1:])[0, 1]
    assert abs(neighbours) < 5 / np.sqrt(n)


def test_uniform_uses_the_upper_bits_exactly():
    where = {"node": 1, "step": 2, "rows": np.arange(6)}
    words = philox.bits(9, elements=6, **where)
    single = philox.uniform(9, elements=6, **where)
    assert np.array_equal(single.astype(np.float64) * 2**24, words >> 8)
    double = philox.uniform(9, elements=3, dtype=np.float64, **where)
    for row, k in itertools.product(range(6), range(3)):
        low, high = (int(word) for word in words[row, 2 * k : 2 * k + 2])
        assert double[row, k] == (((high << 32) | low) >> 11) / 2**53


def test_uniform_never_reaches_one_and_normal_stays_finite(monkeypatch):
    for word in (0, ALL_ONES):
        monkeypatch.setattr(
            philox,
            "bits",
            lambda seed, *, node, step, rows, elements, word=word: np.full((1, elements), word, np.uint32),
        )
        for dtype in (np.float32, np.float64):
            assert philox.uniform(0, node=0, step=0, rows=np.zeros(1, int), elements=4, dtype=dtype).max() < 1
            z = philox.normal(0, node=0, step=0, rows=np.zeros(1, int), elements=4, dtype=dtype)
            assert np.isfinite(z).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_normal_is_normal(dtype):
    z = philox.normal(4, node=0, step=0, rows=np.arange(1000), elements=201, dtype=dtype).astype(float)
    n = z.size
    assert z.shape == (1000, 201)
    assert abs(z.mean()) < 5 / np.sqrt(n)
    assert abs(z.var() - 1) < 5 * np.sqrt(2 / n)
    assert abs((z**3).mean()) < 5 * np.sqrt(15 / n)
    assert abs((z**4).mean() - 3) < 5 * np.sqrt(96 / n)
    assert abs(np.corrcoef(z[:, 0:200:2].ravel(), z[:, 1:200:2].ravel())[0, 1]) < 5 / np.sqrt(n / 2)
    for cut, share in [(1.0, 0.3173105), (2.0, 0.0455003), (3.0, 0.0026998)]:
        assert abs((abs(z) > cut).mean() - share) < 5 * np.sqrt(share / n)


def test_node_ranges_do_not_overlap_and_fit_a_word():
    ranges = [philox.GRAPH_NODES, philox.WEIGHT_NODES, philox.SHUFFLE_NODES]
    for a, b in itertools.combinations(ranges, 2):
        assert a.stop <= b.start or b.stop <= a.start
    assert all(r.start >= 0 and r.stop <= 2**32 for r in ranges)
    assert philox.EPOCH_STREAMS.stop <= philox.SPLIT_STREAMS.start
    assert philox.SPLIT_STREAMS.stop <= len(philox.SHUFFLE_NODES) * 2**32


def test_no_two_streams_are_equal():
    nodes = [
        r[i] for r in (philox.GRAPH_NODES, philox.WEIGHT_NODES, philox.SHUFFLE_NODES) for i in (0, 1, -1)
    ]
    blocks = [
        philox.bits(seed, node=node, step=step, rows=np.arange(3), elements=4)
        for seed in (0, 1, 2**32, 2**63)
        for node in nodes
        for step in (0, 1, ALL_ONES)
    ]
    words = np.concatenate(blocks).view("V16").ravel()
    assert len(np.unique(words)) == len(words)


def test_permutation_shuffles():
    for n in (0, 1, 2, 1000):
        order = philox.permutation(n, seed=1)
        assert order.dtype == np.int64
        assert np.array_equal(np.sort(order), np.arange(n))
    assert np.array_equal(philox.permutation(100, seed=1), philox.permutation(100, seed=1, stream=0))
    orders = {
        tuple(philox.permutation(20, seed=seed, stream=stream))
        for seed in range(5)
        for stream in (0, 1, 2, philox.EPOCH_STREAMS[-1], philox.SPLIT_STREAMS[0])
    }
    assert len(orders) == 25


def test_permutation_is_the_order_of_documented_keys():
    n, seed, stream = 9, 2**40 + 3, 2**32 + 7
    words: list[int] = []
    for block in range((2 * n + 3) // 4):
        words += scalar_philox((block, 0, 7, philox.SHUFFLE_NODES[1]), (3, 2**8))
    keys = [words[2 * i] + (words[2 * i + 1] << 32) for i in range(n)]
    assert philox.permutation(n, seed=seed, stream=stream).tolist() == sorted(range(n), key=keys.__getitem__)


def test_every_permutation_of_four_is_equally_likely():
    orders = [tuple(philox.permutation(4, seed=0, stream=s)) for s in range(4800)]
    counts = np.array([orders.count(p) for p in itertools.permutations(range(4))])
    assert ((counts - 200) ** 2 / 200).sum() < 23 + 5 * np.sqrt(2 * 23)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seed": -1}, r"seed must be at least 0 and below 2\*\*64; got -1"),
        ({"seed": 2**64}, "seed"),
        ({"seed": 1.5}, "seed must be an integer; got 1.5"),
        ({"node": 2**32}, r"node must be at least 0 and below 2\*\*32"),
        ({"step": 2**32}, r"step must be at least 0 and below 2\*\*32; got 4294967296"),
        ({"rows": np.array([0, 2**32])}, r"row must be at least 0 and below 2\*\*32; got 4294967296"),
        ({"rows": np.array([-1, 3])}, "row .* got -1"),
        ({"elements": -1}, "elements"),
    ],
)
def test_numbers_out_of_range_are_refused(change, message):
    arguments = {"seed": 0, "node": 0, "step": 0, "rows": np.arange(2), "elements": 1} | change
    with pytest.raises(OptionError, match=message):
        philox.bits(arguments.pop("seed"), **arguments)


def test_wrong_shapes_and_types_are_refused():
    with pytest.raises(ShapeError, match=r"\(n,\)"):
        philox.bits(0, node=0, step=0, rows=np.zeros((2, 2), int), elements=1)
    with pytest.raises(DTypeError, match="integers; got float64"):
        philox.bits(0, node=0, step=0, rows=np.zeros(2), elements=1)
    with pytest.raises(DTypeError, match="float32 or float64; got dtype int32"):
        philox.uniform(0, node=0, step=0, rows=np.arange(2), elements=1, dtype=np.int32)
    with pytest.raises(ShapeError, match=r"\(\.\.\., 4\)"):
        philox.philox4x32(np.zeros(3, np.uint32), (0, 0))
    with pytest.raises(ShapeError, match="key of two words"):
        philox.philox4x32(np.zeros(4, np.uint32), (0, 0, 0))
    with pytest.raises(OptionError, match="n must be"):
        philox.permutation(-1, seed=0)
    with pytest.raises(OptionError, match="stream must be"):
        philox.permutation(3, seed=0, stream=2**62)


def test_imports_numpy_only():
    tree = ast.parse(Path(philox.__file__).read_text(encoding="utf-8"))
    modules = {n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
    modules |= {name.name for n in ast.walk(tree) if isinstance(n, ast.Import) for name in n.names}
    assert modules == {"__future__", "typing", "numpy", "numpy.typing", "glassgrad.errors"}
