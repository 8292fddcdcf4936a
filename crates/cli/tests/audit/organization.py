"""Makes an AWS organization with boto3 at an endpoint: so many accounts, each with a user.

    organization.py ENDPOINT MEMBERS

Prints {"management": ID, "accounts": [ID, ...]}, the accounts in the order of their ids. The account at place 17 is
closed. Each account has the role that Organizations makes, OrganizationAccountAccessRole.
"""

import json
import sys

import boto3

ROLE = "OrganizationAccountAccessRole"


def client(service, endpoint, keys=None):
    keys = keys or {}
    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id=keys.get("AccessKeyId"),
        aws_secret_access_key=keys.get("SecretAccessKey"),
        aws_session_token=keys.get("SessionToken"),
    )


def main(endpoint, members):
    organizations, sts = client("organizations", endpoint), client("sts", endpoint)
    organizations.create_organization(FeatureSet="ALL")
    root = organizations.list_roots()["Roots"][0]["Id"]
    unit = organizations.create_organizational_unit(ParentId=root, Name="Workloads")
    unit = unit["OrganizationalUnit"]["Id"]
    accounts = []
    for number in range(members):
        made = organizations.create_account(AccountName=f"member-{number}", Email=f"m{number}@example.com")
        account = made["CreateAccountStatus"]["AccountId"]
        if number % 2:
            organizations.move_account(AccountId=account, SourceParentId=root, DestinationParentId=unit)
        role = f"arn:aws:iam::{account}:role/{ROLE}"
        keys = sts.assume_role(RoleArn=role, RoleSessionName="seed")["Credentials"]
        client("iam", endpoint, keys).create_user(UserName=f"person-{number}")
        accounts.append(account)
    accounts.sort()
    organizations.close_account(AccountId=accounts[17])
    management = sts.get_caller_identity()["Account"]
    print(json.dumps({"management": management, "accounts": accounts}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
