"""Checks receipts (*.jsonl) and seals (*.json) by docs/receipt.md, with Python's standard library and nothing else.

--partial: a part of a chain was given, so gaps and receipts that are not there are no problems.
--head: SHA-256 of a seal that must be the newest of its chain. Signatures are not checked: that needs a library.
Exit codes: 0 no problem; 1 problems, each on a line of standard output; 2 a file could not be read.
"""

# ruff: noqa: ANN001, ANN201, E401, E731, I001
import argparse, hashlib, json, re, sys
from pathlib import Path

HEX = {"md5": 32, "sha1": 40, "sha224": 56, "sha256": 64, "sha384": 96, "sha512": 128}
# A form: a pattern for a text, a constant, a tuple of choices, a list of one form, an object of forms, or a function.
ANY, TEXT, DIGITS, SHA = map(re.compile, ("(?s:.*)", "(?s:.+)", "[0-9a-f]*", "[0-9a-f]{64}"))
TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z")
BASE64, CRC, CHECK = map(re.compile, ("[A-Za-z0-9+/]{86}==", "[A-Za-z0-9+/]{11}=", "(crc64|md5) of each block"))


def need(holds, problem):
    if not holds:
        raise ValueError(problem)


def fits(value, form):
    if isinstance(form, dict):
        return isinstance(value, dict) and value.keys() == form.keys() and all(fits(value[k], form[k]) for k in form)
    if isinstance(form, list):
        return isinstance(value, list) and all(fits(item, form[0]) for item in value)
    if isinstance(form, tuple):
        return any(fits(value, choice) for choice in form)
    if isinstance(form, re.Pattern):
        return isinstance(value, str) and form.fullmatch(value) is not None
    return form(value) if callable(form) else value == form


count = lambda value: type(value) is int and 0 <= value < 2**53
positive = lambda value: count(value) and value > 0
algorithms = lambda value: fits(value, [tuple(HEX)]) and value != [] and value == sorted(set(value))
digest = lambda name, value: fits(value, DIGITS) and len(value) == HEX.get(name)
digests = lambda value: isinstance(value, dict) and value != {} and all(digest(*item) for item in value.items())
canonical = lambda v: json.dumps(v, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()
hashed = lambda data: hashlib.sha256(data).digest()
PLACE = {"name": TEXT, "provider": TEXT, "bucket": TEXT, "prefix": TEXT}
HEADER = {
    "type": "receipt", "format": "bagfill-receipt/2", "bagVersion": TEXT, "concluded": TIME,
    "ingest": {"id": TEXT, "requestId": (TEXT, None)}, "source": PLACE, "destination": PLACE,
    "storageManifest": {"sha256": SHA}, "software": {"name": TEXT, "version": TEXT, "configuration": SHA},
    "dependencies": [{"bagVersion": TEXT, "receipt": (TEXT, None), "sha256": (SHA, None)}],
    "waivers": [{"code": TEXT, "path": ANY, "who": TEXT, "why": TEXT, "granted": TIME, "until": (TIME, None)}],
}  # fmt: skip
FILE = {
    "type": "file", "path": TEXT, "size": count, "digests": digests,
    "obtained": [{"how": ("manifest", "source-read", "destination-read"), "at": TIME, "algorithms": algorithms}],
    "object": {"etag": TEXT, "versionId": (TEXT, None), "requestId": (TEXT, None), "storageClass": ANY,
               "outcome": ("copied", "already-there", "staged", None),
               "transit": ({"check": CHECK, "blockBytes": positive, "crc64": (CRC, None)},
                           {"check": (CHECK, None), "blockBytes": (positive, None), "crc64": (CRC, None),
                            "notFetched": TEXT},
                           {"check": "crc64 of fetched bytes", "blockBytes": (positive, None), "crc64": (CRC, None),
                            "sourceCrc64": (CRC, None)},
                           {"check": "md5 of each block", "blockBytes": positive}, None)},
}  # fmt: skip
SEAL = {
    "format": "bagfill-seal/1", "location": TEXT, "sequence": positive, "bagVersion": TEXT, "ingest": TEXT,
    "previous": ({"seal": SHA, "receipt": SHA}, None), "receipt": {"name": TEXT, "sha256": SHA, "bytes": count},
    "merkleRoot": SHA, "files": count, "bytes": count, "sealed": TIME, "sha256": SHA,
    "signature": ({"algorithm": "ed25519", "key": SHA, "value": BASE64}, None),
}  # fmt: skip


def parsed(line, form, what):
    need(canonical(value := json.loads(line)) + b"\n" == line, f"{what}: not in canonical form")
    need(fits(value, form), f"{what}: not as the format says")
    return value


def check_receipt(path):
    with path.open("rb") as file:
        header = parsed(line := file.readline(2**20), HEADER, "line 1")
        text, length, files, size, last, parts = hashlib.sha256(line), len(line), 0, 0, None, []
        while not (line := file.readline(2**20)).endswith(b'"type":"end"}\n'):
            row = parsed(line, FILE, f"line {files + 2}")
            read = {name for way in row["obtained"] if way["how"] == "destination-read" for name in way["algorithms"]}
            known = {name for way in row["obtained"] for name in way["algorithms"]}
            need(known == read == row["digests"].keys(), f"{row['path']}: not every digest was read at the destination")
            need(last is None or last < row["path"], f"{row['path']}: after {last}, but paths ascend")
            node, bits = hashed(b"\0" + canonical({name: row[name] for name in ("digests", "path", "size")})), files
            while bits & 1:
                node, bits = hashed(b"\1" + parts.pop() + node), bits >> 1
            parts.append(node)
            text.update(line)
            last, files, size, length = row["path"], files + 1, size + row["size"], length + len(line)
        need(not file.read(1), "something follows the last line")
    root = parts.pop() if parts else hashed(b"")
    while parts:
        root = hashed(b"\1" + parts.pop() + root)
    end = {"type": "end", "files": files, "bytes": size, "merkleRoot": root.hex(), "sha256": text.hexdigest()}
    need(line == canonical(end) + b"\n", "last line: counts, root or hash are not what was found")
    need(path.name == header["ingest"]["id"] + ".jsonl", "the file has another name than its receipt")
    text.update(line)
    about = [header["destination"]["name"], header["bagVersion"], header["ingest"]["id"], root.hex(), files, size]
    return text.hexdigest(), [*about, length + len(line)]


def check_seal(path):
    seal = parsed(data := path.read_bytes(), SEAL, "seal")
    body = {name: value for name, value in seal.items() if name not in ("sha256", "signature")}
    need(hashed(canonical(body)).hex() == seal["sha256"], "the seal's own SHA-256 is another")
    need((seal["sequence"] == 1) == (seal["previous"] is None), "only the first seal has none before it")
    need(path.name == f"{seal['sequence']:012d}.json", "the file has another name than its seal")
    return seal, hashed(data).hex()


def check_chains(seals, receipts, partial, heads):
    newest = {}
    for (location, number), (seal, sha256) in sorted(seals.items(), key=lambda item: item[0]):
        before, sha256_before = newest.get(location, ({"sequence": 0}, None))
        if number != before["sequence"] + 1:
            yield from [] if partial else [f"{location}: seals {before['sequence'] + 1} to {number - 1} are missing"]
        elif sha256_before and seal["previous"] != {"seal": sha256_before, "receipt": before["receipt"]["sha256"]}:
            yield f"{location}: seal {number} does not follow seal {number - 1}"
        newest[location] = seal, sha256
        said = [seal[name] for name in ("location", "bagVersion", "ingest", "merkleRoot", "files", "bytes")]
        said.append(seal["receipt"]["bytes"])
        if receipts.get(seal["receipt"]["sha256"], said if partial else None) != said:
            yield f"{location}: the receipt of seal {number} is missing or another: {seal['receipt']['name']}"
    yield from (f"no chain ends in {head}" for head in heads if head not in [sha256 for _, sha256 in newest.values()])


def main():
    (parser := argparse.ArgumentParser()).add_argument("--partial", action="store_true")
    parser.add_argument("--head", action="append", default=[])
    parser.add_argument("paths", nargs="+", type=Path)
    given, problems, receipts, seals = parser.parse_args(), [], {}, {}
    for path in [found for each in given.paths for found in (each.rglob("*.json*") if each.is_dir() else [each])]:
        try:
            if path.suffix == ".jsonl":
                receipts.update([check_receipt(path)])
            else:
                seal, sha256 = check_seal(path)
                first = seals.setdefault((seal["location"], seal["sequence"]), (seal, sha256))
                need(first[1] == sha256, "another seal has the same number")
        except (ValueError, RecursionError) as wrong:
            problems.append(f"{path}: {wrong}")
        except OSError as error:
            print(f"{path}: {error.strerror}", file=sys.stderr)
            return 2
    problems += check_chains(seals, receipts, given.partial, given.head)
    unsealed = len(receipts.keys() - {seal["receipt"]["sha256"] for seal, _ in seals.values()})
    print(*problems, f"sound: {len(receipts)} receipts ({unsealed} without a seal), {len(seals)} seals", sep="\n")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
