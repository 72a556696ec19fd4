"""What is hashed whole, and what only looks like it."""

from __future__ import annotations

import pytest

from cautify.patch.hashed import hashing


@pytest.mark.parametrize(
    "line",
    [
        "key = Hasher.hash(args)",
        "key = Hasher.hash((vae_path, args))",
        "key = hashlib.md5(str(vars(args)).encode()).hexdigest()",
        "key = hashlib.sha256(json.dumps(vars(args), sort_keys=True).encode()).hexdigest()",
        "key = hash(tuple(sorted(args.__dict__.items())))",
        "key = joblib.hash(\n    args)",
    ],
)
def test_an_object_that_is_hashed_whole_is_found(line: str) -> None:
    assert hashing(f"import x\n{line}\n".encode(), {"args"}) == 2


@pytest.mark.parametrize(
    "line",
    [
        "key = Hasher.hash(vae_path)",
        "key = Hasher.hash(args.path)",
        "key = hash(args['path'])",
        "key = rehash(args)",
        "key = Hasher.hash(other.args)",
        "key = Hasher.hash(path); run(args)",
        "key = Hasher.hash(args())",
    ],
)
def test_a_part_of_it_or_another_thing_is_not(line: str) -> None:
    assert hashing(line.encode(), {"args"}) is None
