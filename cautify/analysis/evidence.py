"""What the code around a call says of it where its callee is not known: names, arguments, what keeps the result."""

from __future__ import annotations

import re
from functools import cache

import libcst as cst

from cautify.analysis.deferred import Body
from cautify.analysis.names import Names
from cautify.analysis.nodes import last_name
from cautify.analysis.syntax import Module, dotted, literal, walk

_OPTIMIZER = r"(?:optimi[sz]er|optim|opt)"
_MAKER = re.compile(
    rf"_?(?:\w*_)?{_OPTIMIZER}s?(?:_?(?:cls|class|classes|klass|type|constructor|ctor|cons|fn|func|function|factory|"
    r"partial|map|dict|table|registry|choices|list))?",
    re.IGNORECASE,
)
_MAKER_FOR = re.compile(rf"_?(?:\w*_)?{_OPTIMIZER}_(?:\w+_)?(?:cls|class)(?:_\w+)?", re.IGNORECASE)
_VERB = re.compile(r"_*(?:build|make|create|get|configure|setup|set|init|construct|prepare)", re.IGNORECASE)
_OTHER_VERB = re.compile(
    r"(?:^|_)(?:save|load|restore|reset|step|sync|clip|zero|check|offload|onload|move|free|update|wrap|unwrap|register|"
    r"shard|unshard|gather|scatter|reduce|apply|run|log|print|test|pre|post|on|is|has|should|needs|use|parse|convert|"
    r"copy|merge|validate|assert|patch|freeze|scale|unscale|backward|track|dump|show|add|remove|attach|replace|resume)_",
    re.IGNORECASE,
)
_NO_MAKER = re.compile(
    r"(?:add|append|chain|clip|copy|extend|insert|load|log|norm|restore|save|stack|step|store|sum|update)(?:_\w*)?"
)
_VERB_OBJECT = re.compile(rf"_{_OPTIMIZER}s?(?:_|$)", re.IGNORECASE)
_KEPT = re.compile(rf"_?(?:\w*_)?{_OPTIMIZER}s?(?:_\w+|\d+)?", re.IGNORECASE)
_NOT_KEPT = re.compile(
    r"sched|conf|cfg|state|name|kwargs|args|param|class|cls|wrapper|_fn|func|type|step|group|partial|hook|factory|dict|"
    r"registry|builder|path|key|option",
    re.IGNORECASE,
)
_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")
_NODES = frozenset({"optim", "optims", "optimizer", "optimizers", "optimiser", "opt"})
_OTHER_NODES = frozenset(
    {"scheduler", "sched", "schedule", "lr", "warmup", "callback", "logger", "loss", "model", "hook"}
)
_OTHER_NODES |= {"hooks", "wrapper", "target", "manager", "provider", "transform", "constructor", "state", "group"}
_OTHER_NODES |= {"groups", "monitor"}
_PARAMETERS = re.compile(r"(?:\w*_)?(?:params?|parameters?|param_?groups?|groups)(?:_\w+)?", re.IGNORECASE)
_CLASS = re.compile(r"(?:cls|class|klass|constructor|ctor|fn|func|function|factory|partial)(?:_\w+)?$", re.IGNORECASE)
_METHODS = frozenset({"step", "zero_grad", "param_groups", "state_dict", "load_state_dict", "add_param_group"})
_ONE = re.compile(r"p|param\w*|weight|w|tensor|x")
_LIST_OF_ONE = re.compile(rf"\[(?:[\s(]|#.*\n)*(?:{_ONE.pattern})(?:[\s),]|#.*\n)*\]")
REGISTRIES = frozenset({"build", "get", "create", "build_optimizer"})
RUNNERS = frozenset({"map", "starmap", "submit", "tree_map"})
"""What calls the first thing that it is given, and may make optimizers so."""
KEYWORDS = frozenset({"params", "parameters", "param_groups", "params_groups"})
_LOOKS = re.compile(r"adam|sgd|optim(?!al)|lion|adagrad|rmsprop|adafactor|lamb\b|prodigy|shampoo", re.IGNORECASE)


def callee(func: cst.BaseExpression) -> str:
    """The last identifier of what is called; of a table that is looked up in, the table's."""
    while True:
        key = _key(func)
        if key is not None and _MAKER.fullmatch(key):
            return key
        if isinstance(func, cst.Subscript):
            func = func.value
        elif isinstance(func, cst.Call) and isinstance(func.func, cst.Attribute):
            func = func.func if names_anything(func.func.attr.value) else func.func.value
        elif isinstance(func, cst.Call) and dotted(func.func) == "getattr" and func.args:
            func = func.args[0].value
        elif isinstance(func, cst.Call):
            func = func.func
        else:
            break
    return last_name(func)


def _key(func: cst.BaseExpression) -> str | None:
    """The plain string with which something is looked up."""
    if isinstance(func, cst.Subscript) and len(func.slice) == 1:
        index = func.slice[0].slice
        return literal(index.value) if isinstance(index, cst.Index) else None
    if isinstance(func, cst.Call) and isinstance(func.func, cst.Attribute) and func.args:
        return literal(func.args[0].value) if func.func.attr.value in ("get", "pop") else None
    return None


@cache
def names_maker(name: str) -> bool:
    """Whether an identifier is what people call an optimizer class or factory: ``optimizer_cls``, ``opt_fn``."""
    if _OTHER_VERB.search(name):
        return False
    return bool(_MAKER.fullmatch(name) or _MAKER_FOR.fullmatch(name)) and not _VERB.match(name)


@cache
def names_verb(name: str) -> bool:
    """Whether an identifier says that calling it makes an optimizer: ``build_optimizer``."""
    return bool(_VERB.match(name)) and bool(_VERB_OBJECT.search(name))


def names_anything(name: str) -> bool:
    """Whether an identifier is what people call a factory of anything that a config describes."""
    return "instantiate" in name or name.startswith("build_from") or name.endswith("class_by_name")


def names_another(name: str) -> bool:
    """Whether a method is called what is done with parameters, other than to make an optimizer of them."""
    return _NO_MAKER.fullmatch(name) is not None


def looks_like_class(name: str) -> bool:
    """Whether an identifier is spelled like an optimizer class: ``HybridAdam``."""
    return name[:1].isupper() and bool(_LOOKS.search(name))


def takes_parameters(call: cst.Call) -> bool:
    """Whether a call is passed what looks like a model's parameters or parameter groups."""
    first = True
    for arg in call.args:
        if arg.keyword is not None:
            if arg.keyword.value in KEYWORDS:
                return True
            continue
        if arg.star != "**" and (is_parameters(arg.value) or (first and arg.star == "" and is_list_of_one(arg.value))):
            return True
        first = False
    return False


def is_parameters(value: cst.BaseExpression) -> bool:
    """Whether an expression looks like parameters: ``model.parameters()``, ``param_groups``, ``[{"params": …}]``."""
    name = last_name(value)
    if name:
        return names_parameters(name)
    if isinstance(value, cst.Call) and looks_like_class(callee(value.func)):
        return False  # an optimizer that is made in this place
    for node in walk(value):
        if isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute):
            if node.func.attr.value in ("parameters", "named_parameters", "trainable_parameters"):
                return True
        elif isinstance(node, cst.DictElement) and literal(node.key) == "params":
            return True
    if isinstance(value, (cst.List, cst.Tuple)):
        return any(is_parameters(e.value) for e in value.elements)
    return isinstance(value, cst.Call) and makes_parameters(callee(value.func))


def is_optimizer(value: cst.BaseExpression) -> bool:
    """Whether an expression is named like a finished optimizer."""
    return _is_kept(last_name(value))


def _is_kept(name: str) -> bool:
    return bool(_KEPT.fullmatch(name)) and not _NOT_KEPT.search(name)


def is_list_of_one(value: cst.BaseExpression) -> bool:
    """Whether an expression is a list of one parameter, as optimizers that step in the backward pass are given."""
    if not isinstance(value, cst.List) or len(value.elements) != 1:
        return False
    only = value.elements[0].value
    return isinstance(only, cst.Name) and bool(_ONE.fullmatch(only.value))


@cache
def tells(word: str) -> bool:
    """Whether a word in a function is one of those by which a call in it is taken for one that makes an optimizer."""
    if word == "lr" or names_anything(word) or names_maker(word) or names_verb(word):
        return True
    return names_parameters(word) or makes_parameters(word)


def names_parameters(name: str) -> bool:
    """Whether an identifier is what people call parameters or groups of them."""
    return _PARAMETERS.fullmatch(name) is not None


def makes_parameters(name: str) -> bool:
    """Whether an identifier says that calling it gives the parameters for an optimizer."""
    return "optim" in name and _PARAMETERS.search(name) is not None


def may_list_one(body: Body) -> bool:
    """Whether there may be a list of one parameter in the body of a function."""
    return _LIST_OF_ONE.search(body.code) is not None


def use_of(call: cst.Call, module: Module) -> str:
    """What is done with what a call gives, going by names.

    ``kept`` as an optimizer, ``several`` of them, ``other`` (kept as something else), taken ``apart``, ``returned``
    from a function that does not say what it makes, ``passed`` on into something, or ``dropped``.
    """
    node: cst.CSTNode = _unwrapped(call, module)
    parent = module.parents[node]
    while isinstance(parent, (cst.IfExp, cst.BooleanOperation)):
        node, parent = parent, module.parents[parent]
    if isinstance(parent, cst.Expr):
        return "dropped"
    if isinstance(parent, (cst.Attribute, cst.Subscript, cst.StarredElement)):
        return "apart"
    if isinstance(parent, cst.Return):
        function = module.function(call)
        return "kept" if function is not None and names_verb(function.name.value) else "returned"
    targets: list[cst.BaseExpression]
    if isinstance(parent, cst.Assign):
        targets = [t.target for t in parent.targets]
    elif isinstance(parent, (cst.AnnAssign, cst.NamedExpr)):
        targets = [parent.target]
    else:
        return "passed"
    if any(isinstance(t, (cst.Tuple, cst.List)) for t in targets):
        return "apart"
    names = [_described(t) for t in targets]
    kept = [n for n in names if _is_kept(n)]
    if not kept:
        function = module.function(call)
        if function is not None and names_verb(function.name.value) and not any(_NOT_KEPT.search(n) for n in names):
            return "kept"
        return "passed" if all(isinstance(t, cst.Subscript) for t in targets) else "other"
    held = isinstance(targets[0], (cst.Name, cst.Attribute))
    return "several" if held and all(re.search(r"(?:optims|optimi[sz]ers|opts)$", n, re.I) for n in kept) else "kept"


def is_returned_as_made(name: str, call: cst.Call, module: Module) -> bool:
    """Whether a function that is named for making optimizers keeps or returns what a call of another such gives."""
    return not _NOT_KEPT.search(name) and bool(call.args) and use_of(call, module) == "kept"


def gives_parameters(call: cst.Call, module: Module) -> bool:
    """Whether what a call gives is unpacked into parameters, and into nothing that is named like an optimizer."""
    parent = module.parents[_unwrapped(call, module)]
    targets = [t.target for t in parent.targets] if isinstance(parent, cst.Assign) else []
    unpacked = [e.value for t in targets if isinstance(t, (cst.Tuple, cst.List)) for e in t.elements]
    return any(names_parameters(last_name(e)) for e in unpacked) and not any(map(is_optimizer, unpacked))


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
        words = {w.lower() for w in _WORDS.findall(_described(arg.value))}
        return bool(words & _NODES) and not words & _OTHER_NODES
    return False


def names_class(name: str) -> bool:
    """Whether a maker's name says that it is a class or factory, and is not a word for finished optimizers too."""
    return bool(_CLASS.search(name))


def form(call: cst.Call, module: Module, names: Names) -> str:
    """How what is called came to the call: a word of the JSON contract."""
    func = call.func
    if isinstance(func, cst.Subscript):
        return "registry"
    if isinstance(func, cst.Call):
        inner = dotted(func.func)
        if inner == "getattr":
            return "getattr"
        return "registry" if inner.rpartition(".")[2] in ("get", "pop") else "variable"
    if isinstance(func, cst.Attribute):
        return "attribute"
    kinds = {b.kind for b in names.bindings(func.value, call, module)} if isinstance(func, cst.Name) else set()
    if kinds and kinds <= {"import", "class", "def"}:
        return "call"
    return "parameter" if kinds == {"param"} else "variable"


def is_used_as_optimizer(call: cst.Call, module: Module) -> bool:
    """Whether the code around steps what a call gives, or set the parameters in the node that the call is given."""
    kept = _assigned(call, module)
    node = dotted(call.args[0].value) if call.args else ""
    for found in walk(_surroundings(call, kept, module)):
        if isinstance(found, cst.Attribute) and found.attr.value in _METHODS and dotted(found.value) in kept:
            return True
        if isinstance(found, cst.AssignTarget) and node and dotted(found.target).startswith(f"{node}.params"):
            return True
    return False


def _assigned(call: cst.Call, module: Module) -> set[str]:
    """The variables and attributes that get what a call gives."""
    parent = module.parents[_unwrapped(call, module)]
    return {dotted(t.target) for t in parent.targets} - {""} if isinstance(parent, cst.Assign) else set()


def _surroundings(call: cst.Call, kept: set[str], module: Module) -> cst.CSTNode:
    """Where what is kept can be used: the function, or the class whose attribute it is."""
    function = module.function(call)
    if function is None:
        return module.tree
    cls = module.method_class(function) if any("." in name for name in kept) else None
    return cls if cls is not None else function


def _described(value: cst.BaseExpression) -> str:
    """The word that says most of what an expression is: the key of a lookup, else the last name."""
    if isinstance(value, cst.Subscript):
        index = value.slice[0].slice
        key = literal(index.value) if isinstance(index, cst.Index) else None
        return key if key is not None else _described(value.value)
    if isinstance(value, cst.Call) and isinstance(value.func, cst.Attribute):
        named = literal(value.args[0].value) if value.args else None
        return named if named is not None else _described(value.func.value)
    return last_name(value)


def is_called_later(call: cst.Call, module: Module) -> bool:
    """Whether what a call gives is itself called in the same function: then it is a factory, not an optimizer."""
    kept = _assigned(call, module)
    around = _surroundings(call, kept, module)
    return any(isinstance(n, cst.Call) and dotted(n.func) in kept for n in walk(around))
