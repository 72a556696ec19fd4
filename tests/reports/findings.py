"""What check may find, made by hand: every state, and paths and messages that no format may stumble over."""

from __future__ import annotations

from cautify.model import Checked, Finding, State

APPLY = "Run `cautify apply`."
PUT_BACK = "Put the file back as cautify wrote it (git diff shows what changed since)."

CHECKED = Checked(
    (
        Finding(".cautify/manifest.json", None, State.CONFLICT, "manifest", "it has conflict markers", "Mend it."),
        Finding("conf/a b,c:50%.yaml", 4, State.MISSING, "edit", "the switch's key was taken out", APPLY),
        Finding("src/x/cautious_optimizer.py", None, State.OLDER, "runtime", "it is an older version", APPLY),
        Finding("src/x/optim.py", 12, State.NEW, "site", "torch.optim.AdamW is not wrapped", APPLY),
        Finding("src/x/optim.py", 31, State.NEW, "site", "torch.optim.AdamW is not wrapped", APPLY),
        Finding("src/x/optim.py", 50, State.APPLIED, "site", "torch.optim.Adam is wrapped"),
        Finding("src/x/own.py", 7, State.EDITED, "edit", "the wrap of torch.optim.Adam has other words", PUT_BACK),
        Finding("src/y/cautious_optimizer.py", None, State.CURRENT, "runtime", "it is of this version"),
        Finding("src/z.py", 3, State.OBSOLETE, "edit", "nothing reads this field any more", APPLY),
    ),
    frozenset({State.EDITED, State.OLDER}),
    patched=5,
)
WHOLE = Checked(tuple(found for found in CHECKED.findings if found.state in (State.APPLIED, State.CURRENT)), patched=2)
ALLOWED = Checked(CHECKED.findings, frozenset(State), patched=5)
NOTHING = Checked(())

ODD_PATHS = {
    "spaces": "a b/ c.py",
    "percent signs": "100%25/%0A.py",
    "commas and colons": "a,b:c/d::error::e.py",
    "a newline": "a\nb::error::c.py",
    "a carriage return": "a\rb.py",
    "a tab": "a\tb.py",
    "bytes that are no UTF-8": b"caf\xe9/\xff.py".decode("utf-8", "surrogateescape"),
    "a surrogate that stands for no byte": "a\ud800b.py",
    "control characters": "a\x00\x1b[31m\x07\x85b.py",
    "what XML forbids": "a\ufffe\uffff\x0c.py",
    "what XML and Markdown obey": "<a href='x'>|`*_[b](c)~#@!&amp;\\.py",
    "letters beyond ASCII": "größe/優化器/🔥.py",
    "a scheme": "http://example.org/x.py",
    "separators of lines": "a\u2028b\u2029c.py",
}
"""Names that a file may have, and some that only a forged manifest gives."""


def odd(text: str, state: State = State.NEW) -> Checked:
    """One finding whose path, message and remedy are all odd."""
    return Checked((Finding(text, 3, state, "site", f"{text} is not wrapped\nat all", f"Mend {text}."),), patched=1)
