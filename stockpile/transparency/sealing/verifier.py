"""Check the sealed journal of a stockpile yourself. One file, Python 3.9 or newer, nothing to install.

python verifier.py KEY checkpoint  CHECKPOINT.txt              the signature of a head
python verifier.py KEY inclusion   PROOF.json                  that an entry is under a signed head
python verifier.py KEY consistency PROOF.json                  that a head is the beginning of a later one
python verifier.py KEY leaves      LEAVES.txt CHECKPOINT.txt   that all leaves give the signed root

KEY is NAME+HASH+KEY as the stockpile publishes it and every member keeps it, or a file that holds it.
Ends with 0 where it is proven, 1 where it is not, 2 where a file cannot be read. Trees: RFC 9162; signatures: RFC 8032.
"""

import base64, hashlib, json, os, sys  # noqa: E401
from typing import Any

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
Point = tuple[int, int, int, int]  # (x, y, z, x * y) in extended coordinates


class Unproven(Exception):
    """What was claimed does not follow from what was given; the message says why."""


def node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def leaf(entry: Any) -> bytes:
    text = json.dumps(entry, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(b"\x00" + text.encode()).digest()


def climb(place: int, last: int, start: bytes, steps: list[bytes]) -> tuple[bytes, bytes]:
    """From the node at `place` of a row that ends at `last`: the root of what lies left of it, and of the whole."""
    before = after = start
    for step in steps:
        if last == 0:
            raise Unproven("the proof is too long")
        if place & 1 or place == last:
            before, after = node(step, before), node(step, after)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            after = node(after, step)
        place, last = place >> 1, last >> 1
    if last:
        raise Unproven("the proof is too short")
    return before, after


def inclusion(hashed: bytes, index: int, size: int, steps: list[bytes], root: bytes) -> None:
    if not 0 <= index < size or climb(index, size - 1, hashed, steps)[1] != root:
        raise Unproven("the entry does not lead to the signed root")


def consistency(old: int, old_root: bytes, size: int, new_root: bytes, steps: list[bytes]) -> None:
    if old == size and (steps or old_root != new_root):
        raise Unproven("two heads of the same size differ: the journal was forked")
    if not 0 < old <= size:
        raise Unproven("the earlier head is not the smaller one")
    steps = [old_root, *steps] if old & (old - 1) == 0 else steps
    shift = (old & -old).bit_length() - 1
    place, last = old - 1 >> shift, size - 1 >> shift
    if old < size and (not steps or climb(place, last, steps[0], steps[1:]) != (old_root, new_root)):
        raise Unproven("the later head does not begin with the earlier one: the journal was rewritten")


def root_of(leaves: list[bytes]) -> bytes:
    row: list[tuple[int, bytes]] = []
    for size, hashed in [*((1, one) for one in leaves), (0, b"")]:  # the last closes the tree
        row += [(size, hashed)] if size else []
        while len(row) > 1 and (row[-1][0] == row[-2][0] or not size):
            row[-2:] = [(2 * row[-1][0], node(row[-2][1], row[-1][1]))]
    return row[0][1] if row else hashlib.sha256(b"").digest()


def add(a: Point, b: Point) -> Point:
    m, n = (a[1] - a[0]) * (b[1] - b[0]) % P, (a[1] + a[0]) * (b[1] + b[0]) % P
    c, d = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    return ((n - m) * (d - c) % P, (d + c) * (n + m) % P, (d - c) * (d + c) % P, (n - m) * (n + m) % P)


def times(number: int, point: Point) -> Point:
    result: Point = (0, 1, 1, 0)
    while number:
        result, point, number = add(result, point) if number & 1 else result, add(point, point), number >> 1
    return result


def point_of(data: bytes) -> Point:
    sign, y = divmod(int.from_bytes(data, "little"), 1 << 255)
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    x = x if (x * x - square) % P == 0 else x * pow(2, (P - 1) // 4, P) % P
    if y >= P or (x * x - square) % P or (x == 0 and sign):
        raise Unproven("the signature or the key is no point of the curve")
    return (x, y, 1, x * y % P) if x & 1 == sign else (P - x, y, 1, (P - x) * y % P)


def signed(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the Ed25519 signature is the key's (RFC 8032, 5.1.7)."""
    number = int.from_bytes(signature[32:], "little")
    challenge = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % ORDER
    here = times(number, point_of((4 * pow(5, P - 2, P) % P).to_bytes(32, "little")))
    there = add(point_of(signature[:32]), times(challenge, point_of(public)))
    same = all((here[i] * there[2] - there[i] * here[2]) % P == 0 for i in (0, 1))
    return same and len(public) == 32 and len(signature) == 64 and number < ORDER


def open_checkpoint(text: str, verifier_key: str) -> tuple[int, bytes]:
    """The size and the root that a checkpoint signs; raises Unproven."""
    try:
        name, _, key = verifier_key.strip().split("+", 2)
        body, _, last = text.partition("\n\n")
        origin, size, root = body.split("\n")[:3]
        dash, signer, signature = last.strip("\n").split(" ")
        found, public = (int(size), base64.b64decode(root)), base64.b64decode(key)[1:]
        good = signed(public, (body + "\n").encode(), base64.b64decode(signature)[4:])
    except ValueError as fault:
        raise Unproven("the checkpoint or the key is not in its form") from fault
    if (origin, signer, dash) != (name, name, "\u2014") or not good:
        raise Unproven("the checkpoint is not signed with this key")
    return found


def main(key: str, kind: str, *files: str) -> int:
    key = open(key).read() if os.path.exists(key) else key
    texts = [open(name, encoding="utf-8").read() for name in files]
    told: Any = json.loads(texts[0]) if kind in ("inclusion", "consistency") else {"checkpoint": texts[-1]}
    steps = [bytes.fromhex(step) for step in told.get("proof", [])]
    size, root = open_checkpoint(told["new" if kind == "consistency" else "checkpoint"], key)
    if kind == "inclusion":
        inclusion(leaf(told["entry"]), told["index"], size, steps, root)
    elif kind == "consistency":
        consistency(*open_checkpoint(told["old"], key), size, root, steps)
    elif kind == "leaves" and root_of([bytes.fromhex(line) for line in texts[0].split()]) != root:
        raise Unproven("these leaves do not give the signed root")
    elif kind not in ("leaves", "checkpoint"):
        raise ValueError(f"unknown kind of proof: {kind}")
    return print(f"proven: {kind}, under a head of {size} entries") or 0


if __name__ == "__main__":
    try:
        sys.exit(main(*sys.argv[1:]))
    except Unproven as fault:
        sys.exit(print(f"NOT proven: {fault}") or 1)
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as fault:
        sys.exit(print(f"cannot read what was given: {fault}\n\n{__doc__}", file=sys.stderr) or 2)
