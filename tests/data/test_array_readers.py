from __future__ import annotations

import gzip
import os
import struct

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from PIL import Image

from glassgrad.data import Arrays, Preprocessing, infer, infer_task, read
from glassgrad.errors import DataError, DTypeError, GlassgradError, ShapeError


def message(source: object, error: type[GlassgradError] = DataError, **options: object) -> str:
    with pytest.raises(error) as caught:
        read(source, **options)
    text = str(caught.value)
    assert 1 <= len(text.splitlines()) <= 3
    return text


def idx(array: np.ndarray) -> bytes:
    sizes = b"".join(struct.pack(">I", size) for size in array.shape)
    return bytes([0, 0, 8, array.ndim]) + sizes + array.astype(">u1").tobytes()


IMAGES = np.arange(3 * 4 * 5, dtype=np.uint8).reshape(3, 4, 5)
LABELS = np.array([2, 0, 1], dtype=np.uint8)


@pytest.fixture
def idx_folder(tmp_path):
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(IMAGES)))
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx(LABELS))
    (tmp_path / "t10k-images.idx3-ubyte").write_bytes(idx(IMAGES[:2] + 100))
    (tmp_path / "t10k-labels.idx1-ubyte.gz").write_bytes(gzip.compress(idx(LABELS[:2])))
    return tmp_path


def test_idx_folder_keeps_the_given_test_set(idx_folder):
    data = read(idx_folder)
    assert np.array_equal(data.X, IMAGES)
    assert np.array_equal(data.y, LABELS)
    assert np.array_equal(data.test.X, IMAGES[:2] + 100)
    assert np.array_equal(data.test.y, LABELS[:2])
    assert (data.kind, data.feature_shape, data.source) == ("images", (4, 5), idx_folder.name)


def test_one_idx_file_finds_its_labels(idx_folder):
    data = read(idx_folder / "train-images-idx3-ubyte.gz")
    assert np.array_equal(data.y, LABELS)
    (idx_folder / "train-labels-idx1-ubyte").unlink()
    assert read(idx_folder / "train-images-idx3-ubyte.gz").y is None


def test_damaged_idx_files(tmp_path):
    path = tmp_path / "train-images-idx3-ubyte"
    path.write_bytes(idx(IMAGES)[:-1])
    assert "promises an array of shape (3, 4, 5)" in message(path)
    path.write_bytes(bytes([0, 0, 8, 3]) + b"\xff" * 12)  # promises 2**96 bytes
    assert "holds 0 bytes" in message(path)
    path.write_bytes(idx(IMAGES) + b"x")
    assert "more bytes" in message(path)
    path.write_bytes(b"hello")
    assert "not an IDX file" in message(path)
    path.write_bytes(gzip.compress(idx(IMAGES))[:-9])
    assert "cannot be unzipped" in message(tmp_path)
    path.write_bytes(idx(LABELS))
    assert "labels, not images" in message(path)
    path.write_bytes(idx(IMAGES))
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx(LABELS[:2]))
    assert "one label for each image" in message(path, ShapeError)


def test_idx_folder_without_training_images(tmp_path):
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx(LABELS))
    assert "found 0" in message(tmp_path)


@pytest.mark.parametrize(
    ("features", "targets"), [("X", "y"), ("x", "target"), ("data", "labels"), ("images", "y")]
)
def test_npz_names(tmp_path, features, targets):
    path = tmp_path / "data.npz"
    np.savez(path, **{features: np.ones((3, 2)), targets: np.arange(3)})
    data = read(path)
    assert (data.X.shape, data.y.tolist(), data.kind) == ((3, 2), [0, 1, 2], "array")


def test_npz_with_a_test_set(tmp_path):
    path = tmp_path / "keras.npz"
    np.savez(path, x_train=IMAGES, y_train=LABELS, x_test=IMAGES[:1], y_test=LABELS[:1])
    data = read(path)
    assert (data.kind, data.test.height, data.test.y.tolist()) == ("images", 1, [2])


def test_npz_that_teaches(tmp_path):
    path = tmp_path / "data.npz"
    np.savez(path, foo=np.ones((3, 2)))
    text = message(path)
    assert "'foo'" in text
    assert "np.savez" in text
    np.savez(path, X=np.ones((3, 2)), labels=np.zeros(3))
    assert "Did you mean 'labels'" in message(path, target="label")
    np.savez(path, X=np.array([[object()]]))
    assert "Python objects" in message(path)
    np.savez(path, X=np.ones((3, 2)), y=np.ones(4))
    assert "one target for each row" in message(path, ShapeError)
    path.write_bytes(path.read_bytes()[:100])
    assert "cannot be read" in message(path)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_nan_and_infinity_in_arrays(tmp_path, bad):
    X = np.ones((20_000, 3), dtype=np.float32)
    X[17_000, 2] = bad
    np.save(tmp_path / "X.npy", X)
    text = message(tmp_path / "X.npy")
    assert "row 17000, column 2" in text
    y = np.ones(3)
    y[1] = bad
    np.savez(tmp_path / "d.npz", X=np.ones((3, 2)), y=y)
    assert "y holds" in message(tmp_path / "d.npz")


def test_npy(tmp_path):
    np.save(tmp_path / "X.npy", np.ones((4, 2)))
    assert read(tmp_path / "X.npy").y is None
    np.save(tmp_path / "X.npy", np.ones(4))
    assert "X[:, None]" in message(tmp_path / "X.npy", ShapeError)
    np.save(tmp_path / "X.npy", np.ones((0, 4)))
    assert "empty" in message(tmp_path / "X.npy")
    np.save(tmp_path / "X.npy", np.array([["a"]]))
    assert "texts" in message(tmp_path / "X.npy", DTypeError)
    (tmp_path / "X.npy").write_bytes(b"")
    assert "is empty" in message(tmp_path / "X.npy")


def picture(path, size=(5, 4), mode="L", value=7):
    path.parent.mkdir(exist_ok=True)
    Image.new(mode, size, value if mode == "L" else (value, 0, 0)).save(path)


def test_image_folder_with_classes(tmp_path):
    picture(tmp_path / "cat" / "a.png", value=1)
    picture(tmp_path / "cat" / "b.png", value=2)
    picture(tmp_path / "dog" / "a.png", value=3)
    data = read(tmp_path)
    assert data.X[:, 0, 0].tolist() == [1, 2, 3]
    assert (data.X.shape, data.X.dtype) == ((3, 4, 5), np.uint8)
    assert (data.class_names, data.y.tolist()) == (("cat", "dog"), [0, 0, 1])
    assert data.names == ("cat/a.png", "cat/b.png", "dog/a.png")
    assert data.take(np.array([2])).names == ("dog/a.png",)


def test_loose_and_coloured_images(tmp_path):
    picture(tmp_path / "a.png", value=9)
    picture(tmp_path / "b.jpg", mode="RGB")
    data = read(tmp_path)
    assert data.y is None
    assert data.X.shape == (2, 4, 5, 3)
    assert data.X[0].tolist() == np.full((4, 5, 3), 9).tolist()
    assert read(tmp_path / "a.png").X.shape == (1, 4, 5)


def test_bad_image_folders(tmp_path):
    assert "holds none" in message(tmp_path)
    picture(tmp_path / "cat" / "a.png")
    picture(tmp_path / "dog" / "b.png", size=(6, 4))
    text = message(tmp_path)
    assert "dog/b.png is 6×4" in text
    (tmp_path / "dog" / "b.png").write_bytes(b"\x89PNG\r\n\x1a\n rubbish")
    assert "dog/b.png cannot be read" in message(tmp_path)
    (tmp_path / "dog" / "b.png").unlink()
    assert "'dog'" in message(tmp_path)
    picture(tmp_path / "c.png")
    assert "loose" in message(tmp_path)
    Image.fromarray(np.zeros((4, 5), np.uint16)).save(tmp_path / "c.png")
    assert "8 bits" in message(tmp_path / "c.png")


PLAIN = {
    "town": ["Seoul", " Busan ", "?", None],
    "price": [1.5, None, 3.0, 4.0],
    "new": [True, False, True, None],
}


@pytest.mark.parametrize("library", [pd.DataFrame, pl.DataFrame, pl.LazyFrame, pa.table])
def test_data_frames(library):
    table = read(library(PLAIN))
    assert table.frame["town"].to_list() == ["Seoul", "Busan", None, None]
    assert table.parsed("price").to_list() == [1.5, None, 3.0, 4.0]
    assert table.columns == ["town", "price", "new"]
    assert table.numbers(2) == "row 3"


def test_pandas_categories_and_mixed_objects():
    frame = pd.DataFrame({"a": pd.Categorical(["x", "y"]), "b": ["1", 2.0]})
    table = read(frame)
    assert table.frame["a"].to_list() == ["x", "y"]
    assert table.frame["b"].to_list()[0] == "1"


def test_parquet(tmp_path):
    path = tmp_path / "data.parquet"
    pl.DataFrame(PLAIN).write_parquet(path)
    assert read(path).frame["town"].to_list() == ["Seoul", "Busan", None, None]
    assert "Did you mean 'price'" in message(path, target="prices")
    path.write_bytes(path.read_bytes()[:50])
    assert "cannot be read as Parquet" in message(path)
    path.write_bytes(b"")
    assert "empty" in message(path)


def test_unusable_frames():
    assert "no rows" in message(pl.DataFrame({"a": []}))
    assert "'a'" in message(pl.DataFrame({"a": [[1, 2]]}))
    assert "'int'" in message(3)


def test_names_of_columns_that_are_not_unique_texts():
    for twice in (pd.DataFrame([[1, 2]], columns=["a", "a"]), pa.table([[1], [2]], names=["a", "a"])):
        assert "'a' 2 times" in message(twice)
    assert "'1' 2 times" in message(pd.DataFrame([[1, 2]], columns=["1", 1]))
    numbered = pd.DataFrame([[1, 2], [3, 4]])
    assert read(numbered).columns == ["0", "1"]
    assert "Did you mean '1'" in message(numbered, target=1)


def test_objects_of_several_kinds_are_text():
    frame = pd.DataFrame({"mixed": [1, "a", 2.5, None], "huge": [1, "a", 10**40, 2]})
    assert read(frame).frame["mixed"].to_list() == ["1", "a", "2.5", None]


def test_durations_are_seconds(tmp_path):
    hours = pd.DataFrame({"t": pd.to_timedelta([1, 2.5, None], unit="h"), "y": ["a", "b", "a"]})
    path = tmp_path / "hours.parquet"
    hours.to_parquet(path)
    for table in (read(hours), read(path)):
        assert table.frame["t"].to_list() == [3600, 9000, None]
        assert "'t' holds durations: they are read as seconds" in table.notes[0]
        assert infer(table).kind("t") == "number"


def test_infer_takes_frames_and_refuses_arrays():
    assert infer(pd.DataFrame({"a": [1, 2], "b": ["x", "y"]}), "b").target == "b"
    with pytest.raises(DataError, match="is an array"):
        infer(Arrays(np.zeros((3, 2)), None, "three", "array"))


def test_text_under_the_name_of_a_numpy_file(tmp_path):
    for name in ("fake.npz", "fake.npy"):
        (tmp_path / name).write_text("a,b\n1,2\n")
        text = message(tmp_path / name)
        assert f"{name} is no {name[-3:].upper()} file" in text
        assert "pickle" not in text
        assert "Python objects" not in text


def test_what_is_no_regular_file(tmp_path):
    os.mkfifo(tmp_path / "pipe.csv")
    assert "no regular file" in message(tmp_path / "pipe.csv")
    assert "no regular file" in message("/dev/null")


def test_addresses_and_empty_paths():
    assert "glassgrad downloads nothing" in message("https://example.org/data.csv")
    assert "is empty" in message("")


def test_the_working_folder_has_a_name_and_its_tables_are_named(tmp_path, monkeypatch):
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    assert "The folder project" in message(".")
    (folder / "prices.csv").write_text("a,b\n1,2\n")
    text = message(".")
    assert "The folder project holds no images; it holds prices.csv" in text
    assert "Give the path of one file" in text


def test_targets_that_are_absent_are_asked_for_by_their_place(tmp_path, idx_folder):
    for path in idx_folder.glob("*labels*"):
        path.unlink()
    with pytest.raises(DataError, match="train-labels-idx1-ubyte"):
        infer_task(read(idx_folder))
    flat = tmp_path / "flat"
    flat.mkdir()
    picture(flat / "1.png")
    with pytest.raises(DataError, match="one sub-folder a class"):
        infer_task(read(flat))
    with pytest.raises(DataError, match="y beside X"):
        infer_task(Arrays(np.zeros((3, 2)), None, "three", "array"))


def test_hidden_files_are_passed_over_and_counted(tmp_path):
    folder = tmp_path / "pets"
    for value, name in enumerate(("cats", "dogs")):
        (folder / name).mkdir(parents=True)
        picture(folder / name / "1.png", value=value)
        (folder / name / "._1.png").write_bytes(b"\0\5\x16\7")
    (folder / ".hidden").mkdir()
    data = read(folder)
    assert data.names == ("cats/1.png", "dogs/1.png")
    assert data.notes == ("Passed over in the folder pets: 3 hidden entries, such as .hidden.",)
    fitted = Preprocessing.fit(data.take(np.arange(2)))
    assert fitted.notes == data.notes


def test_one_sub_folder_is_one_class(tmp_path):
    (tmp_path / "pets" / "cats").mkdir(parents=True)
    for value in (1, 2):
        picture(tmp_path / "pets" / "cats" / f"{value}.png", value=value)
    with pytest.raises(DataError, match="at least two sub-folders"):
        Preprocessing.fit(read(tmp_path / "pets"))


def test_complex_numbers_are_called_so(tmp_path):
    np.save(tmp_path / "X.npy", np.ones((2, 2), complex))
    text = message(tmp_path / "X.npy", DTypeError)
    assert "holds complex numbers (dtype complex128); expected real numbers" in text
