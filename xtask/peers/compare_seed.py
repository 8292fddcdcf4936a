"""Fills an emulated AWS account with people, groups and policies; the same for the same seed.

The emulators' limits that shape what is seeded (nothing else is left out):

moto 5.2.1
  moto/iam/models.py, create_user: a permissions boundary of a user is not kept
  moto/iam/responses.py, create_login_profile: PasswordResetRequired is not read, so it is set by an update
  moto/iam/models.py, User.to_csv: fields are not quoted, so names and paths have no commas
ministack 1.5.33
  services/iam.py, _list_users and others: text goes into XML without escaping, so paths and tags have no & < >
  services/iam.py, _build_credential_report: fields are not quoted, so names and paths have no commas
"""
import json
import random
import string

AWS_POLICIES = ["AdministratorAccess", "PowerUserAccess", "ReadOnlyAccess", "SecurityAudit", "IAMReadOnlyAccess"]
PATHS = ["/", "/", "/staff/", "/staff/engineering/", "/staff/sales/eu/", "/partner/", "/service/ci/"]
FIRST = ["ana", "bo", "carol", "dmitri", "eve", "fatima", "george", "hiro", "ines", "jan", "kofi", "lena"]
LAST = ["Abe", "Brandt", "Costa", "Diaz", "Eze", "Fischer", "Garcia", "Haas", "Ito", "Jensen", "Kim", "Lopez"]
# Valid names that a spreadsheet, a shell or an URL takes for something else.
ODD_NAMES = ["=cmd", "+plus", "@at", "-dash", ".dot", "_under_", "a=b@example.com", "x" * 64, "0", "None", "true"]
PASSWORD = "Example-0-password!"


def document(random_, tag):
    actions = random_.sample(["s3:GetObject", "s3:ListBucket", "ec2:Describe*", "sqs:SendMessage", "logs:*"], 2)
    statement = {"Sid": tag, "Effect": "Allow", "Action": actions, "Resource": "arn:aws:s3:::b+c/*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]}, indent=random_.choice([None, 1]))


class Seeding:
    def __init__(self, iam, escapes_xml, users, groups, policies, seed):
        self.iam, self.escapes_xml, self.users = iam, escapes_xml, users
        self.random = random.Random(seed)
        self.group_names = [f"team-{n:02}" for n in range(groups - 2)] + ["=team", "All.People@example.com"]
        self.policy_names = [f"project-{n:03}" for n in range(policies - 1)] + ["ReadOnlyAccess"]

    def run(self):
        self.arns = [self.policy(name) for name in self.policy_names]
        self.attachable = self.arns + [self.aws_policy(name) for name in AWS_POLICIES]
        for name in self.group_names:
            self.group(name)
        for n in range(self.users):
            self.user(n, self.user_name(n))

    def user_name(self, n):
        if n < len(ODD_NAMES):
            return ODD_NAMES[n]
        return f"{self.random.choice(FIRST)}.{self.random.choice(LAST)}{n}"

    def aws_policy(self, name):
        path = "job-function/" if name.startswith("View") else ""
        return f"arn:aws:iam::aws:policy/{path}{name}"

    def path(self):
        if self.escapes_xml and self.random.random() < 0.05:
            return '/a&b/<c>/"d"/'
        return self.random.choice(PATHS)

    def policy(self, name):
        made = self.iam.create_policy(
            PolicyName=name, Path=self.random.choice(["/", "/projects/"]), PolicyDocument=document(self.random, "P0")
        )["Policy"]
        if self.random.random() < 0.3:
            self.iam.create_policy_version(
                PolicyArn=made["Arn"], PolicyDocument=document(self.random, "P1"), SetAsDefault=self.random.random() < 0.7
            )
        return made["Arn"]

    def group(self, name):
        self.iam.create_group(GroupName=name, Path=self.path())
        for arn in self.random.sample(self.attachable, self.random.choice([0, 1, 2, 5])):
            self.iam.attach_group_policy(GroupName=name, PolicyArn=arn)
        for n in range(self.random.choice([0, 0, 1, 2])):
            policy = document(self.random, "G")
            self.iam.put_group_policy(GroupName=name, PolicyName=f"inline-{n}", PolicyDocument=policy)

    def tags(self):
        values = ["", "blue", "a+b c%20", "=1+1", "naïve – 東京", "x" * 256]
        values += ["<script>&amp;</script>"] if self.escapes_xml else []
        keys = self.random.sample(["team", "Team:Lead", "cost centre", "ключ", "+", "e@mail"], self.random.choice([0, 0, 1, 3]))
        return [{"Key": key, "Value": self.random.choice(values)} for key in keys]

    def user(self, n, name):
        draw = self.random
        self.iam.create_user(UserName=name, Path=self.path(), Tags=self.tags())
        for group in draw.sample(self.group_names, draw.choice([0, 1, 1, 2, 3, 9])):
            self.iam.add_user_to_group(GroupName=group, UserName=name)
        for arn in draw.sample(self.attachable, draw.choice([0, 0, 1, 2, 8])):
            self.iam.attach_user_policy(UserName=name, PolicyArn=arn)
        for number in range(draw.choice([0, 0, 0, 1, 2])):
            self.iam.put_user_policy(
                UserName=name, PolicyName=f"own+{number}@x", PolicyDocument=document(draw, "U")
            )
        if draw.random() < 0.8:
            self.iam.create_login_profile(UserName=name, Password=PASSWORD, PasswordResetRequired=False)
            if draw.random() < 0.25:
                self.iam.update_login_profile(UserName=name, Password=PASSWORD, PasswordResetRequired=True)
        for _ in range(draw.choice([0, 0, 1, 2])):
            key = self.iam.create_access_key(UserName=name)["AccessKey"]["AccessKeyId"]
            if draw.random() < 0.4:
                self.iam.update_access_key(UserName=name, AccessKeyId=key, Status="Inactive")
        if n % 40 == 0:
            self.device(n, name)

    def device(self, n, name):
        letters = "".join(self.random.choice(string.ascii_lowercase) for _ in range(8))
        made = self.iam.create_virtual_mfa_device(VirtualMFADeviceName=f"phone-{n}-{letters}")["VirtualMFADevice"]
        self.iam.enable_mfa_device(
            UserName=name, SerialNumber=made["SerialNumber"], AuthenticationCode1="123456", AuthenticationCode2="654321"
        )
