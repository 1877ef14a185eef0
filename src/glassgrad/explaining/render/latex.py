r"""A document as LaTeX, with its answers or as a worksheet to fill in.

The file is complete, compiles with XeLaTeX and with LuaLaTeX, and asks for nothing but packages that every
distribution has; for Korean it takes the first of several fonts that is installed. No text reaches TeX unescaped.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence

from glassgrad.explaining.document import Answer, Block, Cell, Document, Drawing, Formula, Paragraph, Table
from glassgrad.explaining.drawing.paper import number
from glassgrad.explaining.render.blanks import without_numbers
from glassgrad.explaining.render.blocks import NAMES
from glassgrad.explaining.render.tikz import tikz
from glassgrad.language import Lang, Text

__all__ = ["escaped", "latex"]

_SPECIAL = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%", "_": r"\_",
    "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", '"': "''", "`": r"\textasciigrave{}", "…": r"\ldots{}", "½": r"$\tfrac12$",
    "·": r"$\cdot$", "×": r"$\times$", "−": "$-$", "→": r"$\rightarrow$", "←": r"$\leftarrow$", "≤": r"$\leq$",
    "≥": r"$\geq$", "≠": r"$\neq$", "≈": r"$\approx$", "∂": r"$\partial$", "∇": r"$\nabla$", "√": r"$\surd$",
    "∞": r"$\infty$", "′": r"$'$", "Σ": r"$\Sigma$", "Π": r"$\Pi$", "Δ": r"$\Delta$", "‖": r"$\Vert$", "∈": r"$\in$",
    "±": r"$\pm$", "α": r"$\alpha$", "β": r"$\beta$", "γ": r"$\gamma$", "δ": r"$\delta$",
    "ε": r"$\varepsilon$", "ζ": r"$\zeta$", "η": r"$\eta$", "θ": r"$\theta$", "κ": r"$\kappa$", "λ": r"$\lambda$",
    "μ": r"$\mu$", "ν": r"$\nu$", "ξ": r"$\xi$", "π": r"$\pi$", "ρ": r"$\rho$", "σ": r"$\sigma$", "τ": r"$\tau$",
    "φ": r"$\varphi$", "χ": r"$\chi$", "ψ": r"$\psi$", "ω": r"$\omega$", "ŷ": r"$\hat y$", "⊙": r"$\odot$",
}  # fmt: skip
_RAISED = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺⁽⁾ⁿᵀˣ", [*"0123456789-+()nTx"], strict=True))
_LOWERED = dict(zip("₀₁₂₃₄₅₆₇₈₉₋₊ₙᵢⱼ", [*"0123456789-+nij"], strict=True))
_SCRIPTED = re.compile(
    r"(?P<letter>(?<![^\W\d_])[A-Za-z])?"
    f"(?P<above>[{''.join(_RAISED)}]*)(?P<below>[{''.join(_LOWERED)}](?:[{''.join(_LOWERED)},]*[{''.join(_LOWERED)}])?)?"
)

_PREAMBLE = r"""\documentclass[a4paper,11pt]{article}
\usepackage{amsmath,amssymb}
\usepackage{iftex,fontspec}
\usepackage[margin=22mm]{geometry}
\usepackage{array,booktabs,longtable,graphicx,xcolor,tikz}
\usetikzlibrary{patterns}
"""
_KOREAN = r"""\ifLuaTeX\IfFileExists{luatexko.sty}{\usepackage{kotex}}{}\else
\IfFileExists{xetexko.sty}{\usepackage{kotex}}{}\fi
\makeatletter
\newcommand\hangulfont[1]{\@ifundefined{setmainhangulfont}{\setmainfont{#1}}{\setmainhangulfont{#1}}}
\makeatother
\IfFontExistsTF{Noto Serif CJK KR}{\hangulfont{Noto Serif CJK KR}}{%
\IfFontExistsTF{NanumMyeongjo}{\hangulfont{NanumMyeongjo}}{%
\IfFontExistsTF{Noto Sans CJK KR}{\hangulfont{Noto Sans CJK KR}}{%
\IfFontExistsTF{NanumGothic}{\hangulfont{NanumGothic}}{%
\IfFontExistsTF{UnBatang}{\hangulfont{UnBatang}}{%
\IfFontExistsTF{AppleMyungjo}{\hangulfont{AppleMyungjo}}{%
\IfFontExistsTF{Batang}{\hangulfont{Batang}}{%
\IfFontExistsTF{Malgun Gothic}{\hangulfont{Malgun Gothic}}{%
\PackageError{glassgrad}{No Korean font was found}{Install Noto Serif CJK KR or Nanum.}}}}}}}}}
"""
_MACROS = r"""\setlength\parindent{0pt}\setlength\parskip{5pt plus 2pt}\emergencystretch=3em
\renewcommand\arraystretch{1.25}
\newcommand\blank[1][\linewidth]{\rule[-2pt]{#1}{0.3pt}}
\newcommand\equality[1]{{\lineskiplimit=3pt\lineskip=5pt\raggedright\hangindent=4em\hangafter=1
\hspace*{1.5em}$\displaystyle #1$\par}}
\newcommand\answerline{\par\nopagebreak\rule{0pt}{22pt}\hspace*{3em}\blank[0.75\linewidth]\par}
\newcommand\remark[2]{\par\colorbox{black!6}{\parbox{\dimexpr\linewidth-2\fboxsep}{\textbf{#1.} #2}}\par}
"""
_SIZES = ((r"\normalsize", 84), (r"\small", 94), (r"\footnotesize\setlength\tabcolsep{3pt}", 118))
"""Sizes of a table's letters, and about how many of them fit in a line."""

_HANGUL = re.compile("[ㄱ-ㆎ가-힣]")

_LONG = 18
"""A text of more letters than this may break into lines."""

_BLANK = 12
"""The letters that a blank is as wide as."""


def latex(document: Document, lang: Lang = "en", answers: bool = True) -> str:
    """Return a document as a complete LaTeX file, for XeLaTeX or LuaLaTeX.

    Parameters
    ----------
    document
        What to show.
    lang
        ``"en"`` or ``"ko"``.
    answers
        Whether to print the answers; without them there are lines to fill in.

    Examples
    --------
    >>> latex(Document(Text("100 % & more", "모두"), [])).splitlines()[-2:]
    ['{\\\\LARGE\\\\bfseries 100 \\\\% \\\\& more\\\\par}\\\\medskip', '\\\\end{document}']
    """
    parts = ["\\begin{document}\n" + rf"{{\LARGE\bfseries {escaped(document.title.to(lang))}\par}}\medskip"]
    for section in document.sections:
        parts.append(rf"\section*{{{escaped(section.title.to(lang))}}}")
        parts += [_block(block, lang, answers) for block in section.blocks]
    body = "\n".join([*parts, "\\end{document}", ""])
    return _PREAMBLE + (_KOREAN if lang == "ko" or _HANGUL.search(body) else "") + _MACROS + body


def escaped(text: str) -> str:
    r"""Return a text that TeX prints as it is; indices and letters of mathematics are set as such.

    Examples
    --------
    >>> escaped("50 % of w⁽¹⁾₂₁"), escaped("a_b\\c")
    ('50 \\% of $w^{(1)}_{21}$', 'a\\_b\\textbackslash{}c')
    """
    out, place = [], 0
    while place < len(text):
        scripts = _SCRIPTED.match(text, place)
        if scripts and (scripts["above"] or scripts["below"]):
            above, below = scripts["above"], scripts["below"] or ""
            raised = "^{" + "".join(_RAISED[c] for c in above) + "}" if above else ""
            lowered = "_{" + "".join(_LOWERED.get(c, c) for c in below) + "}" if below else ""
            out.append(f"${scripts['letter'] or ''}{raised}{lowered}$")
            place = scripts.end()
            continue
        char = text[place]
        out.append(
            _SPECIAL.get(char) or (" " if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co") else char)
        )
        place += 1
    return "".join(out)


def _block(block: Block, lang: Lang, answers: bool) -> str:
    match block:
        case Paragraph():
            text = escaped(block.text.to(lang))
            if block.kind == "plain":
                return text + "\n"
            name = NAMES["warning" if block.kind == "warning" else "rule"].to(lang)
            return rf"\remark{{{escaped(name)}}}{{{text}}}"
        case Formula():
            note = f"{escaped(block.note.to(lang))}\n\n" if block.note else ""
            if not block.answer or answers:
                return f"{note}\\equality{{{block.latex}}}\n"
            asked = f"\\equality{{{block.asked} =}}\n" if block.asked else ""
            return f"{note}{asked}\\answerline\n"
        case Answer():
            number_ = escaped(f"{block.number:.10g}") if answers else r"\blank[4cm]"
            return rf"\textbf{{{escaped(block.question.to(lang))}}} {number_}" + "\n"
        case Drawing():
            figure = block.figure if answers else without_numbers(block.figure)
            caption = escaped(block.caption.to(lang))
            return f"\\begin{{center}}\n{tikz(figure, lang, escaped)}\\\\[4pt]\n{{\\small {caption}}}\n\\end{{center}}"
        case Table():
            return _table(block, lang, answers)


def _table(table: Table, lang: Lang, answers: bool) -> str:
    hidden = frozenset() if answers else table.hidden
    header = [escaped(title.to(lang)) for title in table.header]
    texts = [[_cell(cell, lang) for cell in row] for row in table.rows]
    widths = [
        max([_width(table.header[i].to(lang)), *(_width(row[i]) for row in texts)])
        for i in range(len(header))
    ]
    widths = [max(width, _BLANK) if i in hidden else width for i, width in enumerate(widths)]
    numeric = [any(_number(row[i]) for row in table.rows) for i in range(len(header))]
    together = sum(widths) + 3 * len(widths)
    size = next((size for size, letters in _SIZES if together <= letters), _SIZES[-1][0])
    shape = "".join(_columns(widths, numeric, dict(_SIZES)[size]))
    titles = " & ".join(rf"\textbf{{{title}}}" for title in header)
    lines = [rf"\begin{{longtable}}{{{shape}}}", r"\toprule", titles + r" \\", r"\midrule", r"\endhead"]
    for place, row in enumerate(texts):
        if table.total and place == len(texts) - 1:
            lines.append(r"\midrule")
        cells = [r"\blank[2.2cm]" if i in hidden and text else escaped(text) for i, text in enumerate(row)]
        lines.append(" & ".join(cells) + r" \\")
    caption = [rf"\textit{{{escaped(table.caption.to(lang))}}}\nopagebreak", ""] if table.caption else []
    return "\n".join([*caption, f"{{{size}", *lines, r"\bottomrule", r"\end{longtable}}"])


def _number(cell: Cell) -> bool:
    return isinstance(cell, (int, float)) and not isinstance(cell, bool)


def _cell(cell: Cell, lang: Lang) -> str:
    if cell is None:
        return ""
    if isinstance(cell, Text):
        return cell.to(lang)
    if isinstance(cell, str):
        return cell
    return str(cell) if isinstance(cell, int) else number(cell)


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def _columns(widths: Sequence[int], numeric: Sequence[bool], letters: int) -> Iterator[str]:
    """Yield columns as wide as their text; where not all fit into a line, long texts share what the others leave."""
    long = [i for i, width in enumerate(widths) if width > _LONG and not numeric[i]]
    room = letters - 3 * len(widths) - sum(width for i, width in enumerate(widths) if i not in long)
    wanted = sum(widths[i] for i in long)
    for i, right in enumerate(numeric):
        if i not in long or wanted <= room:
            yield "r" if right else "l"
        else:
            share = max(room, 10 * len(long)) * widths[i] / wanted / letters
            yield rf">{{\raggedright\arraybackslash}}p{{{share:.3f}\linewidth}}"
