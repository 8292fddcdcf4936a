"""What an AWS account holds, as boto3 reads it, in the shape of `keyreeve --output json`.

Memberships and attachments are read object by object (GetGroup, ListAttachedUserPolicies,
ListAttachedGroupPolicies) and not from GetAccountAuthorizationDetails, from which Keyreeve takes them: a mistake
in reading the details cannot be made twice. Tags, inline policies and boundaries come from the details.

Limits of the emulators that show in the reading, with their source:

moto 5.2.1
  moto/iam/utils.py: AWS managed policies exist only with MOTO_IAM_LOAD_MANAGED_POLICIES=true
  moto/iam/responses.py, get_credential_report: GeneratedTime is always 2015-02-02T20:02:02Z
ministack 1.5.33
  services/iam.py, _seed_aws_managed_policies: a few dozen AWS managed policies
"""
import csv
import hashlib
import io
import time
from datetime import datetime, timedelta, timezone
from urllib.parse import unquote

from botocore.handlers import json_decode_policies

# The report says nothing with these.
NOTHING = {"N/A", "no_information", "not_supported", ""}


def moment(value):
    """Whole milliseconds since 1970, which is what Keyreeve keeps (AWS gives whole seconds, moto microseconds)."""
    if value is None:
        return None
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    return (value - datetime.fromtimestamp(0, timezone.utc)) // timedelta(milliseconds=1)


class Reading:
    """Reads everything at once; what depends on the source of the login profiles is asked for afterwards."""

    def __init__(self, iam, system_id):
        # The documents as they were sent, percent-encoded: the digest is over the text, not over what it means.
        iam.meta.events.unregister("after-call.iam", json_decode_policies)
        self.iam, self.system_id = iam, system_id
        self.users = self.pages("list_users", "Users")
        self.groups = self.pages("list_groups", "Groups")
        self.policies = self.pages("list_policies", "Policies", Scope="All")
        self.user_details = {user["UserId"]: user for user in self.details("User", "UserDetailList")}
        self.group_details = {group["GroupId"]: group for group in self.details("Group", "GroupDetailList")}
        self.login_profiles = {user["UserName"]: self.login_profile(user["UserName"]) for user in self.users}

    def pages(self, action, key, **arguments):
        paginator = self.iam.get_paginator(action)
        return [item for page in paginator.paginate(**arguments) for item in page[key]]

    def details(self, kind, key):
        return self.pages("get_account_authorization_details", key, Filter=[kind])

    def login_profile(self, name):
        try:
            return self.iam.get_login_profile(UserName=name)["LoginProfile"]
        except self.iam.exceptions.NoSuchEntityException:
            return None

    def inline(self, policies):
        digest = lambda text: hashlib.sha256(unquote(text).encode()).hexdigest()
        found = [{"name": p["PolicyName"], "document_sha256": digest(p["PolicyDocument"])} for p in policies]
        return sorted(found, key=lambda policy: policy["name"])

    def report(self):
        """The credential report by ARN, and when it was made."""
        while self.iam.generate_credential_report()["State"] != "COMPLETE":
            time.sleep(0.1)
        answer = self.iam.get_credential_report()
        rows = csv.DictReader(io.StringIO(answer["Content"].decode()))
        return {row["arn"]: row for row in rows}, moment(answer["GeneratedTime"])

    def accounts(self, source):
        rows, made_at = self.report() if source == "credential_report" else ({}, None)
        return [self.account(user, rows.get(user["Arn"]), made_at) for user in self.users]

    def account(self, user, row, made_at):
        detail = self.user_details[user["UserId"]]
        account = {
            "system_id": self.system_id,
            "external_id": user["UserId"],
            "name": user["UserName"],
            "path": user["Path"],
            "arn": user["Arn"],
            "created_at": moment(user["CreateDate"]),
            "password_last_used_at": moment(user.get("PasswordLastUsed")),
            "tags": {tag["Key"]: tag["Value"] for tag in detail.get("Tags", [])},
            "permissions_boundary": detail.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn"),
            "inline_policies": self.inline(detail.get("UserPolicyList", [])),
        }
        return account | (self.from_row(row, made_at) if row else self.one_by_one(user))

    def one_by_one(self, user):
        profile = self.login_profiles[user["UserName"]]
        return {
            # Without the keys, an account without a password may still be usable.
            "status": "enabled" if profile else "unknown",
            "login_profile": {
                "state": "present" if profile else "absent",
                "created_at": moment(profile["CreateDate"]) if profile else None,
                "password_reset_required": profile.get("PasswordResetRequired", False) if profile else None,
            },
            "access_keys": None,
            "mfa_active": None,
            "credentials": {"source": "per_user"},
        }

    def from_row(self, row, made_at):
        when = lambda text: None if text in NOTHING else moment(text)
        keys = [
            {
                "active": row[f"access_key_{n}_active"] == "true",
                "created_at": when(row[f"access_key_{n}_last_rotated"]),
                "last_used_at": when(row[f"access_key_{n}_last_used_date"]),
            }
            for n in (1, 2)
            if row[f"access_key_{n}_active"] == "true" or row[f"access_key_{n}_last_rotated"] not in NOTHING
        ]
        present = row["password_enabled"] == "true"
        return {
            "status": "enabled" if present or any(key["active"] for key in keys) else "disabled",
            "login_profile": {
                "state": "present" if present else "absent",
                "created_at": None,
                "password_reset_required": None,
            },
            "access_keys": keys,
            "mfa_active": row["mfa_active"] == "true",
            "credentials": {"source": "credential_report", "as_of": made_at},
        }

    def resources(self):
        groups = [
            self.resource("group", group, group["GroupId"], group["GroupName"], None, True, None)
            | {"inline_policies": self.inline(self.group_details[group["GroupId"]].get("GroupPolicyList", []))}
            for group in self.groups
        ]
        return groups + [
            self.resource(
                "policy",
                policy,
                policy["PolicyId"],
                policy["PolicyName"],
                "aws" if policy["Arn"].split(":")[4] == "aws" else "customer",
                policy["IsAttachable"],
                policy["DefaultVersionId"],
            )
            for policy in self.policies
        ]

    def resource(self, kind, entity, external_id, name, managed_by, attachable, version):
        return {
            "system_id": self.system_id,
            "external_id": external_id,
            "type": kind,
            "name": name,
            "path": entity["Path"],
            "arn": entity["Arn"],
            "managed_by": managed_by,
            "attachable": attachable,
            "inline_policies": None,
            "default_version": version,
        }

    def assignments(self):
        policy_ids = {policy["Arn"]: policy["PolicyId"] for policy in self.policies}
        found = []

        def attached(kind, subject, entities):
            for policy in entities:
                arn = policy["PolicyArn"]
                found.append(self.assignment(kind, subject, policy_ids.get(arn), arn, policy["PolicyName"]))

        for group in self.groups:
            for user in self.pages("get_group", "Users", GroupName=group["GroupName"]):
                subject = {"account": user["UserName"], "account_external_id": user["UserId"]}
                arguments = (group["GroupId"], group["Arn"], group["GroupName"])
                found.append(self.assignment("account_group", subject, *arguments))
            subject = {"group": group["GroupName"], "group_external_id": group["GroupId"]}
            name = group["GroupName"]
            held = self.pages("list_attached_group_policies", "AttachedPolicies", GroupName=name)
            attached("group_policy", subject, held)
        for user in self.users:
            subject = {"account": user["UserName"], "account_external_id": user["UserId"]}
            name = user["UserName"]
            held = self.pages("list_attached_user_policies", "AttachedPolicies", UserName=name)
            attached("account_policy", subject, held)
        return found

    def assignment(self, kind, subject, external_id, arn, name):
        return subject | {
            "system_id": self.system_id,
            "kind": kind,
            "resource_external_id": external_id,
            "resource_arn": arn,
            "resource_name": name,
            "state": "actual",
        }
