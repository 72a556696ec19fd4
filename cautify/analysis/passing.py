"""What a call passes for a parameter."""

from __future__ import annotations

import libcst as cst

from cautify.analysis.syntax import literal


def passed(call: cst.Call, name: str, function: cst.FunctionDef, bound: int) -> cst.BaseExpression | None:
    """What a call passes for a parameter, by keyword or by place. ``bound``: the first parameters fill themselves."""
    order = [p.name.value for p in (*function.params.posonly_params, *function.params.params)]
    return passed_at(call, name, order.index(name) - bound if name in order else None)


def passed_at(call: cst.Call, name: str, position: int | None) -> cst.BaseExpression | None:
    """What a call passes by this keyword or in this place, as far as no star stands before it."""
    plain = 0
    for arg in call.args:
        if arg.keyword is not None:
            if arg.keyword.value == name:
                return arg.value
        elif arg.star == "*":
            position = None
        elif not arg.star:
            if plain == position:
                return arg.value
            plain += 1
    return None


def may_splat(call: cst.Call, name: str, function: cst.FunctionDef, bound: int) -> bool:
    """Whether a call may pass a parameter in what it splats, and nowhere else."""
    return passed(call, name, function, bound) is None and any(a.star == "**" for a in call.args)


def told(
    call: cst.Call, target: cst.BaseExpression, name: str, position: int, direct: bool
) -> cst.BaseExpression | None:
    """What a runner (``Thread``, ``partial``) is told to pass; ``direct``: behind the function itself."""
    if direct:
        plain = [a.value for a in call.args if a.keyword is None and not a.star]
        named = next((a.value for a in call.args if a.keyword is not None and a.keyword.value == name), None)
        at = position + 1
        return named or (plain[at] if plain[:1] == [target] and 0 < at < len(plain) else None)
    for arg in call.args:
        keyword = arg.keyword.value if arg.keyword is not None else ""
        if keyword == "args" and isinstance(arg.value, (cst.Tuple, cst.List)):
            elements = arg.value.elements
            if 0 <= position < len(elements) and all(isinstance(e, cst.Element) for e in elements):
                return elements[position].value
        if keyword == "kwargs" and isinstance(arg.value, cst.Dict):
            for element in arg.value.elements:
                if isinstance(element, cst.DictElement) and literal(element.key) == name:
                    return element.value
    return None
