from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glassgrad.data import split_rows
from glassgrad.errors import DataError, OptionError

shares = st.sampled_from([0.0, 0.05, 0.1, 0.2, 0.4])


@settings(max_examples=150, deadline=None)
@given(
    n=st.integers(3, 200),
    validation=shares,
    test=shares,
    seed=st.integers(0, 2**31),
    classes=st.integers(0, 8),
)
def test_every_row_is_in_one_part(n, validation, test, seed, classes):
    labels = np.arange(n) * 7919 % classes if classes else None
    parts = split_rows(n, validation=validation, test=test, seed=seed, labels=labels)
    rows = np.concatenate([parts.train, parts.validation, parts.test])
    assert sorted(rows.tolist()) == list(range(n))
    assert len(parts.train) >= 1
    slack = 1 + (classes or 0)
    for part, share in ((parts.validation, validation), (parts.test, test)):
        assert (len(part) > 0) == (share > 0)
        assert abs(len(part) - n * share) <= slack
    again = split_rows(n, validation=validation, test=test, seed=seed, labels=labels)
    assert np.array_equal(again.train, parts.train)
    assert np.array_equal(again.test, parts.test)


@settings(max_examples=100, deadline=None)
@given(sizes=st.lists(st.integers(1, 40), min_size=2, max_size=6), seed=st.integers(0, 1000))
def test_rare_classes_are_in_every_part(sizes, seed):
    labels = np.repeat(np.arange(len(sizes)), sizes)
    if len(labels) < 3:
        return
    parts = split_rows(len(labels), validation=0.1, test=0.2, seed=seed, labels=labels)
    for label, size in enumerate(sizes):
        if size >= 3:
            for part in (parts.train, parts.validation, parts.test):
                assert label in labels[part]


def test_large_classes_keep_their_shares():
    labels = np.repeat([0, 1], [900, 100])
    parts = split_rows(1000, validation=0.1, test=0.2, seed=1, labels=labels)
    assert (labels[parts.test] == 1).sum() == 20
    assert (labels[parts.validation] == 1).sum() == 10


def test_seeds_differ():
    first, second = (split_rows(100, validation=0.1, test=0.2, seed=seed) for seed in (0, 1))
    assert not np.array_equal(first.test, second.test)


def test_too_few_rows_and_bad_shares():
    with pytest.raises(DataError, match="2 rows cannot be split into 3 parts"):
        split_rows(2, validation=0.1, test=0.2, seed=0)
    with pytest.raises(DataError, match="1 row cannot"):
        split_rows(1, validation=0.1, test=0.0, seed=0)
    with pytest.raises(OptionError, match="below 1"):
        split_rows(10, validation=1.0, test=0.0, seed=0)
    with pytest.raises(OptionError, match="no rows to train on"):
        split_rows(10, validation=0.5, test=0.5, seed=0)
    assert split_rows(1, validation=0.0, test=0.0, seed=0).train.tolist() == [0]
