"""How to mend a program that does not run: old Python, old NumPy, and what the checker cannot give it.

A table: the error, what it says, the line it stands in, and the advice. Places in the advice are filled with what the
patterns have found.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from glassgrad.language import Text

__all__ = ["advice_for", "advice_for_syntax"]


class _Hint(NamedTuple):
    """An advice: for which errors, which messages, which lines."""

    kind: str
    message: str
    line: str
    says: Text


_PYTHON_2 = Text(
    "This is Python 2. In Python 3, write {new} instead of {old}.",
    "Python 2 코드이다. Python 3에서는 {old} 대신 {new:을/를} 쓴다.",
)

_RENAMED = {
    "xrange": "range(...)",
    "raw_input": "input()",
    "unicode": "str",
    "long": "int",
    "basestring": "str",
    "unichr": "chr(...)",
    "reduce": "functools.reduce(...)",
    "reload": "importlib.reload(...)",
    "file": "open(...)",
    "execfile": "exec(open(name).read())",
    "cmp": "(a > b) - (a < b)",
    "cPickle": "pickle",
    "Queue": "queue",
    "urllib2": "urllib.request",
    "StringIO": "io.StringIO",
    "ConfigParser": "configparser",
    "Tkinter": "tkinter",
    "itertools.izip": "zip(...)",
    "izip": "zip(...)",
    "imap": "map(...)",
    "iteritems": ".items()",
    "itervalues": ".values()",
    "iterkeys": ".keys()",
    "has_key": "key in d",
    "maxint": "sys.maxsize",
    "letters": "string.ascii_letters",
}
"""Names of Python 2, and what they are now."""

_NUMPY = {
    "float": "float",
    "int": "int",
    "bool": "bool",
    "object": "object",
    "str": "str",
    "complex": "complex",
    "long": "int",
    "unicode": "str",
    "float_": "np.float64",
    "complex_": "np.complex128",
    "mat": "np.asmatrix",
    "product": "np.prod",
    "cumproduct": "np.cumprod",
    "alltrue": "np.all",
    "sometrue": "np.any",
    "in1d": "np.isin",
    "trapz": "np.trapezoid",
    "row_stack": "np.vstack",
    "Inf": "np.inf",
    "Infinity": "np.inf",
    "infty": "np.inf",
    "PINF": "np.inf",
    "NINF": "-np.inf",
    "NaN": "np.nan",
    "NAN": "np.nan",
    "round_": "np.round",
    "asscalar": "a.item()",
    "asfarray": "np.asarray(a, dtype=float)",
    "rank": "np.ndim",
    "random_integers": "np.random.randint",
    "loads": "pickle.loads",
    "fromstring": "np.frombuffer",
    "int0": "np.intp",
    "float128": "np.longdouble",
    "msort": "np.sort(a, axis=0)",
}
"""Names that NumPy no longer has, and what they are now."""

_HINTS = (
    _Hint(
        "AttributeError",
        r"(?:module 'numpy[\w.]*' has no attribute '|`np\.)(?P<old>\w+)",
        "",
        Text(
            "NumPy no longer has np.{old}: write {new}.",
            "지금의 NumPy에는 np.{old:이/가} 없다. {new:으로/로} 바꾼다.",
        ),
    ),
    _Hint("NameError", r"name '(?P<old>\w+)' is not defined", "", _PYTHON_2),
    _Hint(
        "NameError",
        r"name '(?P<name>np|numpy|math|random|plt|pd|os|sys|time|copy|pickle|json)' is not defined",
        "",
        Text("An import is missing: {name}.", "import가 빠졌다: {name}."),
    ),
    _Hint("AttributeError", r"'(?:dict|module)\w*' object has no attribute '(?P<old>\w+)'", "", _PYTHON_2),
    _Hint("AttributeError", r"module '\w+' has no attribute '(?P<old>\w+)'", "", _PYTHON_2),
    _Hint("ModuleNotFoundError|ImportError", r"No module named '(?P<old>\w+)'", "", _PYTHON_2),
    _Hint("ImportError", r"cannot import name '(?P<old>\w+)' from 'itertools'", "", _PYTHON_2),
    _Hint(
        "ModuleNotFoundError",
        r"No module named '(?P<name>[\w.]+)'",
        "",
        Text(
            "Install {name}, or take the line out where the training does not need it. A module of your own must lie "
            "beside the file.",
            "{name:을/를} 설치하거나, 학습에 필요 없으면 이 줄을 지운다. 직접 만든 모듈이면 파일과 같은 폴더에 둔다.",
        ),
    ),
    _Hint(
        "ImportError",
        r"load_boston",
        "",
        Text(
            "scikit-learn no longer has load_boston: use load_diabetes() or arrays of your own.",
            "scikit-learn에 load_boston이 없다. load_diabetes()나 직접 만든 배열을 쓴다.",
        ),
    ),
    _Hint(
        "URLError|HTTPError|ConnectionError|gaierror|ConnectionRefusedError|RemoteDisconnected|TimeoutError",
        "",
        "",
        Text(
            "The data could not be downloaded. Use a small array in its place: the backward pass is the same.",
            "데이터를 내려받지 못했다. 작은 배열을 대신 쓴다. 역전파는 그대로이다.",
        ),
    ),
    _Hint(
        "FileNotFoundError|IsADirectoryError|PermissionError",
        r"(?:'(?P<name>[^']+)')?",
        "",
        Text(
            "Files are looked for from the folder of the program. Put the file there, or use a small array in its "
            "place: the backward pass is the same.",
            "파일은 프로그램이 있는 폴더를 기준으로 찾는다. 거기에 두거나, 작은 배열을 대신 쓴다. 역전파는 그대로이다.",
        ),
    ),
    _Hint(
        "OSError",
        r"not found",
        r"loadtxt|genfromtxt|load|open",
        Text(
            "Put the file into the folder of the program, or use a small array in its place.",
            "파일을 프로그램이 있는 폴더에 두거나, 작은 배열을 대신 쓴다.",
        ),
    ),
    _Hint(
        "TypeError",
        r"only 0-dimensional arrays can be converted|only length-1 arrays|only size-1 arrays",
        "",
        Text(
            "NumPy no longer makes a number of an array with axes: take its element, a.item() or a[0], or map over "
            "it with np.exp and the like instead of math.exp.",
            "NumPy는 이제 축이 있는 배열을 수로 바꾸지 않는다. a.item()이나 a[0]으로 원소를 꺼내거나, math.exp 대신 "
            "np.exp 같은 함수를 쓴다.",
        ),
    ),
    _Hint(
        "ValueError",
        r"inhomogeneous shape",
        "",
        Text(
            "Lists of different lengths are no array: write np.array(..., dtype=object), or keep the list.",
            "길이가 다른 리스트는 배열이 될 수 없다. np.array(..., dtype=object)로 쓰거나 리스트로 둔다.",
        ),
    ),
    _Hint(
        "ValueError",
        r"setting an array element with a sequence",
        "",
        Text(
            "One place of an array holds one number: take the element, a[i] = b.item(), or make the array "
            "dtype=object.",
            "배열의 한 자리에는 수 하나만 들어간다. a[i] = b.item()으로 원소를 넣거나 dtype=object로 만든다.",
        ),
    ),
    _Hint(
        "TypeError",
        r"'float' object cannot be interpreted as an integer|"
        r"slice indices must be integers|must be an integer|"
        r"expected a sequence of integers or a single integer",
        "",
        Text(
            "In Python 3, / gives a float: write // where a whole number is needed, as in range(n // 2).",
            "Python 3에서 /는 실수를 준다. range(n // 2)처럼 정수가 필요한 곳에는 //를 쓴다.",
        ),
    ),
    _Hint(
        "TypeError",
        r"list indices must be integers or slices, not (?:float|numpy)|'numpy.float64' object cannot be interpreted",
        "",
        Text(
            "In Python 3, / gives a float: write // where a whole number is needed.",
            "Python 3에서 /는 실수를 준다. 정수가 필요한 곳에는 //를 쓴다.",
        ),
    ),
    _Hint(
        "IndexError",
        r"only integers, slices .* are valid indices",
        "",
        Text(
            "The index is a float. In Python 3, / gives a float: write //, or int(...).",
            "인덱스가 실수이다. Python 3에서 /는 실수를 준다. //나 int(...)를 쓴다.",
        ),
    ),
    _Hint(
        "TypeError",
        r"'(?:map|filter|zip|dict_keys|dict_values|dict_items|range)' object "
        r"(?:is not subscriptable|.* item assignment)",
        "",
        Text(
            "In Python 3 this is no list: put list(...) around it.",
            "Python 3에서는 이것이 리스트가 아니다. list(...)로 감싼다.",
        ),
    ),
    _Hint(
        "TypeError",
        r"object of type '(?:map|filter|zip)' has no len|unsupported operand .*'(?:map|filter|zip|dict_\w+|range)'",
        "",
        Text(
            "In Python 3 map, filter and zip give no lists: put list(...) around them.",
            "Python 3에서 map, filter, zip은 리스트가 아니다. list(...)로 감싼다.",
        ),
    ),
    _Hint(
        "AttributeError",
        r"'(?:dict_keys|dict_values|dict_items|range|map|filter|zip)' object has no attribute",
        "",
        Text(
            "In Python 3 this is no list: put list(...) around it.",
            "Python 3에서는 이것이 리스트가 아니다. list(...)로 감싼다.",
        ),
    ),
    _Hint(
        "AttributeError",
        r"module 'time' has no attribute 'clock'",
        "",
        Text("time.clock is time.perf_counter now.", "time.clock은 이제 time.perf_counter이다."),
    ),
    _Hint(
        "UFuncTypeError|_UFuncOutputCastingError|UFuncOutputCastingError",
        "",
        "",
        Text(
            "An array of whole numbers cannot be changed in place by floats: make it with dtype=float.",
            "정수 배열은 실수로 제자리에서 바꿀 수 없다. dtype=float으로 만든다.",
        ),
    ),
    _Hint(
        "UnicodeDecodeError|TypeError",
        r"can't decode byte|bytes-like object is required|encoding",
        r"pickle|load|open",
        Text(
            "Files pickled by Python 2 are read with pickle.load(open(name, 'rb'), encoding='latin1').",
            "Python 2로 만든 pickle 파일은 pickle.load(open(name, 'rb'), encoding='latin1')로 읽는다.",
        ),
    ),
    _Hint(
        "SystemExit",
        r"(?:arguments are required|usage|expected)",
        "",
        Text(
            "The program wants arguments, and is run without. Give them defaults (default=...), or call its training "
            "function: --run 'main(...)'.",
            "프로그램이 인자를 요구하지만 인자 없이 실행된다. 기본값(default=...)을 주거나 --run 'main(...)'으로 학습 "
            "함수를 부른다.",
        ),
    ),
    _Hint(
        "SystemExit",
        "",
        "",
        Text(
            "The program ends itself before it trains. Call its training function: --run 'train(X, y)'.",
            "프로그램이 학습하기 전에 스스로 끝난다. --run 'train(X, y)'로 학습 함수를 부른다.",
        ),
    ),
    _Hint(
        "IndexError",
        "list index out of range",
        r"argv",
        Text(
            "The program wants arguments, and is run without: write the value into the file.",
            "프로그램이 인자를 요구하지만 인자 없이 실행된다. 값을 파일에 직접 쓴다.",
        ),
    ),
    _Hint(
        "RecursionError",
        "",
        "",
        Text(
            "A function calls itself without end: it needs a case in which it stops.",
            "함수가 끝없이 자기를 부른다. 멈추는 경우가 있어야 한다.",
        ),
    ),
    _Hint(
        "MemoryError|_ArrayMemoryError",
        "",
        "",
        Text(
            "The arrays are too large for this machine. A few rows and units are enough to judge a backward pass.",
            "배열이 이 컴퓨터에는 너무 크다. 역전파를 판정하는 데는 몇 개의 행과 유닛이면 충분하다.",
        ),
    ),
    _Hint(
        "Stopped",
        "",
        "",
        Text(
            "Make the data smaller or the loop end, or name what trains: --run 'train(X, y)'.",
            "데이터를 줄이거나 반복이 끝나게 하거나, --run 'train(X, y)'로 학습하는 것을 가리킨다.",
        ),
    ),
)

_ASKED = Text(
    "The program waits for something to be typed, and nobody types while it is checked: write the value into the file.",
    "프로그램이 입력을 기다리지만, 검사하는 동안에는 아무도 입력하지 않는다. 값을 파일에 직접 쓴다.",
)

_SYNTAX = (
    (
        r"^\s*print\s+[^(=]|^\s*print\s*>>",
        Text(
            "In Python 3 print is a function: print(...).",
            "Python 3에서 print는 함수이다. print(...)로 쓴다.",
        ),
    ),
    (
        r"^\s*print\s*$|\bprint\s+['\"%\w]",
        Text(
            "In Python 3 print is a function: print(...).",
            "Python 3에서 print는 함수이다. print(...)로 쓴다.",
        ),
    ),
    (
        r"^\s*exec\s+[^(]",
        Text("In Python 3 exec is a function: exec(...).", "Python 3에서 exec는 함수이다. exec(...)로 쓴다."),
    ),
    (
        r"^\s*raise\s+\w+\s*,",
        Text(
            "In Python 3 an error is raised as raise Error(message).",
            "Python 3에서는 raise Error(message)로 쓴다.",
        ),
    ),
    (
        r"^\s*except\s+[\w.]+\s*,",
        Text(
            "In Python 3 an error is caught as except Error as name:.",
            "Python 3에서는 except Error as name:으로 쓴다.",
        ),
    ),
    (r"<>", Text("In Python 3 <> is !=.", "Python 3에서 <>는 !=이다.")),
    (r"`", Text("In Python 3 `x` is repr(x).", "Python 3에서 `x`는 repr(x)이다.")),
    (
        r"\b0\d+\b",
        Text("In Python 3 an octal number begins with 0o: 0o777.", "Python 3에서 8진수는 0o777처럼 쓴다."),
    ),
    (
        r"\b\d+[lL]\b",
        Text("In Python 3 a number has no L at its end.", "Python 3에서는 수 끝에 L을 붙이지 않는다."),
    ),
    (
        r"(?:lambda|def\s+\w+)\s*\(?[^:)]*\([^)]*\)[^:]*:",
        Text(
            "In Python 3 an argument cannot be unpacked in the list of arguments: take it apart inside.",
            "Python 3에서는 인자 목록 안에서 튜플을 풀 수 없다. 함수 안에서 푼다.",
        ),
    ),
)

_TABS = Text(
    "Python 3 wants tabs or spaces, not both: python -m tabnanny finds the lines.",
    "Python 3에서는 탭과 공백을 섞어 쓸 수 없다. python -m tabnanny로 줄을 찾는다.",
)
_MEND = Text("Mend the line, then check again.", "이 줄을 고친 뒤 다시 검사한다.")


def advice_for(kind: str, message: str, line: str, *, asked: bool = False) -> Text | None:
    """Return how to mend a line that ends with an error, or None where the error says it all.

    Parameters
    ----------
    kind, message
        The class of the error, and what it says.
    line
        The line of the program.
    asked
        Whether the program has asked for something to be typed.

    Examples
    --------
    >>> advice_for("NameError", "name 'xrange' is not defined", "for i in xrange(3):").en
    'This is Python 2. In Python 3, write range(...) instead of xrange.'
    """
    for hint in _HINTS:
        found = re.search(hint.message, message)
        if not re.fullmatch(hint.kind, kind) or not found or not re.search(hint.line, line):
            continue
        places = {k: v for k, v in found.groupdict().items() if v is not None}
        if "old" in places:
            known = _NUMPY if "{old}: write" in hint.says.en else _RENAMED
            if places["old"] not in known:
                continue
            places["new"] = known[places["old"]]
        return hint.says.fill(**places)
    return _ASKED if asked else None


def advice_for_syntax(message: str, line: str) -> Text:
    """Return how to mend a line that is no Python 3.

    Examples
    --------
    >>> advice_for_syntax("invalid syntax", "print 'done'").en
    'In Python 3 print is a function: print(...).'
    """
    if "tab" in message.lower() and "table" not in message.lower():
        return _TABS
    return next((says for pattern, says in _SYNTAX if re.search(pattern, line)), _MEND)
