#!/usr/bin/env python3
"""An import as a plain boto3 script, with the credential report in place of one call per user.

The lists come one after the other, as such scripts have them. Prints what it counted.
"""
import csv
import io
import json
import time

import boto3
from botocore.config import Config

iam = boto3.client("iam", config=Config(retries={"mode": "adaptive", "max_attempts": 20}))


def pages(action, key, **arguments):
    paginator = iam.get_paginator(action)
    return [item for page in paginator.paginate(**arguments, PaginationConfig={"PageSize": 1000}) for item in page[key]]


def report():
    while iam.generate_credential_report()["State"] != "COMPLETE":
        time.sleep(0.25)
    content = iam.get_credential_report()["Content"].decode()
    return {row["arn"]: row for row in csv.DictReader(io.StringIO(content))}


details = list(
    iam.get_paginator("get_account_authorization_details").paginate(
        Filter=["User", "Group"], PaginationConfig={"PageSize": 1000}
    )
)
users, groups, policies = pages("list_users", "Users"), pages("list_groups", "Groups"), pages("list_policies", "Policies")
rows = report()
detail_users = [user for page in details for user in page["UserDetailList"]]
detail_groups = [group for page in details for group in page["GroupDetailList"]]
print(json.dumps({
    "users": len(users),
    "groups": len(groups),
    "policies": len(policies),
    "login_profiles": sum(rows[user["Arn"]]["password_enabled"] == "true" for user in users),
    "user_group": sum(len(user["GroupList"]) for user in detail_users),
    "user_policy": sum(len(user["AttachedManagedPolicies"]) for user in detail_users),
    "group_policy": sum(len(group["AttachedManagedPolicies"]) for group in detail_groups),
}))
