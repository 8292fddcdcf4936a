"""Tries SCIM on a sandbox with testers that nobody here wrote: scim2-tester and scim-sanity.

What they find is held against a file of deviations, one a line: tester | resource or phase | check | part of what it says |
why it is so. A finding without a line fails, and so does a line without a finding.
"""

import argparse
import json
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

from deviations import judged, read_deviations
from place import Place

BOUNDARY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
SYSTEM = "scim"


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


def address(place: Place) -> str:
    return f"{place.url}/scim/v2/{SYSTEM}"


def by_scim2_tester(place: Place, token: str) -> tuple[Counter, list]:
    value = as_iam_takes_it(scim2_tester.filling.generate_random_value)
    for name, module in list(sys.modules.items()):
        if name.startswith("scim2_tester") and hasattr(module, "generate_random_value"):
            module.generate_random_value = value
    client = Client(base_url=address(place), headers={"Authorization": f"Bearer {token}"}, timeout=60)
    results = check_server(SyncSCIMClient(client))
    bad = ("ERROR", "CRITICAL", "DEVIATION", "SKIPPED")
    found = [
        ("scim2-tester", result.resource_type or "-", result.title, " ".join((result.reason or "").split()))
        for result in results
        if result.status.name in bad
    ]
    return Counter(result.status.name.lower() for result in results), found


def by_scim_sanity(place: Place, token: str) -> tuple[Counter, list]:
    command = [Path(sys.executable).parent / "scim-sanity", "probe", address(place), "--token", token]
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
        with Place(arguments.keyreeve.resolve(), Path(folder), SYSTEM) as place:
            token = place.token("operator", SYSTEM)
            for name, tester in (("scim2-tester", by_scim2_tester), ("scim-sanity", by_scim_sanity)):
                counts, by_tester = tester(place, token)
                if sum(counts.values()) < 20:
                    raise SystemExit(f"{name} checked next to nothing: {counts}")
                notes.append(f"{name} {', '.join(f'{count} {status}' for status, count in sorted(counts.items()))}")
                found.extend(by_tester)
    return judged(found, deviations, "; ".join(notes))


if __name__ == "__main__":
    sys.exit(main())
