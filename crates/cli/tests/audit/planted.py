"""Sees the auditor red: plants one violation after the other into copies of a trace and a store.

usage: planted.py TRACE.json KEYREEVE.db KEYREEVE.key

What is given must hold a deletion that an import has seen. Exit code 1 names every violation that was overlooked.
"""

import json
import pathlib
import sqlite3
import subprocess
import sys
import tempfile

AUDITOR = str(pathlib.Path(__file__).with_name("audit_job.py"))
SECRET = "wJalrXUtnFEMI-this-is-a-planted-secret"
ANY_STEP = "WHERE rowid = (SELECT MIN(rowid) FROM steps WHERE state = 'applied')"
ROW = "(SELECT MIN(seq) FROM audit_log WHERE action = 'step_attempted')"
GONE = "valid_to_run = (SELECT MIN(valid_to_run) FROM account_versions)"


def calls(trace):
    return [entry for entry in trace if entry["applied"]]


def early_call(trace):
    """Every call of a minute ago, before anything was written down."""
    for entry in trace:
        entry["at"] = "2020-01-01T00:00:00Z"


def twice(trace):
    trace.append(calls(trace)[0] | {"seq": len(trace) + 1, "request_id": "another"})


def overlapping(trace):
    first = next(one for one in calls(trace) for other in calls(trace)
                 if one["user_id"] == other["user_id"] and one["seq"] < other["seq"])
    first["ended_micros"] = first["started_micros"] + 60_000_000
    following = [one for one in calls(trace) if one["user_id"] == first["user_id"] and one["seq"] > first["seq"]]
    following[0]["started_micros"] = first["started_micros"] + 1_000


def somebody_else(trace):
    calls(trace)[0]["user_id"] = "AIDASOMEBODYELSE"


def other_account(trace):
    calls(trace)[0]["account"] = "999999999999"


def password_last(trace):
    of_deletion = next(one for one in trace if one["action"] == "DeleteLoginProfile")
    end = next(one for one in trace if one["action"] == "DeleteUser")
    of_deletion["seq"], end["seq"] = end["seq"], of_deletion["seq"]


def told_password(trace):
    next(one for one in trace if "Password" in one["params"])["params"]["Password"] = "hunter2"


def changed_afterwards(trace):
    deletion = next(one for one in trace if one["action"] == "DeleteUser" and one["applied"])
    last = max(one["started_micros"] for one in trace)
    trace.append(deletion | {"seq": len(trace) + 1, "started_micros": last + 5_000_000,
                             "ended_micros": last + 5_000_100, "action": "DetachUserPolicy",
                             "at": max(one["at"] for one in trace)[:17] + "59Z"})


def never_looked_again(trace):
    """Takes away every listing of users but the first after the deletion, and every look at a single one. Those before it
    go, too: where times are not known to better than some hundred milliseconds they might lie within the run."""
    deletion = next(one for one in trace if one["action"] == "DeleteUser" and one["applied"])
    listings = [one for one in trace if one["action"] == "ListUsers"]
    kept = next(one for one in listings if one["seq"] > deletion["seq"])
    looks = [one for one in trace if one["action"] == "GetUser" and one["error"]]
    for entry in [one for one in listings if one is not kept] + looks:
        trace.remove(entry)


# What it breaks, how: SQL for the store, or a function for the trace.
PLANTED = [
    ("I1", "DELETE FROM audit_log WHERE action = 'step_attempted'"),
    ("I1", early_call),
    ("I1", twice),
    ("I1", f"UPDATE audit_log SET actor = 'somebody' WHERE seq = {ROW}"),
    ("I1", "UPDATE audit_log SET at = at + 86400000 WHERE action = 'step_attempted'"),
    ("I2", "UPDATE tasks SET state = 'queued', finished_at = NULL WHERE task_id = 1"),
    ("I2", "DELETE FROM tasks WHERE task_id = (SELECT MAX(task_id) FROM tasks)"),
    ("I2", "UPDATE provisioning_jobs SET state = 'running'"),
    ("I3", overlapping),
    ("I4", somebody_else),
    ("I4", other_account),
    ("I5", "UPDATE import_runs SET state = 'suspended' WHERE run_id = 1"),
    ("I5", f"UPDATE account_versions SET valid_from_run = 77 WHERE {GONE}"),
    ("I5", f"INSERT INTO account_versions SELECT system_key, external_id, 1, 9223372036854775807, first_seen_run, name, "
           f"path, arn, status, login_state, login_created_at, password_reset_required, access_keys, mfa_active, "
           f"credential_source, created_at, password_last_used_at, tags, permissions_boundary, inline_policies, oldest_key_at "
           f"FROM account_versions WHERE {GONE} LIMIT 1"),
    ("I6", "UPDATE import_runs SET collections = replace(collections, 'whole', 'cut')"),
    ("I6", "UPDATE import_runs SET suspicions = '[{}]'"),
    ("I6", changed_afterwards),
    ("I6", never_looked_again),
    ("I7", password_last),
    ("I8", told_password),
    ("I8", f"UPDATE provisioning_jobs SET reason = '{SECRET}'"),
    ("I8", "UPDATE steps SET failure = 'krs_262ce3f0da858031f76c_9yJ53NBhB0sh6wi5ygQGvCvJ'"),
    ("I9", "UPDATE audit_log SET subject = replace(subject, 'job', 'jab') WHERE action = 'job_created'"),
    ("I9", f"UPDATE audit_log SET at = at - 1 WHERE seq = {ROW}"),
    ("I9", "DELETE FROM audit_log WHERE seq = (SELECT MAX(seq) FROM audit_log)"),
    ("I9", "UPDATE audit_head SET mac = hash"),
    ("I9", f"UPDATE steps SET state = 'not_applied' {ANY_STEP}"),
    ("I9", "UPDATE tasks SET state = 'cancelled' WHERE task_id = 1"),
    ("I10", f"UPDATE steps SET state = 'attempting' {ANY_STEP}"),
    ("I10", f"UPDATE steps SET attempted_at = NULL {ANY_STEP}"),
    ("I10", "UPDATE tasks SET lease_until = 1, finished_at = NULL WHERE task_id = 1"),
]


def audited(trace_file, database_file, key_file):
    done = subprocess.run([sys.executable, "-B", AUDITOR, trace_file, database_file, key_file, SECRET],
                          capture_output=True, text=True)
    if done.stderr:
        sys.exit(done.stderr)
    return done.returncode, done.stdout


def main(trace_file, database_file, key_file):
    code, said = audited(trace_file, database_file, key_file)
    if code:
        sys.exit(f"red without a violation:\n{said}")
    overlooked = []
    for invariant, plant in PLANTED:
        with tempfile.TemporaryDirectory() as folder:
            copy, told = f"{folder}/copy.db", f"{folder}/trace.json"
            with open(trace_file, encoding="utf-8") as file:
                trace = json.load(file)
            source, database = sqlite3.connect(database_file), sqlite3.connect(copy)
            source.backup(database)
            if callable(plant):
                plant(trace)
            else:
                for (trigger,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
                    database.execute(f"DROP TRIGGER {trigger}")
                if database.execute(plant).rowcount < 1:
                    overlooked.append(f"{invariant}: nothing was planted by {plant}")
            database.commit()
            source.close()
            database.close()
            with open(told, "w", encoding="utf-8") as file:
                json.dump(trace, file)
            code, said = audited(told, copy, key_file)
            if not code or not any(line.startswith(f"{invariant}: ") for line in said.splitlines()):
                overlooked.append(f"{invariant}: {getattr(plant, '__name__', plant)} was overlooked:\n{said}")
    print("\n".join(overlooked) or f"{len(PLANTED)} violations were planted and found")
    sys.exit(1 if overlooked else 0)


main(*sys.argv[1:])
