"""Programs that do not run, or train nothing: what is said, of which line, and how to mend it."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path

import numpy as np
import pytest

from glassgrad.checking.programs import check_program
from glassgrad.checking.recording.run import Program
from glassgrad.errors import CheckError

TRAINS = """
import numpy as np
X = np.array([[0.1, 0.4], [0.5, -0.2], [0.3, 0.9]])
y = np.array([[0.2], [0.1], [0.7]])
W = np.random.randn(2, 1)
def step():
    global W
    e = X.dot(W) - y
    W = W - 0.1 * X.T.dot(e)
"""


def said(tmp_path: Path, text: str, *, run: str | None = None) -> str:
    file = tmp_path / "net.py"
    file.write_text(text)
    with pytest.raises(CheckError) as caught:
        check_program(file, run=run)
    message = str(caught.value)
    assert 1 <= len(message.splitlines()) <= 3, message
    return message


def verdict(tmp_path: Path, text: str, *, run: str | None = None, name: str = "net.py") -> str:
    file = tmp_path / name
    file.write_text(text)
    return check_program(file, run=run).verdict


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(CheckError, match=r"Cannot read .*net\.py: No such file"):
        check_program(tmp_path / "net.py")


def test_a_folder(tmp_path: Path) -> None:
    with pytest.raises(CheckError, match="Is a directory"):
        check_program(tmp_path)


@pytest.mark.parametrize("content", [b"\x93NUMPY\x01\x00\xff\xfe", b"x = 1\x00"])
def test_what_is_no_text(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "net.py"
    file.write_bytes(content)
    with pytest.raises(CheckError, match=r"is no text|null bytes"):
        check_program(file)


def test_an_empty_file(tmp_path: Path) -> None:
    assert "has no Python code" in said(tmp_path, "# nothing yet\n")


def test_an_old_encoding_is_read(tmp_path: Path) -> None:
    file = tmp_path / "net.py"
    file.write_bytes(
        ("# -*- coding: latin-1 -*-\n# für später\n" + TRAINS + "while True: step()\n").encode("latin-1")
    )
    assert check_program(file).verdict == "right"


@pytest.mark.parametrize(
    ("line", "advice"),
    [
        ("print 'loss', 3", "print is a function"),
        ("print x", "print is a function"),
        ("print", None),
        ("exec 'x = 1'", "exec is a function"),
        ("raise ValueError, 'no'", "raise Error(message)"),
        ("try: pass\nexcept ValueError, e: pass", "except Error as name"),
        ("if 1 <> 2: pass", "<> is !="),
        ("x = 10L", "no L at its end"),
        ("x = 0777", "0o"),
        ("for i in range(3) print(i)", "Mend the line"),
        ("if True:\n        x = 1\n\ty = 2", "tabs or spaces"),
    ],
)
def test_a_line_that_is_no_python_3(tmp_path: Path, line: str, advice: str | None) -> None:
    if advice is None:
        assert "ran, but nothing" in said(tmp_path, line)
        return
    message = said(tmp_path, "import numpy as np\n" + line + "\n")
    assert "is no Python 3" in message
    assert advice in message
    assert f"line {1 + len(line.splitlines())}" in message


@pytest.mark.parametrize(
    ("line", "error", "advice"),
    [
        ("for i in xrange(3): pass", "NameError", "range(...)"),
        ("n = raw_input('epochs? ')", "NameError", "input()"),
        ("d = {}; d.has_key('W')", "AttributeError", "key in d"),
        ("for k, v in {}.iteritems(): pass", "AttributeError", ".items()"),
        ("x = reduce(lambda a, b: a + b, [1, 2])", "NameError", "functools.reduce"),
        ("import cPickle", "ModuleNotFoundError", "pickle"),
        ("from itertools import izip", "ImportError", "zip(...)"),
        ("n = 5\nfor i in range(n / 2): pass", "TypeError", "//"),
        ("w = np.zeros(6 / 2)", "TypeError", "//"),
        ("a = np.zeros(4); a[4 / 2]", "IndexError", "//"),
        ("x = [1, 2, 3][1 / 1]", "TypeError", "//"),
        ("d = {'a': 1}; d.keys()[0]", "TypeError", "list(...)"),
        ("z = zip([1], [2]); z[0]", "TypeError", "list(...)"),
        ("len(map(float, [1]))", "TypeError", "list(...)"),
        ("d = {}; d.keys().sort()", "AttributeError", "list(...)"),
        ("import time; time.clock()", "AttributeError", "perf_counter"),
        ("w = np.zeros(3, dtype=np.float)", "AttributeError", "write float"),
        ("y = np.zeros(3).astype(np.int)", "AttributeError", "write int"),
        ("m = np.mat([[1.0]])", "AttributeError", "np.asmatrix"),
        ("p = np.product([1, 2])", "AttributeError", "np.prod"),
        ("p = np.alltrue([True])", "AttributeError", "np.all"),
        ("x = np.Inf", "AttributeError", "np.inf"),
        ("x = np.float_(3)", "AttributeError", "np.float64"),
        ("x = float(np.array([1.0]))", "TypeError", "a.item()"),
        ("import math; x = math.exp(np.random.randn(1))", "TypeError", "a.item()"),
        ("w = np.array([np.ones((2, 3)), np.ones((3, 1))])", "ValueError", "dtype=object"),
        ("w = np.zeros(3); w[0] = np.array([1.0])", "ValueError", "a[i] = b.item()"),
        ("w = np.array([1, 2, 3]); w -= 0.5 * w", "UFuncTypeError", "dtype=float"),
        ("from sklearn.datasets import load_boston", "ImportError", "load_diabetes"),
        ("import torchnothere", "ModuleNotFoundError", "Install torchnothere"),
        ("data = open('train.csv').read()", "FileNotFoundError", "folder of the program"),
        ("data = np.loadtxt('train.csv')", "FileNotFoundError", "folder of the program"),
        ("import sys; n = int(sys.argv[1])", "IndexError", "wants arguments"),
        ("n = int(input('epochs: '))", "ValueError", "waits for something to be typed"),
        ("def f(n):\n    return f(n + 1)\nf(0)", "RecursionError", "without end"),
        ("w = np.ones((10**6, 10**7))", "MemoryError", "too large"),
        ("w = math.sqrt(2)", "NameError", "An import is missing: math"),
        ("raise OSError('disk')", "OSError", None),
        ("x = [0.1][3]", "IndexError", None),
    ],
)
def test_an_error_of_the_programs_own(tmp_path: Path, line: str, error: str, advice: str | None) -> None:
    message = said(tmp_path, "import numpy as np\n" + line + "\n")
    assert "an error of its own" in message
    assert error in message
    number = 1 + len(line.splitlines()) - (error == "RecursionError")
    assert f"line {number}:" in message
    assert line.splitlines()[number - 2].strip() in message
    if advice is not None:
        assert advice in message
    else:
        assert len(message.splitlines()) == 2


def test_an_error_in_a_module_beside_the_program(tmp_path: Path) -> None:
    (tmp_path / "layers.py").write_text(
        "import numpy as np\n\ndef init():\n    return np.zeros(3, np.float)\n"
    )
    message = said(tmp_path, "from layers import init\nw = init()\n")
    assert "layers.py stops" in message
    assert "line 4" in message
    assert "write float" in message


def test_an_error_after_enough_steps_is_no_matter(tmp_path: Path) -> None:
    assert verdict(tmp_path, TRAINS + "for i in range(3): step()\nprint(undefined)\n") == "right"


@pytest.mark.parametrize("ending", ["sys.exit()", "sys.exit(0)", "exit()", "quit()"])
def test_a_program_that_leaves_without_training(tmp_path: Path, ending: str) -> None:
    assert "nothing in it was updated" in said(tmp_path, f"import sys\n{ending}\n")


def test_a_program_that_gives_up(tmp_path: Path) -> None:
    message = said(tmp_path, "import sys\nif len(sys.argv) < 2:\n    sys.exit('usage: net.py EPOCHS')\n")
    assert "usage: net.py EPOCHS" in message
    assert "line 3" in message
    assert "--run" in message


def test_required_arguments(tmp_path: Path) -> None:
    text = "import argparse\np = argparse.ArgumentParser()\np.add_argument('epochs')\na = p.parse_args()\n"
    message = said(tmp_path, text)
    assert "arguments are required" in message
    assert "line 4" in message
    assert "default=" in message


def test_arguments_with_defaults(tmp_path: Path) -> None:
    text = "import argparse\np = argparse.ArgumentParser()\np.add_argument('--epochs', type=int, default=9)\n"
    text += TRAINS + "for i in range(p.parse_args().epochs): step()\n"
    assert verdict(tmp_path, text) == "right"


def test_a_program_that_never_trains(tmp_path: Path) -> None:
    assert "--run 'train(X, y)'" in said(tmp_path, "import numpy as np\nw = np.ones(3)\nprint(w.sum())\n")


def test_the_expression_that_trains(tmp_path: Path) -> None:
    assert verdict(tmp_path, TRAINS, run="[step() for i in range(3)]") == "right"


def test_an_expression_that_fails(tmp_path: Path) -> None:
    message = said(tmp_path, TRAINS, run="trian(X, y)")
    assert message.startswith("--run stops with an error of its own at line 1: NameError")
    assert "trian(X, y)" in message.splitlines()[1]
    assert "SyntaxError" in said(tmp_path, TRAINS, run="train(")
    assert "net.py stops with an error of its own at line 9: TypeError" in said(
        tmp_path, TRAINS.replace("X.T.dot(e)", "None * e"), run="step()"
    )


@pytest.mark.parametrize(
    "loop",
    [
        "while True:\n    pass\n",
        "while True:\n    try:\n        x = 1\n    except:\n        pass\n",
        "import itertools\nfor i in itertools.count():\n    x = 1\n",
        "for i in range(10**12): pass\n",
        "a = np.ones(3)\nwhile True:\n    a = np.sin(a)\n",
        "while True:\n    try:\n        np.sin(np.ones(3))\n    except BaseException:\n        continue\n",
    ],
)
def test_an_endless_loop_that_trains_nothing(tmp_path: Path, loop: str) -> None:
    file = tmp_path / "net.py"
    file.write_text("import numpy as np\n" + loop)
    run = Program(file, seconds=0.3).execute()
    assert run.failure is not None
    assert run.failure.kind == "Stopped"
    assert run.failure.advice is not None
    assert 2 <= run.failure.line <= 7


@pytest.mark.parametrize(
    "loop",
    [
        "while True:\n    try:\n        step()\n    except:\n        pass\n",
        "while True:\n    try:\n        step()\n    except BaseException as e:\n        continue\n",
        "while True:\n    try:\n        step()\n    except (KeyboardInterrupt, BaseException):\n        pass\n",
        "def deep(n):\n    step()\n    deep(n + 1)\ndeep(0)\n",
        "import sys\nfor i in range(9): step()\nsys.exit(1)\n",
    ],
)
def test_the_program_is_stopped_after_enough_steps(tmp_path: Path, loop: str) -> None:
    assert verdict(tmp_path, TRAINS + loop) == "right"


@pytest.mark.parametrize(
    "before",
    [
        "name = input('name: ')\n",
        "import matplotlib.pyplot as plt\nfig, (a, b) = plt.subplots(1, 2)\na.plot([1, 2])\nplt.show()\n",
        "from matplotlib import pyplot as plt\nplt.figure(figsize=(3, 4))\nline, = plt.plot([1])\nplt.show()\n",
        "from mpl_toolkits.mplot3d import Axes3D\n",
        "from tqdm import tqdm\nfor i in tqdm(range(3)): pass\n",
        "from tqdm.auto import trange\nfor i in trange(3): pass\n",
        "from multiprocessing import Pool\nwith Pool(2) as pool:\n    assert pool.map(abs, [-1, 2]) == [1, 2]\n",
        "import multiprocessing as mp\np = mp.Process(target=print, args=('a',))\np.start()\np.join()\n",
        "import concurrent.futures\nwith concurrent.futures.ProcessPoolExecutor() as e:\n    list(e.map(abs, [1]))\n",
        "from numba import njit\n@njit\ndef twice(x): return 2 * x\nassert twice(2) == 4\n",
        "import time\ntime.sleep(100)\n",
        "import pdb; pdb.set_trace()\n",
        "import sys\nsys.setrecursionlimit(50000)\n",
        "import sys\nsys.stdout.reconfigure(encoding='utf-8')\nsys.stdout.write('é')\nsys.stdout.flush()\n",
        "import sys, io\nsys.stdout = io.TextIOWrapper(sys.stdout.buffer, encoding='utf-8')\nprint('가')\n",
        "import sys\nprint('x', file=sys.stderr)\nsys.stderr.close()\n",
        "import threading\nt = threading.Thread(target=print, args=('x',))\nt.start()\nt.join()\n",
        "import warnings\nwarnings.filterwarnings('error')\n",
        "import numpy\nnumpy.seterr(all='raise')\n",
        "import atexit, signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n",
        "import inspect\nclass A: pass\nassert inspect.isclass(A)\n",
        "try:\n    import cupy as cp\nexcept ImportError:\n    cp = None\n",
        "import sys\nif sys.version_info[0] < 3:\n    range = xrange\n",
        "x = 1\ndel x\nassert not hasattr(__builtins__, 'nothing')\n",
        "import __main__\n__main__.extra = 1\nassert extra == 1\n",
        "import os\nos.environ['OMP_NUM_THREADS'] = '1'\n",
        "from __future__ import division, print_function\n",
        "import logging\nlogging.basicConfig(level=logging.INFO)\nlogging.info('x')\n",
        "get_ipython().run_line_magic('matplotlib', 'inline')\n",
        "import pandas, numpy\ndf = pandas.DataFrame(numpy.random.randn(3, 2))\nassert df.values.shape == (3, 2)\n",
        "import numpy, sys\nnumpy.set_printoptions(precision=2)\n",
        "import pickle\nclass A: pass\npickle.loads(pickle.dumps(A()))\n",
        "from dataclasses import dataclass\n@dataclass\nclass A:\n    x: float = 1.0\n",
        "from enum import Enum\nclass K(Enum):\n    A = 1\n    B = 2\nassert K(2) is K.B\n",
        "from typing import NamedTuple\nclass P(NamedTuple):\n    x: int = 1\nassert P().x == 1\n",
    ],
)
def test_what_is_no_hindrance(tmp_path: Path, before: str) -> None:
    assert verdict(tmp_path, before + TRAINS + "for i in range(9): step()\n") == "right"


def test_everything_is_put_back(tmp_path: Path) -> None:
    def state() -> tuple[object, ...]:
        drawn = np.random.get_state()[1][:5].tolist()
        return list(sys.path), sys.argv, sys.modules["__main__"], drawn, signal.getsignal(signal.SIGINT)

    before = state()
    text = "import sys, os, helper, signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n"
    text += "sys.path.append('x')\nos.chdir('/')\nsys.setrecursionlimit(9999)\n"
    (tmp_path / "helper.py").write_text("x = 1\n")
    assert verdict(tmp_path, text + TRAINS + "for i in range(9): step()\n") == "right"
    assert before == state()
    assert "helper" not in sys.modules
    assert sys.getrecursionlimit() != 9999


STEP = "def step(W, X, y):\n    e = X.dot(W) - y\n    W -= 0.1 * X.T.dot(e)\n"
DATA = "X = np.array([[0.1, 0.4], [0.5, -0.2], [0.3, 0.9]]); y = np.array([[0.2], [0.1], [0.7]])\n"


@pytest.mark.parametrize(
    "text",
    [
        "def main():\n    import numpy as np\n    from numpy import random\n    W = random.randn(2, 1)\n    "
        + DATA
        + "    for i in range(9):\n        step(W, X, y)\n"
        + STEP
        + "main()\n",
        "import numpy\nimport numpy.linalg as la\nimport numpy as np\nW = numpy.random.randn(2, 1) / la.norm([1, 2])\n"
        + DATA
        + STEP
        + "for i in range(9): step(W, X, y)\n",
        "from numpy import *\nfrom numpy.random import *\nimport numpy as np\nseed(1)\nW = randn(2, 1)\n"
        + DATA
        + STEP
        + "for i in range(9): step(W, X, y)\n",
        "import numpy as np\nrng = np.random.RandomState(3)\nW = rng.normal(size=(2, 1))\n"
        + DATA
        + STEP
        + "for i in range(9): step(W, X, y)\n",
        "import numpy as np\nrng = np.random.Generator(np.random.PCG64(3))\nW = rng.normal(size=(2, 1))\n"
        + DATA
        + STEP
        + "for i in range(9): step(W, X, y)\n",
        "import importlib\nnp = importlib.import_module('numpy')\n"
        + DATA
        + STEP
        + "W = np.array([[0.3], [0.2]])\nfor i in range(9): step(W, X, y)\n",
    ],
)
def test_ways_to_import_numpy(tmp_path: Path, text: str) -> None:
    assert verdict(tmp_path, text) == "right"


def test_helper_modules_and_packages(tmp_path: Path) -> None:
    package = tmp_path / "net"
    (package / "inner").mkdir(parents=True)
    (package / "__init__.py").write_text("from .train import step\nfrom . import data\n")
    (package / "train.py").write_text(
        "import numpy as np\nfrom .inner.rate import RATE\n" + STEP.replace("0.1", "RATE")
    )
    (package / "inner" / "rate.py").write_text("RATE = 0.1\n")
    (package / "data.py").write_text("import numpy as np\n" + DATA)
    text = "import numpy as np\nimport net.data\nfrom net import step, data as d\nW = np.random.randn(2, 1)\n"
    assert verdict(tmp_path, text + "for i in range(9): step(W, net.data.X, d.y)\n") == "right"


def test_a_notebook_with_magics(tmp_path: Path) -> None:
    cells = [
        "%matplotlib inline\n%load_ext autoreload\nimport numpy as np\n!pip install numpy\nnp.dot?",
        "%%bash\nls -l\nrm x",
        TRAINS,
        "files = !ls\n%time step()\nfor i in range(9):\n    %time step()\n",
        "%%time\nstep()\nprint('%d'\n      % 3)\ndisplay(W)\nget_ipython().system('ls')",
    ]
    book = {
        "cells": [{"cell_type": "code", "source": c.splitlines(keepends=True)} for c in cells]
        + [{"cell_type": "markdown", "source": ["# text"]}],
        "metadata": {"kernelspec": {"language": "python"}},
    }
    assert verdict(tmp_path, json.dumps(book), name="net.ipynb") == "right"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{", "has no cells in JSON"),
        ('{"nbformat": 4}', "has no cells in JSON"),
        ('{"cells": [], "metadata": {}}', "has no Python code"),
        ('{"cells": [], "metadata": {"kernelspec": {"language": "julia"}}}', "in julia"),
    ],
)
def test_what_is_no_notebook(tmp_path: Path, content: str, says: str) -> None:
    file = tmp_path / "net.ipynb"
    file.write_text(content)
    with pytest.raises(CheckError, match=says):
        check_program(file)
