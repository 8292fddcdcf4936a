"""Looks at one account through boto3: an independent reading of what a step of its life has left behind.

usage: life_cycle.py seed ENDPOINT [FILE]   makes a group, a policy and a connector, which may do what the policy in the
                                            file says, or everything; prints its key and the policy's ARN
       life_cycle.py add_key ENDPOINT USER  gives the user an access key, behind the connector's back
       life_cycle.py check ENDPOINT USER STATE PEER

The credentials come from the environment. It shares no code with the engine. Exit code 1 names every difference. What
an emulator does otherwise is in DEVIATIONS; one that is listed and does as AWS does is a difference, too.
"""

import json
import sys

import boto3

ALL = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
READ = json.dumps({"Version": "2012-10-17",
                   "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]})
CHANGE = "IAMUserChangePassword"

MADE = {"path": "/staff/", "password": True, "must_change": True, "keys": [], "groups": [], "policies": [CHANGE]}
HELD = MADE | {"groups": ["devs"], "policies": [CHANGE, "own"]}
OFF = HELD | {"password": False, "must_change": None}
STATES = {
    "created": MADE,
    "added": HELD,
    "reset": HELD,
    "deactivated": OFF | {"keys": ["Inactive"]},
    "reactivated": HELD | {"keys": ["Active"]},
    "removed": MADE | {"keys": ["Active"]},
    # Where the connector cannot see keys none is made.
    "deactivated_without_key": OFF,
    "reactivated_without_key": HELD,
    "removed_without_key": MADE,
    # Over SCIM no password was reset before.
    "reactivated_over_scim": HELD,
    "removed_over_scim": MADE,
    "deleted": None,
}
# (peer, what, state) -> what is there instead
DEVIATIONS = {
    # iam/models.py, create_login_profile: PasswordResetRequired is not read. update_login_profile reads it, and it
    # stays with the user from then on.
    ("moto", "must_change", "created"): False,
    ("moto", "must_change", "added"): False,
    ("moto", "must_change", "reactivated_over_scim"): False,
    ("moto", "must_change", "removed_over_scim"): False,
}


def seed(iam, document=ALL):
    policy = iam.create_policy(PolicyName="own", PolicyDocument=READ)["Policy"]["Arn"]
    iam.create_group(GroupName="devs")
    iam.create_user(UserName="connector", Path="/keyreeve/")
    iam.put_user_policy(UserName="connector", PolicyName="own", PolicyDocument=document)
    key = iam.create_access_key(UserName="connector")["AccessKey"]
    print(json.dumps({"id": key["AccessKeyId"], "secret": key["SecretAccessKey"], "policy": policy}))


def found(iam, user):
    """What the account is and holds; None where there is none."""
    try:
        path = iam.get_user(UserName=user)["User"]["Path"]
    except iam.exceptions.NoSuchEntityException:
        return None
    try:
        profile = iam.get_login_profile(UserName=user)["LoginProfile"]
    except iam.exceptions.NoSuchEntityException:
        profile = None
    keys = iam.list_access_keys(UserName=user)["AccessKeyMetadata"]
    groups = iam.list_groups_for_user(UserName=user)["Groups"]
    policies = iam.list_attached_user_policies(UserName=user)["AttachedPolicies"]
    return {
        "path": path,
        "password": profile is not None,
        "must_change": profile and profile.get("PasswordResetRequired", False),
        "keys": sorted(key["Status"] for key in keys),
        "groups": sorted(group["GroupName"] for group in groups),
        "policies": sorted(policy["PolicyName"] for policy in policies),
    }


def check(iam, user, state, peer):
    expected = STATES[state]
    there = found(iam, user)
    if expected is None or there is None:
        return [] if there == expected else [f"{state}: the account is {there} and should be {expected}"]
    wanted = {what: DEVIATIONS.get((peer, what, state), value) for what, value in expected.items()}
    return [f"{state}: {what} is {there[what]} and should be {value}"
            for what, value in wanted.items() if there[what] != value]


def main(verb, endpoint, *more):
    iam = boto3.client("iam", endpoint_url=endpoint, region_name="us-east-1")
    if verb == "seed":
        seed(iam, *(open(file, encoding="ascii").read() for file in more))
    elif verb == "add_key":
        iam.create_access_key(UserName=more[0])
    else:
        wrong = check(iam, *more)
        print("\n".join(wrong))
        sys.exit(1 if wrong else 0)


main(*sys.argv[1:])
