"""Holds what a sandbox saw against what the database says: an independent reading of the invariants.

usage: audit_job.py TRACE.json KEYREEVE.db KEYREEVE.key [SECRET...]

It shares no code with the engine and knows only the trace's JSON, the tables and the form of keys. Each SECRET
is looked for in all of them. Exit code 1 names every breach.

I1  every call that reached AWS has an attempt in the journal, and an audit row by the job's actor, written before it;
    times are compared as finely as the trace tells them (its clock of microseconds, set by its whole seconds)
I2  every task has ended in exactly one way, and none has vanished
I3  no two calls that change one user overlap. Of lease numbers the store keeps only the latest: that an older one is
    refused is tested in store/tests/it/provisioning/journal.rs and claiming.rs
I4  nothing is taken from a user whom no task was about, and nothing outside of the system's AWS account
I5  versions of what was imported begin and end with published runs of their system, without overlap
I6  what a run calls deleted was missing in whole collections, was looked for a second time, is changed by no later
    call, and a run under suspicion was accepted by somebody
I7  what blocks a deletion goes before it, and an account gets weaker at every point. What policies deny is in neither
    trace nor store: that order is tested in policy/tests/it/removal.rs and engine/tests/it/provisioning/order.rs
I8  no secret in the trace, and none in the tables but as a ciphertext. Logs, errors and panics are neither: see
    cli/tests/it/secrets.rs and no_credentials.rs
I9  every row of the audit log has the digest of its columns and of the row before, the head is signed with the key,
    and replaying the log gives the state of every step and task. Every prefix of it: store/tests/it/provisioning/fold.rs
I10 no task is left running, and no attempt without an outcome. When the signal came is in neither trace nor store: that
    no call begins after it is tested in cli/tests/it/r01_killed_job.rs (R34)
"""

import base64
import hashlib
import hmac
import json
import re
import sqlite3
import sys
from collections import Counter, defaultdict
from datetime import datetime

import envelope

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


def main(trace_file, database_file, key_file, *secrets):
    with open(trace_file, encoding="utf-8") as file:
        trace = json.load(file)
    with open(key_file, encoding="utf-8") as file:
        key = file.read().split()[1]
    writes = [entry for entry in trace if entry["applied"] is not None]
    name_owners_of_devices(writes)
    database = sqlite3.connect(f"file:{database_file}?mode=ro", uri=True)
    database.row_factory = sqlite3.Row
    tasks = {row["task_id"]: row for row in database.execute("SELECT * FROM tasks")}
    steps = [dict(row) for row in database.execute("SELECT * FROM steps")]
    audit = [dict(row) for row in database.execute("SELECT * FROM audit_log ORDER BY seq")]
    runs = {row["run_id"]: row for row in database.execute("SELECT * FROM import_runs")}
    check_ends(database, tasks)
    clock = Clock(trace)
    check_attempts(writes, steps, audit, clock)
    check_actors(database, tasks, steps, audit, writes)
    check_overlaps(writes)
    check_targets(database, writes, tasks)
    check_versions(database, runs)
    covered = check_deletions(database, runs, trace, clock)
    check_order(writes, tasks)
    check_secrets(database, trace, [key, *secrets])
    check_log(database, audit, steps, tasks, base64.b64decode(key))
    check_stopped(database, steps, tasks)
    print(f"{len(writes)} calls, {len(tasks)} tasks, {len(steps)} steps, {len(audit)} audit rows, {len(runs)} runs")
    print(f"I1: times are known to {clock.width_millis:.1f} ms")
    print(f"I6: {covered[0]} of {covered[1]} deletions lie within the trace")
    print("not seen here: lease numbers (I3), what policies deny (I7), logs, errors and panics (I8), prefixes of the log "
          "(I9), the moment of a signal (I10); see the head of this file for where they are tested")


class Clock:
    """When a call arrived in the store's time: the trace has whole seconds, and microseconds of another clock."""

    def __init__(self, trace):
        seconds = [(millis(entry["at"]), entry["started_micros"] / 1000) for entry in trace]
        self.low = max((at - own for at, own in seconds), default=0)
        # Between the two looks at a clock the machine may do something else.
        self.high = min((at + 1000 - own for at, own in seconds), default=1000) + 5
        # The sandbox's clock can be set; then only its seconds say something.
        self.steady = self.high >= self.low
        self.width_millis = self.high - self.low if self.steady else 1000.0

    def latest(self, entry):
        return entry["started_micros"] / 1000 + self.high if self.steady else millis(entry["at"]) + 1000

    def earliest(self, entry):
        return entry["started_micros"] / 1000 + self.low if self.steady else millis(entry["at"])


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


def check_attempts(writes, steps, audit, clock):
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
            if number < len(written) and written[number] > clock.latest(entry):
                breach("I1", f"{key}: call {entry['seq']} came before its attempt was written down")


def check_actors(database, tasks, steps, audit, writes):
    """What is written down of a step is written down as done by whoever asked for the job, and names its call."""
    jobs = {row["job_id"]: row["actor"] for row in database.execute("SELECT job_id, actor FROM provisioning_jobs")}
    for row in audit:
        subject = json.loads(row["subject"])
        if not row["action"].startswith("step_"):
            continue
        task = tasks.get(subject["task"])
        if task is None or task["job_id"] != subject["job"]:
            breach("I1", f"audit row {row['seq']} speaks of a task that is not in its job")
        elif row["actor"] != jobs[task["job_id"]]:
            breach("I1", f"audit row {row['seq']} is by {row['actor']}, the job by {jobs[task['job_id']]}")
    made = {entry["request_id"]: entry for entry in writes}
    for step in steps:
        entry = made.get(step["request_id"])
        if entry and (entry["action"] != step["operation"]):
            breach("I1", f"step {step['task_id']}/{step['seq']} names the request of {entry['action']}")


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


def check_targets(database, writes, tasks):
    known = {row["account_external_id"] for row in tasks.values()}
    pinned = {row["aws_account_id"] for row in database.execute("SELECT aws_account_id FROM systems")}
    for entry in writes:
        if entry["applied"] and entry["user_id"] not in known:
            breach("I4", f"call {entry['seq']} {entry['action']} changed {entry['user_id']}, whom no task is about")
        if entry["account"] and entry["account"] not in pinned:
            breach("I4", f"call {entry['seq']} {entry['action']} went to the AWS account {entry['account']}")


OPEN = 2 ** 63 - 1
# Tables of versions, with what tells one object from another.
VERSIONS = {
    "account_versions": "external_id",
    "resource_versions": "external_id",
    "assignment_versions": "subject_external_id || ' ' || kind || ' ' || resource_key",
}


def check_versions(database, runs):
    for table, name in VERSIONS.items():
        before = {}
        text = f"SELECT *, {name} AS object FROM {table} ORDER BY system_key, object, valid_from_run, valid_to_run"
        for row in database.execute(text):
            what = f"{table}: {row['object']} from run {row['valid_from_run']} to {row['valid_to_run']}"
            for end in (row["valid_from_run"], row["valid_to_run"]):
                if end == OPEN:
                    continue
                run = runs.get(end)
                if run is None or run["state"] != "published" or run["system_key"] != row["system_key"]:
                    breach("I5", f"{what}: run {end} is {run['state'] if run else 'not there'}")
            key = (row["system_key"], row["object"])
            if row["valid_from_run"] >= row["valid_to_run"] or row["valid_from_run"] < before.get(key, 0):
                breach("I5", f"{what} overlaps another version")
            before[key] = row["valid_to_run"]


def check_deletions(database, runs, trace, clock):
    """Gives how many of the deletions lie within the trace, and how many there are."""
    covered = total = 0
    last = database.execute(
        "SELECT system_key, external_id, name, MAX(valid_to_run) AS gone FROM account_versions "
        "GROUP BY system_key, external_id")
    for row in last:
        if row["gone"] == OPEN or row["gone"] not in runs:
            continue
        total += 1
        run = runs[row["gone"]]
        what = f"{row['name']} ({row['external_id']}), deleted by run {row['gone']}"
        states = {one["name"]: one["state"] for one in json.loads(run["collections"])}
        for needed in ("users", "authorization_details"):
            if states.get(needed) != "whole":
                breach("I6", f"{what}: {needed} is {states.get(needed)}")
        if json.loads(run["suspicions"]) and run["decided_by"] is None:
            breach("I6", f"{what}: nobody accepted the run, which was under suspicion")
        during = [entry for entry in trace if clock.latest(entry) >= run["started_at"]
                  and clock.earliest(entry) <= run["finished_at"]]
        if any(entry["action"] == "ListUsers" for entry in during):
            covered += 1
            looked = [entry for entry in during if entry["action"] == "GetUser"
                      and entry["subject"] == row["name"] and entry["error"] == "NoSuchEntity"]
            listed = [entry for entry in during if entry["action"] == "ListUsers" and entry["page"] == 1]
            if not looked and len(listed) < 2:
                breach("I6", f"{what}: nobody looked for it a second time")
        later = [entry for entry in trace if entry["user_id"] == row["external_id"] and entry["applied"]
                 and clock.earliest(entry) > run["finished_at"]]
        if later:
            breach("I6", f"{what}: call {later[0]['seq']} {later[0]['action']} changed it afterwards")
    return covered, total


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


# One-time secrets, and what else must never be written.
SECRET = re.compile(r"krs_[A-Za-z0-9]{8,}_[A-Za-z0-9_-]{8,}|AGE-SECRET-KEY-|PRIVATE KEY-----|keyreeve_pat_[A-Za-z0-9]+_")
# Tables that hold ciphertexts, which are no text.
SEALED = {"ciphertext", "nonce"}


def check_secrets(database, trace, secrets):
    for entry in trace:
        if entry["params"].get("Password", "(secret)") != "(secret)":
            breach("I8", f"call {entry['seq']} has its password in the trace")
    tables = [row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    for table in tables:
        for row in database.execute(f"SELECT * FROM {table}"):
            for column in set(row.keys()) - SEALED:
                text = row[column].decode("latin-1") if isinstance(row[column], bytes) else str(row[column])
                if SECRET.search(text) or any(secret in text for secret in secrets):
                    breach("I8", f"{table}.{column} holds a secret")
    told = json.dumps(trace)
    if SECRET.search(told) or any(secret in told for secret in secrets):
        breach("I8", "the trace holds a secret")


def digest(row):
    """SHA-256 of the row as JSON: keys in order, no white space, the subject byte for byte as it is stored."""
    word = lambda text: "null" if text is None else json.dumps(text, ensure_ascii=False)
    text = (f'{{"action":{word(row["action"])},"actor":{word(row["actor"])},"at":{row["at"]},'
            f'"prev_hash":{word(row["prev_hash"])},"seq":{row["seq"]},"subject":{row["subject"]},'
            f'"system_id":{word(row["system_id"])}}}')
    return hashlib.sha256(text.encode()).hexdigest()


def check_log(database, audit, steps, tasks, key):
    told_steps, told_tasks = {}, {}
    previous = "0" * 64
    for number, row in enumerate(audit, 1):
        if row["seq"] != number or row["prev_hash"] != previous:
            breach("I9", f"the audit log is broken at row {row['seq']}")
            break
        if digest(row) != row["hash"]:
            breach("I9", f"audit row {row['seq']} is not what its digest was made of")
            break
        previous = row["hash"]
        subject = json.loads(row["subject"])
        if row["action"] == "steps_replaced":
            # A task that was planned anew: some of its steps are not made any more, some are to be made once more.
            told_steps.update({(subject["task"], step): "skipped" for step in subject["skipped"]})
            told_steps.update({(subject["task"], step): "planned" for step in subject["again"]})
            continue
        if not isinstance(subject, dict) or "to" not in subject or "task" not in subject:
            continue
        told, which = told_tasks, subject["task"]
        if "step" in subject:
            told, which = told_steps, (subject["task"], subject["step"])
        if told.get(which, subject.get("from")) != subject.get("from"):
            breach("I9", f"audit row {row['seq']} begins at {subject['from']}, and {which} was {told[which]}")
        told[which] = subject["to"]
    head = database.execute("SELECT seq, hash, mac FROM audit_head").fetchone()
    if audit and (head["seq"], head["hash"]) != (audit[-1]["seq"], audit[-1]["hash"]):
        breach("I9", "the head is not the last row of the audit log")
    signed = f"keyreeve\0audit_head\0{head['seq']}\0{head['hash']}".encode()
    version, _, code = head["mac"].partition(":")
    signing = envelope.data_key(database, key, "store", version)
    if audit and (signing is None or hmac.new(signing, signed, hashlib.sha256).hexdigest() != code):
        breach("I9", "the head was not signed with the store's key")
    states = [(f"step {one['task_id']}/{one['seq']}", told_steps.get((one["task_id"], one["seq"])), one["state"])
              for one in steps]
    states += [(f"task {number}", told_tasks.get(number), row["state"]) for number, row in tasks.items()]
    for what, told, state in states:
        if told is not None and told != state:
            breach("I9", f"{what} is {state}, and the log says {told}")


def check_stopped(database, steps, tasks):
    for row in database.execute("SELECT task_id FROM tasks WHERE state = 'running' OR lease_until IS NOT NULL "
                                "AND finished_at IS NULL"):
        breach("I10", f"task {row['task_id']} is still held by somebody")
    for step in steps:
        left_to_a_person = step["task_id"] in tasks and tasks[step["task_id"]]["state"] == "needs_person"
        if step["state"] in ("attempting", "unknown") and not left_to_a_person:
            breach("I10", f"step {step['task_id']}/{step['seq']} was begun, and nobody knows how it ended")
        if step["attempted_at"] is None and step["request_id"] is not None:
            breach("I10", f"step {step['task_id']}/{step['seq']} has an answer and no attempt")


main(*sys.argv[1:])
for line in breaches[:40]:
    print(line)
sys.exit(1 if breaches else 0)
