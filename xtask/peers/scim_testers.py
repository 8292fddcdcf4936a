"""Tries SCIM on a sandbox with testers that nobody here wrote: scim2-tester and scim-sanity.

What they find is held against a file of deviations, one a line: tester | resource or phase | check | part of what it says |
why it is so. A finding without a line fails, and so does a line without a finding.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import scim2_tester.filling
from httpx2 import Client
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_tester import check_server

ACCOUNT = "123456789012"
BOUNDARY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
SYSTEM = "scim"


class Place:
    """A sandbox, a store with one imported system, and a server; all of it ends with this."""

    def __init__(self, keyreeve: Path, folder: Path):
        self.keyreeve, self.running = keyreeve, []
        self.environment = os.environ | {"KEYREEVE_DATA_DIR": str(folder / "data"), "AWS_REGION": "us-east-1"}
        self.folder = folder

    def __enter__(self):
        sandbox = self.start("sandbox", "--port", "0", "--admin-port", "0", "--account", ACCOUNT, "--users", "12")
        self.environment["AWS_ENDPOINT_URL"] = sandbox["endpoint_url"]
        key = sandbox["accounts"][0]
        self.run("init")
        add = ["system", "add", "--name", "SCIM", "--system-id", SYSTEM, "--access-key-id", key["access_key_id"]]
        self.run(*add, "--secret-access-key-stdin", given=key["secret_access_key"])
        # Testers write every attribute that a schema calls writable, tags included.
        self.run("system", "set", SYSTEM, "permission_profile=full", "max_deactivations=1000")
        self.run("import", "run", SYSTEM)
        token = self.run("token", "create", "--owner", "tester", "--role", "operator", "--system", SYSTEM)
        self.token = json.loads(token)["token"]
        self.url = self.start("serve", "--listen", "127.0.0.1:0")["url"] + f"/scim/v2/{SYSTEM}"
        return self

    def __exit__(self, *_):
        for process in reversed(self.running):
            process.terminate()
        for process in self.running:
            process.wait(30)

    def run(self, *arguments: str, given: str = "") -> str:
        command = [self.keyreeve, "--output", "json", *arguments]
        done = subprocess.run(
            command, input=given, text=True, env=self.environment, cwd=self.folder, capture_output=True, timeout=120
        )
        if done.returncode != 0:
            raise SystemExit(f"keyreeve {' '.join(arguments)} ended with {done.returncode}: {done.stderr}")
        return done.stdout

    def start(self, *arguments: str) -> dict:
        with open(self.folder / f"{arguments[0]}.log", "w", encoding="utf-8") as log:
            process = subprocess.Popen(
                [self.keyreeve, "--output", "json", *arguments],
                env=self.environment, cwd=self.folder, stdout=subprocess.PIPE, stderr=log, text=True,
            )
        self.running.append(process)
        line = process.stdout.readline()
        if not line:
            raise SystemExit(f"keyreeve {arguments[0]} ended: {(self.folder / f'{arguments[0]}.log').read_text()}")
        return json.loads(line)


def as_iam_takes_it(made_up):
    """Paths and boundaries of IAM users are not just any text, and a search without a filter is expected to find a user on
    its first page, before the policies; everything else stays as the tester makes it up."""

    def value(context, path, mutability=None, required=None):
        made = made_up(context, path, mutability=mutability, required=required)
        name = str(path).rsplit(":", 1)[-1]
        if made is not None and name == "userName":
            return f"00-{made}"
        if made is not None and name == "path":
            return f"/{made}/"
        if made is not None and name == "permissionsBoundary":
            return BOUNDARY
        return made

    return value


def by_scim2_tester(place: Place) -> tuple[Counter, list]:
    value = as_iam_takes_it(scim2_tester.filling.generate_random_value)
    for name, module in list(sys.modules.items()):
        if name.startswith("scim2_tester") and hasattr(module, "generate_random_value"):
            module.generate_random_value = value
    client = Client(base_url=place.url, headers={"Authorization": f"Bearer {place.token}"}, timeout=60)
    results = check_server(SyncSCIMClient(client))
    bad = ("ERROR", "CRITICAL", "DEVIATION", "SKIPPED")
    found = [
        ("scim2-tester", result.resource_type or "-", result.title, " ".join((result.reason or "").split()))
        for result in results
        if result.status.name in bad
    ]
    return Counter(result.status.name.lower() for result in results), found


def by_scim_sanity(place: Place) -> tuple[Counter, list]:
    command = [Path(sys.executable).parent / "scim-sanity", "probe", place.url, "--token", place.token]
    done = subprocess.run(
        [*command, "--json-output", "--i-accept-side-effects", "--timeout", "60"],
        text=True, capture_output=True, timeout=300, cwd=place.folder, check=False,
    )
    try:
        results = json.loads(done.stdout)["results"]
    except (ValueError, KeyError):
        raise SystemExit(f"scim-sanity said nothing that can be read: {done.stdout[:2000]} {done.stderr[:2000]}") from None
    found = [
        ("scim-sanity", result["phase"], result["name"], " ".join((result.get("message") or "").split()))
        for result in results
        if result["status"] not in ("pass",)
    ]
    return Counter(result["status"] for result in results), found


def read_deviations(path: Path) -> list:
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip() and not line.startswith("#")]
    deviations = [tuple(part.strip() for part in line.split(" | ")) for line in lines]
    for deviation, line in zip(deviations, lines):
        if len(deviation) != 5 or not all(deviation):
            raise SystemExit(f"{path.name}: not five parts: {line}")
    return deviations


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--keyreeve", type=Path, required=True)
    parser.add_argument("--deviations", type=Path, required=True)
    arguments = parser.parse_args()
    # What was started ends with this, however this ends.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    deviations = read_deviations(arguments.deviations)
    notes, found = [], []
    with tempfile.TemporaryDirectory(prefix="keyreeve-scim-") as folder:
        with Place(arguments.keyreeve.resolve(), Path(folder)) as place:
            for name, tester in (("scim2-tester", by_scim2_tester), ("scim-sanity", by_scim_sanity)):
                counts, by_tester = tester(place)
                if sum(counts.values()) < 20:
                    raise SystemExit(f"{name} checked next to nothing: {counts}")
                notes.append(f"{name} {', '.join(f'{count} {status}' for status, count in sorted(counts.items()))}")
                found.extend(by_tester)
    met, unlisted = set(), []
    for tester, place_of, check, said in found:
        fits = [
            number
            for number, (of, where, what, part, _) in enumerate(deviations)
            if (of, where, what) == (tester, place_of, check) and part in said
        ]
        met.update(fits)
        if not fits:
            unlisted.append(f"not listed: {tester} | {place_of} | {check} | {said[:600]}")
    gone = [f"listed and not found: {' | '.join(deviations[n])}" for n in range(len(deviations)) if n not in met]
    for line in (*unlisted, *gone):
        print(line)
    print("; ".join(notes) + f"; {len(met)} deviations, all of them listed")
    return 1 if unlisted or gone else 0


if __name__ == "__main__":
    sys.exit(main())
