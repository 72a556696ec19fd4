"""What the code around a call says of it where its callee is not known: names, arguments, what keeps the result."""

from __future__ import annotations

import re

import libcst as cst

from cautify.analysis.syntax import Module, dotted, literal, walk

_OPTIMIZER = r"(?:optimi[sz]er|optim|opt)"
_MAKER = re.compile(
    rf"_?(?:\w*_)?{_OPTIMIZER}s?(?:_?(?:cls|class|classes|klass|type|constructor|ctor|cons|fn|func|function|factory|"
    r"partial|map|dict|table|registry|choices|list))?",
    re.IGNORECASE,
)
_VERB = re.compile(r"_*(?:build|make|create|get|configure|setup|set|init|load|construct|prepare|log|update|run)", re.I)
_VERB_OBJECT = re.compile(rf"_{_OPTIMIZER}s?(?:_|$)", re.IGNORECASE)
_KEPT = re.compile(rf"_?(?:\w*_)?{_OPTIMIZER}s?(?:_\w+|\d+)?", re.IGNORECASE)
_NOT_KEPT = re.compile(
    r"sched|conf|cfg|state|name|kwargs|args|param|class|cls|wrapper|_fn|func|type|step|group|partial|hook|factory|dict|"
    r"registry|builder|path|key|option",
    re.IGNORECASE,
)
_NODE = re.compile(r"optim(?!al)", re.IGNORECASE)
_OTHER_NODE = re.compile(r"sched|warmup|callback|logger|loss|model|hook|wrapper_constructor", re.IGNORECASE)
_PARAMETERS = re.compile(r"(?:\w*_)?(?:params?|parameters?|param_?groups?|groups)(?:_\w+)?", re.IGNORECASE)
_ONE = re.compile(r"p|param\w*|weight|w|tensor|x")
_KEYWORDS = frozenset({"params", "parameters", "param_groups", "params_groups"})
_LOOKS = re.compile(r"adam|sgd|optim(?!al)|lion|adagrad|rmsprop|adafactor|lamb\b|prodigy|shampoo", re.IGNORECASE)


def callee(func: cst.BaseExpression) -> str:
    """The last identifier of what is called; of a table that is looked up in, the table's."""
    while True:
        if isinstance(func, cst.Subscript):
            func = func.value
        elif isinstance(func, cst.Call) and isinstance(func.func, cst.Attribute):
            func = func.func.value
        elif isinstance(func, cst.Call) and dotted(func.func) == "getattr" and func.args:
            func = func.args[0].value
        else:
            break
    if isinstance(func, cst.Attribute):
        return func.attr.value
    return func.value if isinstance(func, cst.Name) else ""


def names_maker(name: str) -> bool:
    """Whether an identifier is what people call an optimizer class or factory: ``optimizer_cls``, ``opt_fn``."""
    return bool(_MAKER.fullmatch(name)) and not _VERB.match(name)


def names_verb(name: str) -> bool:
    """Whether an identifier says that calling it makes an optimizer: ``build_optimizer``."""
    return bool(_VERB.match(name)) and bool(_VERB_OBJECT.search(name))


def looks_like_class(name: str) -> bool:
    """Whether an identifier is spelled like an optimizer class: ``HybridAdam``."""
    return name[:1].isupper() and bool(_LOOKS.search(name))


def takes_parameters(call: cst.Call) -> bool:
    """Whether a call is passed what looks like a model's parameters or parameter groups."""
    first = True
    for arg in call.args:
        if arg.keyword is not None:
            if arg.keyword.value in _KEYWORDS:
                return True
            continue
        if arg.star != "**" and (is_parameters(arg.value) or (first and arg.star == "" and is_list_of_one(arg.value))):
            return True
        first = False
    return False


def is_parameters(value: cst.BaseExpression) -> bool:
    """Whether an expression looks like parameters: ``model.parameters()``, ``param_groups``, ``[{"params": …}]``."""
    name = value.attr.value if isinstance(value, cst.Attribute) else value.value if isinstance(value, cst.Name) else ""
    if name:
        return bool(_PARAMETERS.fullmatch(name))
    for node in walk(value):
        if isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute):
            if node.func.attr.value in ("parameters", "named_parameters", "trainable_parameters"):
                return True
        elif isinstance(node, cst.DictElement) and literal(node.key) == "params":
            return True
    if isinstance(value, (cst.List, cst.Tuple)):
        return any(is_parameters(e.value) for e in value.elements)
    return (
        isinstance(value, cst.Call) and bool(_PARAMETERS.search(callee(value.func))) and "optim" in callee(value.func)
    )


def is_list_of_one(value: cst.BaseExpression) -> bool:
    """Whether an expression is a list of one parameter, as optimizers that step in the backward pass are given."""
    if not isinstance(value, cst.List) or len(value.elements) != 1:
        return False
    only = value.elements[0].value
    return isinstance(only, cst.Name) and bool(_ONE.fullmatch(only.value))


def keeps_optimizer(call: cst.Call, module: Module) -> bool:
    """Whether what a call gives is kept, or returned, as an optimizer by name or annotation."""
    parent = module.parents[_unwrapped(call, module)]
    names: list[str] = []
    if isinstance(parent, cst.Assign):
        names = [dotted(t.target) for t in parent.targets]
    elif isinstance(parent, (cst.AnnAssign, cst.NamedExpr)):
        names = [dotted(parent.target)]
    elif isinstance(parent, cst.Return):
        function = module.function(call)
        return function is not None and names_verb(function.name.value)
    return any(_KEPT.fullmatch(n.rpartition(".")[2]) and not _NOT_KEPT.search(n.rpartition(".")[2]) for n in names if n)


def _unwrapped(call: cst.Call, module: Module) -> cst.Call:
    """A call, or the wrap around it: what is kept is the same optimizer."""
    arg = module.parents[call]
    around = module.parents.get(arg) if isinstance(arg, cst.Arg) else None
    wraps = isinstance(around, cst.Call) and dotted(around.func).startswith("CautiousOptimizer")
    return around if wraps and isinstance(around, cst.Call) else call


def node_of_optimizer(call: cst.Call) -> bool:
    """Whether a config node that is passed first says that it describes an optimizer: ``cfg.optimizer``."""
    for arg in call.args:
        if arg.star == "**" or (arg.keyword is not None and arg.keyword.value not in ("config", "cfg", "node")):
            continue
        last = _last_name(arg.value)
        return bool(_NODE.search(last)) and not _OTHER_NODE.search(last)
    return False


def _last_name(value: cst.BaseExpression) -> str:
    if isinstance(value, cst.Subscript):
        index = value.slice[0].slice
        key = literal(index.value) if isinstance(index, cst.Index) else None
        return key if key is not None else _last_name(value.value)
    if isinstance(value, cst.Attribute):
        return value.attr.value
    if isinstance(value, cst.Call) and isinstance(value.func, cst.Attribute):
        named = literal(value.args[0].value) if value.args else None
        return named if named is not None else _last_name(value.func.value)
    return value.value if isinstance(value, cst.Name) else ""


def is_called_later(call: cst.Call, module: Module) -> bool:
    """Whether what a call gives is itself called in the same function: then it is a factory, not an optimizer."""
    parent = module.parents[_unwrapped(call, module)]
    targets = [t.target for t in parent.targets] if isinstance(parent, cst.Assign) else []
    kept = {dotted(t) for t in targets} - {""}
    around = module.function(call) or module.tree
    return any(isinstance(n, cst.Call) and dotted(n.func) in kept for n in walk(around))
