#!/usr/bin/env python3
"""Seeds an emulated AWS account, imports it with Keyreeve, and compares every field with what boto3 reads.

    compare_import.py --keyreeve BINARY --emulator moto|ministack --endpoint URL [--users N]

Twice: with login profiles read one by one, then from the credential report. Prints what was compared, as a table;
each difference on a line of its own. Exit code 1 if there is any. What the emulators cannot hold or tell is listed,
with its source, at the top of compare_seed.py and compare_reading.py.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile
import time

import boto3
from botocore.config import Config

from compare_reading import Reading, moment
from compare_seed import Seeding

SYSTEM = "emulated"
# What an import calls, and nothing more: ministack refuses the rest.
ACTIONS = [
    "ListUsers",
    "ListGroups",
    "ListPolicies",
    "GetAccountAuthorizationDetails",
    "GetLoginProfile",
    "GenerateCredentialReport",
    "GetCredentialReport",
]
# (XML is escaped, root credentials)
EMULATORS = {"moto": (True, ("AKIAIOSFODNN7EXAMPLE", "secret")), "ministack": (False, ("111122223333", "test"))}
TIMES = {"created_at", "password_last_used_at", "last_used_at", "as_of"}
SHOWN = 20


class Keyreeve:
    def __init__(self, binary, endpoint, folder):
        self.binary, self.folder = binary, folder
        kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        self.environment = kept | {
            "HOME": folder,
            "KEYREEVE_DATA_DIR": f"{folder}/data",
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_EC2_METADATA_DISABLED": "true",
            "NO_PROXY": "127.0.0.1",
        }

    def run(self, *arguments, secret=""):
        command = [self.binary, "--output", "json", *arguments]
        done = subprocess.run(
            command, input=secret, env=self.environment, cwd=self.folder, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            sys.exit(f"keyreeve {' '.join(arguments[:2])} ended with {done.returncode}: {done.stderr}{done.stdout}")
        return done.stdout

    def json(self, *arguments):
        return json.loads(self.run(*arguments))

    def import_once(self, source):
        self.run("import", "profile", "set", SYSTEM, "default", f"login_profile_source={source}")
        run = self.json("import", "run", SYSTEM)
        if run["state"] != "published":
            sys.exit(f"the import was not published: {json.dumps(run, indent=1)}")
        return run


def times_as_milliseconds(value, key=None):
    """The same JSON with its times made comparable."""
    if isinstance(value, dict):
        # A tag may be called created_at too, and stays what it is.
        return {k: v if k == "tags" else times_as_milliseconds(v, k) for k, v in value.items()}
    if isinstance(value, list):
        return [times_as_milliseconds(item, key) for item in value]
    return moment(value) if key in TIMES else value


def identity(item):
    if "kind" in item:
        subject = item.get("account_external_id") or item.get("group_external_id")
        return (item["kind"], subject, item["resource_arn"])
    return item["external_id"]


class Comparison:
    """Counts what was compared, and keeps each difference as a sentence."""

    def __init__(self):
        self.rows, self.differences = [], []
        # Whole seconds, as the credential report has them.
        self.began = int(time.time()) * 1000

    def compare(self, source, what, ours, theirs, runs):
        """Both lists hold the same objects with the same fields; `runs` are the first import and this one."""
        before = len(self.differences)
        if what in ("accounts", "resources"):
            order = [(item["name"], item["external_id"]) for item in ours]
            if order != sorted(order):
                self.differences.append(f"{what} are not sorted by name and id")
        found = {identity(item): item for item in times_as_milliseconds(ours)}
        if len(found) != len(ours):
            self.differences.append(f"{what}: {len(ours) - len(found)} are listed twice")
        wanted = {identity(item): item for item in theirs}
        for key in wanted.keys() | found.keys():
            if key not in found or key not in wanted:
                self.differences.append(f"{what} {key}: only {'keyreeve' if key in found else 'boto3'} has it")
                continue
            item = found[key]
            seen = (item.pop("first_seen_run"), item.pop("last_seen_run"))
            if seen != (runs[0]["id"], runs[-1]["id"]):
                self.differences.append(f"{what} {key}: first and last seen by runs {seen}")
            if what == "accounts" and item.pop("pending", None) != []:
                self.differences.append(f"{what} {key}: a change of ours is pending, and we made none")
            self.fields(f"{what} {key}", item, wanted[key], runs[-1])
        self.rows.append((source, what, len(ours), len(theirs), len(self.differences) - before))

    def fields(self, place, ours, theirs, run):
        if ours.get("credentials", {}).get("source") == "per_user":
            # Only we know when we asked.
            as_of = ours["credentials"].pop("as_of")
            if not moment(run["started_at"]) <= as_of <= moment(run["finished_at"]):
                self.differences.append(f"{place}: read at {as_of}, outside the run")
        elif {"as_of"} <= ours.get("credentials", {}).keys() & theirs.get("credentials", {}).keys():
            # An emulator stamps its report anew each time it is read; IAM's own may be hours old, never younger than both.
            if self.began <= ours["credentials"]["as_of"] <= theirs["credentials"]["as_of"]:
                ours["credentials"]["as_of"] = theirs["credentials"]["as_of"]
        # Reading is use: the reader's own key was used again between our reading and boto3's.
        for one, other in zip(ours.get("access_keys") or [], theirs.get("access_keys") or []):
            if one["last_used_at"] and other["last_used_at"] and other["last_used_at"] > one["last_used_at"]:
                if one["last_used_at"] >= self.began:
                    one["last_used_at"] = other["last_used_at"]
        for field in ours.keys() | theirs.keys():
            ours_text, theirs_text = (json.dumps(side.get(field, "(no field)"), sort_keys=True) for side in (ours, theirs))
            if ours_text != theirs_text:
                self.differences.append(f"{place}: {field}: keyreeve {ours_text}, boto3 {theirs_text}")

    def parts(self, source, what, key, ours, theirs):
        """One more line of the table, for a part of what has just been compared."""
        of_these = self.differences[len(self.differences) - self.rows[-1][-1] :]
        bad = sum(f" {key}: " in line for line in of_these)
        self.rows.append((source, what, len(ours), len(theirs), bad))

    def show(self, emulator):
        print(f"{'emulator':<10} {'login profiles':<18} {'compared':<16} {'keyreeve':>8} {'boto3':>8} {'differences':>12}")
        for source, what, ours, theirs, bad in self.rows:
            print(f"{emulator:<10} {source:<18} {what:<16} {ours:>8} {theirs:>8} {bad:>12}")
        for line in self.differences[:SHOWN]:
            print(f"difference: {line}")
        if len(self.differences) > SHOWN:
            print(f"… and {len(self.differences) - SHOWN} more")


def connector_key(iam):
    """An access key of a user who may do what an import needs."""
    iam.create_user(UserName="keyreeve-connector", Path="/keyreeve/")
    statement = {"Effect": "Allow", "Action": [f"iam:{action}" for action in ACTIONS], "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName="keyreeve-connector", PolicyName="import", PolicyDocument=policy)
    key = iam.create_access_key(UserName="keyreeve-connector")["AccessKey"]
    return key["AccessKeyId"], key["SecretAccessKey"]


def compare(keyreeve, iam, key):
    keyreeve.run("init")
    add = ["system", "add", "--name", "Emulated", "--system-id", SYSTEM, "--region", "us-east-1"]
    keyreeve.run(*add, "--access-key-id", key[0], "--secret-access-key-stdin", secret=key[1])
    reading, comparison, runs = Reading(iam, SYSTEM), Comparison(), []
    assignments, resources = reading.assignments(), reading.resources()
    for source in ("per_user", "credential_report"):
        runs.append(keyreeve.import_once(source))
        ours, theirs = keyreeve.json("account", "list", SYSTEM), reading.accounts(source)
        comparison.compare(source, "accounts", ours, theirs, runs)
        present = lambda accounts: [a for a in accounts if a["login_profile"]["state"] == "present"]
        comparison.parts(source, "login profiles", "login_profile", present(ours), present(theirs))
        comparison.compare(source, "resources", keyreeve.json("resource", "list", SYSTEM), resources, runs)
        comparison.compare(source, "assignments", keyreeve.json("assignment", "list", SYSTEM), assignments, runs)
    return comparison


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keyreeve", required=True, help="the binary")
    parser.add_argument("--emulator", required=True, choices=EMULATORS)
    parser.add_argument("--endpoint", required=True)
    parser.add_argument("--users", type=int, default=1000)
    arguments = parser.parse_args()
    escapes_xml, (key_id, secret) = EMULATORS[arguments.emulator]
    iam = boto3.client(
        "iam",
        endpoint_url=arguments.endpoint,
        region_name="us-east-1",
        aws_access_key_id=key_id,
        aws_secret_access_key=secret,
        config=Config(retries={"total_max_attempts": 1}),
    )
    began = time.monotonic()
    Seeding(iam, escapes_xml, arguments.users, groups=30, policies=100, seed=7).run()
    key = connector_key(iam)
    print(f"{arguments.emulator}: seeded {arguments.users} users in {time.monotonic() - began:.0f} s", flush=True)
    with tempfile.TemporaryDirectory(prefix="keyreeve-compare-") as folder:
        comparison = compare(Keyreeve(os.path.abspath(arguments.keyreeve), arguments.endpoint, folder), iam, key)
    comparison.show(arguments.emulator)
    return 1 if comparison.differences else 0


if __name__ == "__main__":
    sys.exit(main())
