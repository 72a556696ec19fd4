"""Where a patched file hashes the object that holds its switch: what is kept under the old hash is computed anew.

``Hasher.hash(args)``, ``hashlib.md5(str(vars(args)).encode())``: every option counts, so one more gives another number.
https://huggingface.co/docs/datasets/about_cache
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_HASHERS = (
    r"(?:hash|Hasher\.hash|joblib\.hash|make_hash|get_hash|fingerprint|md5|sha1|sha224|sha256|sha384|sha512|blake2[bs])"
)
_INSIDE = r"(?:[^()#]|\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\))*"


def hashing(data: bytes, names: Iterable[str]) -> int | None:
    """The line, from 1, of the first call in a file that hashes one of ``names`` whole; None if there is none."""
    wanted = "|".join(sorted(re.escape(name) for name in names))
    if not wanted:
        return None
    call = re.compile(rf"(?<![\w]){_HASHERS}\(({_INSIDE})\)")
    whole = re.compile(rf"(?<![\w.])(?:{wanted})(?:\.__dict__\b|(?![\w.\[(]))")
    text = data.decode("utf-8", "replace")
    for found in call.finditer(text):
        if whole.search(found.group(1)):
            return text.count("\n", 0, found.start()) + 1
    return None
