"""What a statement or expression binds in its scope."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import libcst as cst

from cautify.analysis.nodes import children, dotted
from cautify.analysis.scopes import Binding, Scope

BINDING = frozenset({cst.Import, cst.ImportFrom, cst.Assign, cst.AnnAssign, cst.NamedExpr, cst.Global, cst.Nonlocal})
BINDING |= {cst.AugAssign, cst.For, cst.CompFor, cst.Del, cst.AsName, cst.Match}


def bind(node: cst.CSTNode, scope: Scope) -> None:
    """Add to ``scope`` what a node, whose type is one of :data:`BINDING`, binds there."""
    match node:
        case cst.Import(names=names):
            for alias in names:
                name = dotted(alias.name)
                if alias.asname and isinstance(alias.asname.name, cst.Name):
                    scope.add(Binding(alias.asname.name.value, "import", node, target=name))
                else:
                    top = name.partition(".")[0]
                    scope.add(Binding(top, "import", node, target=top))
        case cst.ImportFrom(module=module, names=names, relative=relative):
            target = "." * len(relative) + dotted(module)
            if isinstance(names, cst.ImportStar):
                scope.stars.append(target)
                return
            for alias in names:
                name = dotted(alias.name)
                bound = alias.asname.name.value if alias.asname and isinstance(alias.asname.name, cst.Name) else name
                scope.add(Binding(bound, "import", node, target=target, member=name))
        case cst.Assign(targets=targets, value=value):
            for assigned in targets:
                _assign(assigned.target, value, node, scope)
        case cst.AnnAssign(target=cst.Name(value=name), annotation=annotation, value=value):
            kind = "assign" if value is not None else "annotation"
            scope.add(Binding(name, kind, node, value, annotation.annotation))
        case cst.NamedExpr(target=cst.Name(value=name), value=value):
            while isinstance(scope.node, cst.BaseComp) and scope.parent:
                scope = scope.parent
            scope.add(Binding(name, "assign", node, value))
        case cst.Global(names=names) | cst.Nonlocal(names=names):
            scope.outwards.update({n.name.value: type(node) for n in names})
        case cst.For(target=target, iter=iterated) | cst.CompFor(target=target, iter=iterated):
            _opaque(target, node, scope, iterated, iterated=True)
        case cst.AugAssign(target=target):
            _opaque(target, node, scope)
        case cst.Del(target=target):
            _opaque(target, node, scope)
        case cst.AsName(name=target):
            _opaque(target, node, scope)
        case cst.Match(subject=subject, cases=cases):
            for found in cases:
                _captured(found.pattern, scope, subject, ())
        case _:
            pass


def _assign(target: cst.BaseExpression, value: cst.BaseExpression, node: cst.CSTNode, scope: Scope) -> None:
    if isinstance(target, cst.Name):
        scope.add(Binding(target.value, "assign", node, value))
    elif not isinstance(target, cst.Subscript):
        _opaque(target, node, scope, value)


def _opaque(
    target: cst.CSTNode,
    node: cst.CSTNode,
    scope: Scope,
    source: cst.BaseExpression | None = None,
    item: tuple[int, ...] = (),
    iterated: bool = False,
) -> None:
    if isinstance(target, cst.Name):
        scope.add(Binding(target.value, "opaque", node, source=source, item=item, iterated=iterated))
    elif isinstance(target, (cst.Tuple, cst.List)):
        for place, element in enumerate(target.elements):
            known = source if all(isinstance(e, cst.Element) for e in target.elements[: place + 1]) else None
            _opaque(element.value, node, scope, known, (*item, place), iterated)


def _captured(pattern: cst.CSTNode, scope: Scope, source: cst.BaseExpression | None, item: tuple[int, ...]) -> None:
    """What a pattern captures. Only places in sequences have a source: an element before any star."""
    match pattern:
        case cst.MatchAs(pattern=inner, name=target):
            if target is not None:
                _opaque(target, pattern, scope, source, item)
            if inner is not None:
                _captured(inner, scope, source, item)
        case cst.MatchSequence(patterns=patterns):
            known = source
            for place, element in enumerate(patterns):
                if isinstance(element, cst.MatchSequenceElement):
                    _captured(element.value, scope, known, (*item, place))
                else:
                    known = None
                    _captured(element, scope, None, ())
        case cst.MatchStar(name=cst.Name() as target):
            _opaque(target, pattern, scope)
        case cst.MatchMapping(rest=rest):
            if rest is not None:
                _opaque(rest, pattern, scope)
            for child in children(pattern):
                _captured(child, scope, None, ())
        case cst.MatchOr(patterns=patterns):
            for choice in patterns:
                _captured(choice.pattern, scope, source, item)
        case cst.BaseExpression():
            return
        case _:
            for child in children(pattern):
                _captured(child, scope, None, ())


def named_modules(nodes: Iterable[cst.CSTNode]) -> Iterator[str]:
    """The modules that the import statements among some nodes name, with their leading dots."""
    for node in nodes:
        if isinstance(node, cst.ImportFrom):
            yield "." * len(node.relative) + dotted(node.module)
        elif isinstance(node, cst.Import):
            yield from (dotted(alias.name) for alias in node.names)


def bind_parameters(parameters: cst.Parameters, scope: Scope) -> None:
    """Add to ``scope``, a function's, what its parameters bind."""
    every = [*parameters.posonly_params, *parameters.params, *parameters.kwonly_params]
    every += [p for p in (parameters.star_arg, parameters.star_kwarg) if isinstance(p, cst.Param)]
    for p in every:
        annotation = p.annotation.annotation if p.annotation else None
        scope.add(Binding(p.name.value, "param", p, p.default, annotation))


def move_outwards(scope: Scope, root: Scope) -> None:
    """Bindings of a name declared ``global`` or ``nonlocal`` belong to the scope outside."""
    for name, how in scope.outwards.items():
        target = root
        above = scope.parent
        while how is cst.Nonlocal and above is not None:
            if isinstance(above.node, cst.FunctionDef) and name in above.bindings:
                target = above
                break
            above = above.parent
        target.bindings.setdefault(name, []).extend(scope.bindings.pop(name, ()))
