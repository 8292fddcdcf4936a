"""Has schemathesis, which nobody here wrote, ask each address of the REST description on a sandbox, with all its checks.

Twice: as an admin, mostly about things that are there, and as a viewer of another system, about whatever it makes up. What
it finds is held against a file of deviations, one a line: who asks | method and path | check | part of what it says | why it
is so. A finding without a line fails. What is refused although the description allows it hangs on what was made up, and on
the clock: that is told and fails nothing.
"""

import argparse
import base64
import json
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from deviations import judged, read_deviations
from place import Place

SYSTEM = "prod"
# So many made-up requests for an address at most, in each phase and for each of the two who ask.
EXAMPLES = {"admin": 30, "viewer": 4}
# How often a thing that is there is asked for by its name.
KNOWN = 0.8
# Answers to what the description allows, besides success: the state of things may not allow it.
FINE = ["2xx", "304", "401", "403", "404", "409", "410", "412", "422", "502", "503"]
# Answers to what the description does not allow.
REFUSED = ["400", "401", "403", "404", "405", "409", "412", "414", "415", "422", "428"]
# Checks that must have had something to do, and how often at least.
CHECKS = [
    "not_a_server_error", "status_code_conformance", "content_type_conformance", "response_headers_conformance",
    "response_schema_conformance", "negative_data_rejection", "positive_data_acceptance", "missing_required_header",
    "unsupported_method", "allow_header_conformance", "use_after_free", "ensure_resource_availability", "ignored_auth",
    "object_level_authorization",
]
BY_CHANCE = frozenset({"positive_data_acceptance"})
LEAST = {"admin": 1_000, "viewer": 300}


def fill(place: Place) -> dict:
    """What there is to ask about: names of parameters with values that lead somewhere."""
    system = place.system
    place.register("other")
    # Nothing is kept of it: a removal over REST has something to remove.
    place.register("spare")
    place.run("protect", "add", system, "--path", "/never/", "--reason", "for a test")
    create = ["account", "create", system, "--yes"]
    place.run(*create, "--name", "ada", "--no-wait")
    # More deletions than one person may ask for, so that a second one must approve.
    place.run("system", "set", system, "max_deletes=0")
    names = [one["name"] for one in json.loads(place.run("account", "list", system)) if "." in one["name"]]
    job = json.loads(place.run("account", "delete", system, names[0], "--yes", "--no-wait", expects=1))
    assert job["state"] == "awaiting_approval", job
    runs = [run["id"] for run in json.loads(place.run("import", "list", system))]
    groups = [one["name"] for one in json.loads(place.run("resource", "list", system, "--type", "group"))]
    tokens = [one["id"] for one in json.loads(place.run("token", "list")) if one["owner"] == "spare"]
    return {
        "path.system_id": [system, "other"],
        "path.account": names[:3],
        "path.profile": ["default", "nightly"],
        "path.run": runs,
        "path.job": [job["id"], job["id"] - 1],
        "path.task": [job["tasks"][0]["id"], job["tasks"][0]["id"] - 1],
        "path.token": tokens or ["0000000000000000"],
        "path.mapping": ["AWS - User", "AWS - Group Assignment"],
        "header.If-Match": ["*"],
        "query.group": groups[:2],
        "query.account": names[:2],
        "query.run": runs,
    }


def configuration(known: dict) -> str:
    lines = ["[phases.stateful.inference]", 'algorithms = ["dependency-analysis"]', ""]
    # What was there and is no more, too long a query, a key that was used before.
    lines += ["[checks.positive_data_acceptance]", f"expected-statuses = {json.dumps(FINE)}", ""]
    lines += ["[checks.negative_data_rejection]", f"expected-statuses = {json.dumps(REFUSED)}", ""]
    lines += ["[checks.missing_required_header]", f"expected-statuses = {json.dumps(REFUSED)}", "", "[dictionaries]"]
    named = {name: name.replace(".", "_") for name in known}
    lines += [f"{named[name]} = {{ values = {json.dumps(values)} }}" for name, values in known.items()]
    lines += ["", "[parameters]"]
    lines += [f'"{name}" = {{ dictionary = "{named[name]}", probability = {KNOWN} }}' for name in known]
    # What is asked about stays there while it is asked about.
    lines += ["", "[[operations]]", 'include-name = "DELETE /systems/{system_id}"', 'parameters = { "path.system_id" = "spare" }']
    return "\n".join(lines) + "\n"


def ask(place: Place, role: str, token: str, known: dict) -> tuple[Counter, set]:
    """How often schemathesis checked what, and what it found."""
    folder = place.folder / role
    folder.mkdir()
    report = folder / "report.ndjson"
    (folder / "schemathesis.toml").write_text(configuration(known), encoding="utf-8")
    command = [Path(sys.executable).parent / "schemathesis", "--config-file", folder / "schemathesis.toml", "run"]
    command += [f"{place.url}/api/v1/openapi.json", "--header", f"Authorization: Bearer {token}"]
    command += ["--checks", "all", "--mode", "all", "--continue-on-failure", "--workers", "1", "--request-timeout", "30"]
    # The same requests each time: what is made up does not depend on chance.
    command += ["--max-examples", str(EXAMPLES[role]), "--generation-deterministic", "--no-shrink"]
    command += ["--suppress-health-check", "all", "--warnings", "off", "--no-color"]
    command += ["--report", "ndjson", "--report-ndjson-path", report]
    done = subprocess.run(command, text=True, capture_output=True, cwd=folder, timeout=400, check=False)
    if done.returncode not in (0, 1) or not report.exists():
        raise SystemExit(f"schemathesis ended with {done.returncode}: {done.stdout[-4000:]} {done.stderr[-4000:]}")
    counts, found = Counter(), set()
    with open(report, encoding="utf-8") as lines:
        for line in lines:
            (kind, event), = json.loads(line).items()
            if kind in ("NonFatalError", "FatalError"):
                found.add((role, "-", kind, " ".join(json.dumps(event).split())))
            if kind == "ScenarioFinished":
                read_scenario(role, event["recorder"], counts, found)
    return counts, found


def read_scenario(role: str, recorder: dict, counts: Counter, found: set):
    for case, checks in recorder.get("checks", {}).items():
        exchange = recorder["interactions"].get(case) or {}
        answer = exchange.get("response") or {}
        for check in checks:
            counts[check["name"]] += 1
            if check["status"] == "success":
                continue
            failure = check["failure_info"]["failure"]
            said = f"{failure['title']}: {failure['message']}; answer {answer.get('status_code')} {text_of(answer)}"
            found.add((role, failure["operation"], check["name"], " ".join(said.split())))


def text_of(answer: dict) -> str:
    content = answer.get("content") or ""
    if isinstance(content, dict):
        content = base64.b64decode(content["$base64"]).decode(errors="replace")
    try:
        return json.loads(content)["detail"]
    except (ValueError, KeyError, TypeError):
        return content[:200]


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--keyreeve", type=Path, required=True)
    parser.add_argument("--deviations", type=Path, required=True)
    arguments = parser.parse_args()
    # What was started ends with this, however this ends.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    deviations = read_deviations(arguments.deviations)
    notes, found = [], set()
    with tempfile.TemporaryDirectory(prefix="keyreeve-rest-") as folder:
        with Place(arguments.keyreeve.resolve(), Path(folder), SYSTEM) as place:
            known = fill(place)
            for role, systems, about in (("admin", (), known), ("viewer", ("other",), {})):
                counts, by_role = ask(place, role, place.token(role, *systems), about)
                idle = [check for check in CHECKS if counts[check] < LEAST[role]]
                if idle:
                    raise SystemExit(f"as {role}, these were checked next to never: {idle}: {counts}")
                notes.append(f"{counts['not_a_server_error']} answers to {role}")
                found |= by_role
    return judged(found, deviations, "; ".join(notes), by_chance=BY_CHANCE)


if __name__ == "__main__":
    sys.exit(main())
