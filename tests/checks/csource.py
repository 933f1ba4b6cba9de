# SPDX-License-Identifier: Apache-2.0
"""Just enough C to measure it: comments and strings blanked, tokens with lines, functions."""
import re
from collections import namedtuple

Token = namedtuple("Token", "text line")
Function = namedtuple("Function", "name line end params nesting")

_BLANK = re.compile(r"""//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'""", re.S)
_DIRECTIVE = re.compile(r"^[ \t]*#(?:[^\n\\]|\\.|\\\n)*", re.M | re.S)
_TOKEN = re.compile(r"[A-Za-z_]\w*|\d[\w.]*|->|[-+*/%&|^<>=!]=|&&|\|\||<<|>>|\+\+|--|\S")
_CONTROL = {"if", "for", "while", "switch"}
_BEFORE_MACRO = {";", "{", "}", ")"}


def _keep_lines(match):
    text = match.group(0)
    quote = text[0] if text[0] in "\"'" else ""
    return quote + "\n" * text.count("\n") + quote if quote else " " + "\n" * text.count("\n")


def code(text):
    """The text without comments, contents of strings and preprocessor lines; lines stay."""
    return _DIRECTIVE.sub(_keep_lines, _BLANK.sub(_keep_lines, text))


def tokens(text):
    out, line, at = [], 1, 0
    for m in _TOKEN.finditer(code(text)):
        line += m.string.count("\n", at, m.start())
        at = m.start()
        out.append(Token(m.group(0), line))
    return out


def _opening(toks, close):
    """Index of the "(" that the ")" at @close ends."""
    depth = 0
    for i in range(close, -1, -1):
        depth += {")": 1, "(": -1}.get(toks[i].text, 0)
        if depth == 0:
            return i
    return 0


def _header(toks, brace):
    """Index of the "(" of the parameter list when the "{" at @brace starts a function."""
    i = brace - 1
    while i > 0 and toks[i].text != ")":
        if not re.match(r"\w+$", toks[i].text):  # attributes may stand between, "=" may not
            return None
        i -= 1
    while i > 0:
        start = _opening(toks, i)
        if start == 0:
            return None
        if not toks[start - 1].text.startswith("__") and toks[start - 1].text != "(":
            return start
        i = start - 2 if toks[start - 2].text == ")" else start - 1  # an attribute: look before
        while i > 0 and toks[i].text != ")":
            i -= 1
    return None


def _count_params(toks, start):
    depth = count = 0
    inside = []
    for tok in toks[start:]:
        depth += {"(": 1, ")": -1, "[": 1, "]": -1}.get(tok.text, 0)
        if depth == 0:
            break
        if tok.text == "," and depth == 1:
            count += 1
        inside.append(tok.text)
    return 0 if inside[1:] in ([], ["void"]) else count + 1


def _opens_block(toks, i):
    """Does the "{" at @i belong to if, else, a loop or a switch?"""
    before = toks[i - 1].text
    if before in ("else", "do"):
        return True
    if before != ")":
        return False
    start = _opening(toks, i - 1)
    name = toks[start - 1].text
    if name in _CONTROL:
        return True
    # a for-each macro stands where a statement starts; a compound literal never does
    return bool(re.match(r"[A-Za-z_]\w*$", name)) and toks[start - 2].text in _BEFORE_MACRO


def _body(toks, brace):
    """Index of the closing "}" and the deepest nesting of blocks in between."""
    stack, nesting, deepest = [], 0, 0
    i = brace
    while i < len(toks):
        if toks[i].text == "{":
            block = i != brace and _opens_block(toks, i)
            stack.append(block)
            nesting += block
            deepest = max(deepest, nesting)
        elif toks[i].text == "}":
            nesting -= stack.pop()
            if not stack:
                return i, deepest
        i += 1
    return len(toks) - 1, deepest


def functions(text):
    toks = tokens(text)
    out, i = [], 0
    while i < len(toks):
        if toks[i].text != "{":
            i += 1
            continue
        end, nesting = _body(toks, i)
        start = _header(toks, i)
        if start:
            name, params = toks[start - 1], _count_params(toks, start)
            if name.text.isupper():  # BPF_PROG(name, ...) and the like
                name, params = toks[start + 1]._replace(line=name.line), params - 1
            out.append(Function(name.text, name.line, toks[end].line, params, nesting))
        i = end + 1
    return out
