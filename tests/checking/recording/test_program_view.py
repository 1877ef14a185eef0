"""What a program sees of values that record: their types, how they print, what other libraries make of them."""

from __future__ import annotations

import contextlib
import io
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from glassgrad.checking.programs import check_program
from glassgrad.checking.recording.run import Program
from glassgrad.checking.recording.traced import is_traced, plain

BEFORE = """
import numpy as np, math, random, json, copy, pickle, decimal, fractions, statistics, collections, functools, itertools
W = np.random.randn(3, 2)
v = W[0]
s = W[0, 0]
f = random.random()
h = np.float32(0.1) + np.zeros(2, np.float32)
k = 0
k -= f
m = np.asmatrix(W)
"""

SEEN = """
W
v, s, f, h, h[0]
[s, f, v]
{'a': s, 'b': [f]}
str(W), repr(v), str(s), repr(s), repr(f), str(f)
f'{s:.3f} {f:8.2e} {v} {s} {f!r} {s!r} {W[0]!r}'
'%.3f %s %r %d %g' % (s, f, s, s, f)
'{:>10.4f}|{}|{!r}'.format(s, v, f)
format(s, '.2f'), format(f, ''), format(W[1], '')
type(s), type(f), type(W), type(v[0]), type(h[0]), type(s * f), type(f * 2), type(W.sum()), type(m), type(k)
{np.float64: 'n', float: 'p', np.ndarray: 'a'}[type(f)]
type(W).__name__, type(s).__name__, type(f).__name__
isinstance(s, float), isinstance(f, float), isinstance(s, np.floating), isinstance(W, np.ndarray)
isinstance(m, np.matrix), isinstance(W, np.matrix), isinstance(f, (int, float)), np.isscalar(s), np.isscalar(f)
isinstance(f, np.generic), hasattr(f, 'shape'), hasattr(s, 'shape'), hasattr(f, 'sum'), hasattr(f, '__len__')
json.dumps([f, f * 2, float(s), s.item(), W.tolist()])
pickle.loads(pickle.dumps((W, s, f, h)))
copy.deepcopy([W, s, f]), copy.copy(W), copy.copy(s)
W.dtype, s.dtype, W.shape, W.ndim, W.size, W.nbytes, W.strides, s.shape, len(W), h.dtype, W.T.flags.f_contiguous
W > 0, s > 0, f > 0.5, (W > 0).any(), not s, bool(s), s == s, f == f, s != f, s is s
(W > 0).sum(), W.argmax(), np.argmax(W, axis=1), np.unravel_index(W.argmax(), W.shape), W.argsort(axis=None)
int(s * 10), float(s), round(s, 2), round(s), round(f, 3), round(f), complex(s), abs(s), abs(f), -f, +f, divmod(f, 0.1)
math.floor(s), math.ceil(f), math.exp(f), math.sqrt(s * s), math.isnan(s), math.log(f), math.erf(s), math.pi * f
math.hypot(s, f), math.atan2(s, f), math.pow(f, 2), math.fsum([s, f]), math.trunc(s), math.modf(f)
sum(v), max(v), min(v), sorted(v), sum([f, f]), max(f, 0.5), list(map(abs, v)), any(v > 0), all(v > 0)
[x for x in v], list(v), tuple(v), list(enumerate(v)), list(zip(v, W)), [row.sum() for row in W], list(reversed(v))
{x: i for i, x in enumerate(v)}, {f: 1}[f], set(W[0] > 0), {f > 0}, s in [s], s in v, [s, f].index(f), list(v).count(s), set([f, f])
hash(f) == hash(float(f)), hash(s) == hash(float(s))
np.array([s, f]), np.array([v, v]), np.array([[s], [f]]), np.array([s, 1]), np.array([f]).dtype, np.array(f), np.asarray(W) is W
np.array([v, [1.0]], dtype=object), np.array([W, v], dtype=object)[1], np.array([s, None])
np.float64(s), np.float32(s), np.float64(f), np.longdouble(s), np.float16(f), np.int64(s * 10), np.array(W, dtype=np.longdouble)
np.round(s, 2), np.sum([s, f]), np.mean([v, v]), np.exp([f, f]), np.maximum(s, f), np.add(f, f), np.sqrt(f), np.dot([f, f], [s, s])
0.5 * f, f / 3, 3 / f, f ** 2, 2 ** f, f ** 0.5, f // 0.1, f % 0.1, 1 - f, f - 1, s * f, f * s, np.float64(2) * f, h * f, h[0] * f
h * 0.5, (h * f).dtype, (h + s).dtype, (h * 2).dtype, h.sum(), h.mean(), h[0] * 2, h.astype(float) * s, (W * h).dtype
m * m.T, m[0], m[:, 0], m.A, m.A1, m.T, m.sum(0), m.mean(), m[0, 0], m.shape, m * 2, m.tolist(), m.I, m ** 1 if False else m
[type(x) for x in (m * 2, m[0], m.A, np.exp(m), np.multiply(m, m), m[0, 0], m.sum(1), m > 0, m.T, -m, m + W, np.vstack([m, m]))]
W.tolist(), W.item(1), v.item(0), W.flat[2], list(W.flat), W.ravel()[:2], W[W > 0], W[[0, 1]], W[..., 1], W[:, None].shape
np.array_str(W), np.array2string(v, precision=2), np.array_repr(v), np.shape(s), np.ndim(f), np.size(W), np.allclose(W, W)
np.array_equal(W, W), np.isclose(s, s), np.isfinite(W).all(), np.iscomplexobj(W), np.issubdtype(W.dtype, np.floating)
decimal.Decimal(f), fractions.Fraction(f), f.as_integer_ratio(), f.is_integer(), f.hex(), s.hex(), float.fromhex(f.hex())
statistics.mean([f, f]), functools.reduce(lambda a, b: a * b, v), list(itertools.accumulate(v)), collections.Counter([f])
[1, 2, 3][int(f)], list(range(int(f * 10))), 'x' * int(3 * f), [0] * int(f * 10), 'abc'[: int(f * 3)], [f] * 2, v.tolist() + [f]
np.random.permutation(4), np.random.choice([1, 2, 3]), random.choice([1, 2]), np.random.default_rng(3).random(2), random.gauss(0, 1)
np.random.RandomState(1).randn(2), np.random.Generator(np.random.PCG64(2)).integers(5), random.Random(4).random()
isinstance(np.random.default_rng(1), np.random.Generator), isinstance(np.random.RandomState(1), np.random.RandomState)
callable(np.exp), np.exp.__name__, np.add.reduce(W), np.add.outer(v, v), np.add.accumulate(v), np.multiply.reduce(v), np.sum.__name__
np.pi, np.e, np.inf, np.nan, np.newaxis, np.float64, np.ndarray, np.random.seed(3), np.random.rand(), np.linalg.norm(W), np.finfo(float).eps
np.vectorize(lambda x: 1 if x > 0 else 0)(W), np.vectorize(lambda x: type(x).__name__)(v), np.frompyfunc(abs, 1, 1)(v)
np.full(2, f), np.full((2, 2), s, dtype=np.float32), np.linspace(0, f, 3), np.arange(0, 1, f), np.zeros(int(f * 10))
np.where(W > 0), np.nonzero(v), np.unique(W.round(1), return_counts=True), np.histogram(v, 2), np.split(v, 2), np.meshgrid(v, v)
np.matrix([[1.0, 2.0]]), np.asmatrix(v), np.matrix('1 2; 3 4') * 2, np.bmat([[m], [m]]), np.asmatrix(m) is m, W.__class__.__name__, f.__class__, m.__class__
copy.deepcopy(np.exp) is np.exp, copy.deepcopy({'act': np.tanh})['act'](f), list(map(np.sqrt, [f, f])), {np.exp: 1}[np.exp]
"""  # noqa: E501


def printed(code: str) -> str:
    output = io.StringIO()
    np.random.seed(0)
    random.seed(0)
    with contextlib.redirect_stdout(output), np.errstate(all="ignore"), np.printoptions():
        exec(compile(code, "plain", "exec"), {"__name__": "__main__"})
    return output.getvalue()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("expression", SEEN.strip().splitlines())
def test_the_program_sees_what_it_would_see(expression: str, tmp_path: Path) -> None:
    code = BEFORE + f"print({expression})\n"
    file = tmp_path / "program.py"
    file.write_text(code)
    run = Program(file).execute()
    assert run.failure is None
    assert run.output == printed(code)


ERRORS = """
W.dot(np.ones(5)) | W + np.ones(5) | W @ np.ones((3, 1)) | W[7] | W['a'] | W.reshape(4, 4) | np.concatenate([W, v])
float(W) | int(v) | math.exp(W) | 1 / (f - f) | math.log(-f) | math.sqrt(-1 - f) | f.shape | f[0] | len(f) | s.foo
np.array([v, [1.0]]) | W.foo | np.foo | np.linalg.inv(W) | m * W | m[5]
f + 'a' | s + 'a' | W + None | [1, 2][f] | range(f)
(-f) ** 0.5 < 1 | v.astype('x') | np.zeros(f) | W.shape(3) | f() | W() | for_undefined | if_ | bool(W)
"""


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "expression", [e.strip() for line in ERRORS.strip().splitlines() for e in line.split(" | ")]
)
def test_errors_are_the_programs_own(expression: str, tmp_path: Path) -> None:
    code = BEFORE + f"x = {expression}\n"
    with pytest.raises(Exception) as expected:  # noqa: PT011
        printed(code)
    file = tmp_path / "program.py"
    file.write_text(code)
    failure = Program(file).execute().failure
    assert failure is not None
    assert failure.kind == type(expected.value).__name__
    assert failure.message == str(expected.value)
    assert failure.line == len(code.splitlines())


@pytest.mark.parametrize(
    "text",
    [
        "import pandas as pd\ndf = pd.DataFrame(W, columns=['a', 'b'])\nprint(df.describe())\nx = df.values.sum()\n",
        "import pandas as pd\nprint(pd.Series(v).mean())\nx = pd.Series([s, f]).sum()\n",
        "from sklearn.datasets import make_moons\nX, y = make_moons(20, random_state=0)\nx = X.sum()\n",
        "from sklearn.preprocessing import StandardScaler\nX = StandardScaler().fit_transform(W)\nx = X.sum()\n",
        "from sklearn.model_selection import train_test_split as t\na, b = t(W, random_state=1)\nx = a.sum()\n",
        "from sklearn.metrics import accuracy_score\nx = accuracy_score(W[:, 0] > 0, W[:, 1] > 0)\n",
        "from scipy import signal\nx = signal.convolve2d(W, W).sum()\n",
        "from scipy.special import expit\nx = expit(W).sum() + expit(f)\n",
        "import scipy.stats\nx = scipy.stats.norm.rvs(size=3, random_state=1).sum()\n",
        "import tempfile, os\nn = tempfile.mktemp('.npy')\nnp.save(n, W)\nx = np.load(n).sum()\nos.remove(n)\n",
        "import tempfile\nn = tempfile.mktemp('.txt')\nnp.savetxt(n, W)\nx = np.loadtxt(n).sum()\n",
        "import io, csv\nb = io.StringIO()\ncsv.writer(b).writerow(v)\nprint(b.getvalue())\nx = 0\n",
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_libraries_get_arrays(text: str, tmp_path: Path) -> None:
    code = BEFORE + text
    file = tmp_path / "program.py"
    file.write_text(code)
    names: dict[str, Any] = {"__name__": "__main__"}
    np.random.seed(0)
    random.seed(0)
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        exec(compile(code, "plain", "exec"), names)
    run = Program(file).execute()
    assert run.failure is None
    assert run.output == output.getvalue()
    assert float(plain(run.names["x"])) == float(names["x"])


def test_large_arrays_are_not_copied_unless_they_are_written(tmp_path: Path) -> None:
    file = tmp_path / "program.py"
    file.write_text(
        "import numpy as np\nX = np.zeros((4000, 4000))\nY = X.T\nZ = X[:10] + 1\nX = X.reshape(-1)\n"
    )
    run = Program(file).execute()
    leaf = run.tape.events[0]
    assert leaf.function is None
    assert np.shares_memory(leaf.value, plain(run.names["Y"]))
    assert np.shares_memory(leaf.value, plain(run.names["X"]))


def test_a_value_from_outside_is_kept_as_it_was_before_it_is_written(tmp_path: Path) -> None:
    file = tmp_path / "program.py"
    file.write_text("import numpy as np\nX = np.zeros(3)\nY = X[1:]\nY += 1\nnp.random.shuffle(X)\n")
    run = Program(file).execute()
    assert run.tape.events[0].value.tolist() == [0, 0, 0]
    assert sorted(plain(run.names["X"]).tolist()) == [0, 1, 1]


@pytest.mark.parametrize("rest", ["", ", axis=1", ", axis=0"])
def test_a_shuffle_of_numpys_and_of_lists(rest: str, tmp_path: Path) -> None:
    code = "import numpy as np, random\nW = np.arange(12.0).reshape(3, 4)\nrng = np.random.default_rng(2)\n"
    code += f"rng.shuffle(W{rest})\npairs = [(1, W[0, 0]), (2, 3.0), (3, 0)]\nnp.random.shuffle(pairs)\n"
    code += "random.shuffle(pairs)\nrng.shuffle(pairs)\nrandom.shuffle(W[0])\nprint(W, pairs)\n"
    file = tmp_path / "program.py"
    file.write_text(code)
    assert Program(file).execute().output == printed(code)


def test_a_function_of_the_programs_own_may_have_the_name_of_a_type(tmp_path: Path) -> None:
    file = tmp_path / "program.py"
    file.write_text("import numpy as np\nw = np.ones(3)\ndef float(x): return x * 2\nu = float(w)\n")
    names = Program(file).execute().names
    assert is_traced(names["u"])
    assert names["u"].tolist() == [2, 2, 2]


STEPS = """
W = W - 0.1 * g
W -= 0.1 * g
W[:] = W - 0.1 * g
W[0] -= 0.1 * g[0]; W[1] -= 0.1 * g[1]
W.flat[0] -= 0.1 * g[0]; W.flat[1] -= 0.1 * g[1]
np.subtract(W, 0.1 * g, out=W)
np.subtract(W, 0.1 * g, W)
np.subtract.at(W, [0, 1], 0.1 * g)
np.add.at(W, [0, 1], -0.1 * g)
np.copyto(W, W - 0.1 * g)
np.put(W, [0, 1], W - 0.1 * g)
np.putmask(W, [True, True], W - 0.1 * g)
W = np.array(W - 0.1 * g)
W = np.float64(W - 0.1 * g)
W = np.float32(W - 0.1 * g)
W = (W - 0.1 * g).astype(np.float32)
W = np.asarray(W - 0.1 * g, dtype=float)
"""


@pytest.mark.parametrize("update", STEPS.strip().splitlines())
def test_ways_to_update_are_seen(update: str, tmp_path: Path) -> None:
    file = tmp_path / "program.py"
    file.write_text(
        "import numpy as np\nX = np.array([[0.1, 0.4], [0.5, -0.2], [0.3, 0.9]])\ny = np.array([0.2, 0.1, 0.7])\n"
        f"W = np.array([0.3, -0.8])\nfor i in range(20):\n    e = X.dot(W) - y\n    g = X.T.dot(e)\n    {update}\n"
    )
    run = Program(file).execute()
    assert run.failure is None
    assert run.tape.ended == "steps"
    assert check_program(file).verdict == "right"


def test_values_live_on_after_the_program(tmp_path: Path) -> None:
    file = tmp_path / "program.py"
    file.write_text(BEFORE)
    names = Program(file).execute().names
    assert is_traced(names["W"])
    assert (names["W"] * 2).sum() == plain(names["W"]).sum() * 2
    assert names["f"] + names["s"] == plain(names["f"]) + plain(names["s"])


def test_nothing_crashes_when_the_interpreter_ends(tmp_path: Path) -> None:
    file = tmp_path / "program.py"
    file.write_text(
        BEFORE + "big = [np.float64(1.5) * f for i in range(1000)]\nx = [s * i for i in range(1000)]\n"
    )
    code = "import sys, pathlib\nfrom glassgrad.checking.recording.run import Program\n"
    code += "runs = [Program(pathlib.Path(sys.argv[1])).execute(numbers=bool(i % 2)) for i in range(6)]\n"
    ended = subprocess.run(
        [sys.executable, "-c", code, str(file)], check=False, capture_output=True, text=True
    )
    assert ended.returncode == 0, ended.stderr
