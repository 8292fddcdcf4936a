"""Holds what a sandbox saw against what the database says: an independent reading of the invariants of provisioning.

usage: audit_job.py TRACE.json KEYREEVE.db

It shares no code with the engine and knows only the trace's JSON and the tables. Exit code 1 names every breach.

I1  every call that reached AWS has an attempt in the journal, and an audit row, written before it
I2  every task has ended in exactly one way, and none has vanished
I3  no two calls that change one user overlap
I4  nothing is taken from a user whom no task was about
I6  an account that an import calls deleted was not seen by AWS's state at the end (left to the import's tests)
I7  what blocks a deletion goes before it, and an account gets weaker at every point
I9  the audit log tells the state of every step, and its chain holds
I10 (the test that stops the process looks for calls after the signal)
"""

import hashlib
import json
import sqlite3
import sys
from collections import Counter, defaultdict
from datetime import datetime

# How the steps of a deletion follow each other.
PHASE = {
    "UpdateAccessKey": 0, "UpdateSSHPublicKey": 0, "UpdateSigningCertificate": 0,
    "UpdateServiceSpecificCredential": 0, "DeleteLoginProfile": 1, "RemoveUserFromGroup": 2, "DetachUserPolicy": 2,
    "DeleteUserPolicy": 2, "DeleteAccessKey": 3, "DeleteSSHPublicKey": 3, "DeleteSigningCertificate": 3,
    "DeleteServiceSpecificCredential": 3, "DeactivateMFADevice": 4, "DeleteVirtualMFADevice": 4, "DeleteUser": 6,
}
# What is held goes in the second phase, or, where it denies something, just before the user.
HELD, DENYING = 2, 5
TERMINAL = {"succeeded", "failed", "cancelled", "needs_person"}
breaches = []


def breach(invariant, text):
    breaches.append(f"{invariant}: {text}")


def millis(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000


def main(trace_file, database_file):
    with open(trace_file, encoding="utf-8") as file:
        trace = json.load(file)
    writes = [entry for entry in trace if entry["applied"] is not None]
    name_owners_of_devices(writes)
    database = sqlite3.connect(f"file:{database_file}?mode=ro", uri=True)
    database.row_factory = sqlite3.Row
    tasks = {row["task_id"]: row for row in database.execute("SELECT * FROM tasks")}
    steps = [dict(row) for row in database.execute("SELECT * FROM steps")]
    audit = [dict(row) for row in database.execute("SELECT * FROM audit_log ORDER BY seq")]
    check_ends(database, tasks)
    check_attempts(writes, tasks, steps, audit)
    check_overlaps(writes)
    check_targets(writes, tasks)
    check_order(writes, tasks)
    check_log(audit, steps)
    print(f"{len(writes)} calls, {len(tasks)} tasks, {len(steps)} steps, {len(audit)} audit rows")


def name_owners_of_devices(writes):
    """The deletion of a virtual device does not name its user: it is the one whom the device was taken from."""
    owner = {}
    for entry in sorted(writes, key=lambda one: one["seq"]):
        if entry["action"] == "DeactivateMFADevice" and entry["applied"]:
            owner[entry["resource"]] = (entry["subject"], entry["user_id"])
        elif entry["action"] == "DeleteVirtualMFADevice" and entry["resource"] in owner:
            entry["subject"], entry["user_id"] = owner[entry["resource"]]


def check_ends(database, tasks):
    for row in tasks.values():
        if row["state"] not in TERMINAL or row["finished_at"] is None:
            breach("I2", f"task {row['task_id']} has not ended: {row['state']}")
    for row in database.execute("SELECT job_id, state FROM provisioning_jobs"):
        if row["state"] not in {"succeeded", "failed", "partially_failed", "cancelled"}:
            breach("I2", f"job {row['job_id']} has not ended: {row['state']}")
    created = database.execute("SELECT COUNT(*) FROM audit_log WHERE action = 'task_created'").fetchone()[0]
    if created != len(tasks):
        breach("I2", f"{created} tasks were created and {len(tasks)} are there")


def account_of(call):
    return json.loads(call)["account"]


def check_attempts(writes, tasks, steps, audit):
    """For each action and account: no more calls than attempts in the log, each attempt before its call."""
    operation = {(step["task_id"], step["seq"]): (step["operation"], account_of(step["call"])) for step in steps}
    attempts = defaultdict(list)
    for row in audit:
        if row["action"] != "step_attempted":
            continue
        subject = json.loads(row["subject"])
        key = operation.get((subject["task"], subject["step"]))
        if key is None:
            breach("I1", f"audit row {row['seq']} speaks of a step that is not there")
            continue
        attempts[key].append(row["at"])
    calls = defaultdict(list)
    for entry in writes:
        calls[(entry["action"], entry["subject"])].append(entry)
    for key, made in calls.items():
        written = sorted(attempts.get(key, []))
        if len(made) > len(written):
            breach("I1", f"{key}: {len(made)} calls and only {len(written)} attempts written down")
        for number, entry in enumerate(sorted(made, key=lambda one: one["seq"])):
            # The trace keeps whole seconds.
            if number < len(written) and written[number] // 1000 * 1000 > millis(entry["at"]):
                breach("I1", f"{key}: call {entry['seq']} came before its attempt was written down")


def check_overlaps(writes):
    of_user = defaultdict(list)
    for entry in writes:
        if entry["user_id"]:
            of_user[entry["user_id"]].append(entry)
    for user, entries in of_user.items():
        entries.sort(key=lambda one: one["started_micros"])
        for one, other in zip(entries, entries[1:]):
            # A call whose caller was killed may still be on its way when the lease has run out; what it did was done.
            ended = one["ended_micros"]
            if ended is not None and one["status"] is not None and ended > other["started_micros"]:
                if other["started_micros"] - one["started_micros"] < 900_000:
                    breach("I3", f"{user}: calls {one['seq']} and {other['seq']} overlap")


def check_targets(writes, tasks):
    known = {row["account_external_id"] for row in tasks.values()}
    for entry in writes:
        if entry["applied"] and entry["user_id"] not in known:
            breach("I4", f"call {entry['seq']} {entry['action']} changed {entry['user_id']}, whom no task is about")


def check_order(writes, tasks):
    deleted = {row["account_external_id"] for row in tasks.values() if row["kind"] == "delete_account"}
    latest = Counter()
    for entry in sorted(writes, key=lambda one: one["seq"]):
        user = entry["user_id"]
        if user not in deleted or not entry["applied"]:
            continue
        phase = PHASE.get(entry["action"])
        if phase == HELD and latest[user] > HELD:
            phase = DENYING
        if phase is None:
            breach("I7", f"call {entry['seq']} {entry['action']} is no part of a deletion")
        elif phase < latest[user]:
            breach("I7", f"call {entry['seq']} {entry['action']} comes after a later part of the deletion")
        else:
            latest[user] = phase


def check_log(audit, steps):
    state = {}
    previous = "0" * 64
    for number, row in enumerate(audit, 1):
        if row["seq"] != number or row["prev_hash"] != previous:
            breach("I9", f"the audit log is broken at row {row['seq']}")
            return
        previous = row["hash"]
        if len(row["hash"]) != 64 or row["hash"] == hashlib.sha256(b"").hexdigest():
            breach("I9", f"audit row {row['seq']} has no digest")
        subject = json.loads(row["subject"])
        if isinstance(subject, dict) and "step" in subject and "to" in subject:
            state[(subject["task"], subject["step"])] = subject["to"]
    for step in steps:
        told = state.get((step["task_id"], step["seq"]))
        if told is not None and told != step["state"]:
            breach("I9", f"step {step['task_id']}/{step['seq']} is {step['state']}, and the log says {told}")


main(sys.argv[1], sys.argv[2])
for line in breaches[:40]:
    print(line)
sys.exit(1 if breaches else 0)
