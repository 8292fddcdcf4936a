//! What makes whoever holds some policies as strong as an administrator of the AWS account.
//!
//! Each of these alone is enough; the list is the one that is known from research into IAM (Rhino Security Labs' and
//! Bishop Fox's lists, kept in Prowler's check of privilege escalation), as far as it is about IAM and roles.

use keyreeve_policy::{Context, PolicySet, Request, Target, Truth, Verdict, allows_any, evaluate};

/// A way to become an administrator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Escalation {
    /// The action, as policies name it; `*` for all of them.
    pub action: &'static str,
    /// On what it is granted, and what that gives.
    pub what: String,
}

/// Where the policies are in force, and what is known of it.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// The partition.
    pub partition: String,
    /// The AWS account.
    pub account_id: String,
    /// Other users who are known to be administrators.
    pub administrators: Vec<Administrator>,
    /// Groups that are known to make administrators.
    pub administrator_groups: Vec<Administrator>,
}

/// A user who may do everything in the AWS account, or a group that makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Administrator {
    /// Its ARN.
    pub arn: String,
    /// The policy that makes it so, and how it is held.
    pub by: String,
}

/// A name that nothing has: what is granted on it is granted on whatever comes.
const ANY: &str = "keyreeve-probe-9f1c2d6a7b3e4058";

impl Surroundings {
    /// An AWS account of which nothing else is known.
    #[must_use]
    pub fn of(partition: &str, account_id: &str) -> Self {
        Self { partition: partition.to_owned(), account_id: account_id.to_owned(), ..Self::default() }
    }

    /// Names these last, as they can do little at this moment: they are disabled.
    pub fn name_last(&mut self, disabled: &std::collections::BTreeSet<String>) {
        for one in self.administrators.iter_mut().filter(|one| disabled.contains(&one.arn)) {
            one.by.push_str(", and disabled by the last import");
        }
        self.administrators.sort_by_key(|one| disabled.contains(&one.arn));
    }

    /// The ways that `policies` certainly open, whatever is not known of them.
    #[must_use]
    pub fn escalations(&self, policies: &PolicySet) -> Vec<Escalation> {
        let everything = Request::new("keyreeve:Probe").on(Target::Arn(self.arn(ANY)));
        if evaluate(policies, &everything).verdict == Verdict::Allow {
            return vec![Escalation { action: "*", what: "everything is allowed".to_owned() }];
        }
        let somewhere =
            SOMEWHERE.iter().filter_map(|(action, kind, what)| self.somewhere(policies, action, kind, what));
        let users = ON_ANY_USER.iter().filter_map(|(action, what)| {
            self.on_any(policies, action, ("user", &self.administrators), "who is an administrator", what)
        });
        let what = "that puts anybody into a group of administrators";
        let groups = ("group", &self.administrator_groups);
        let member = self.on_any(policies, "iam:AddUserToGroup", groups, "that makes administrators", what);
        let what = "that is whatever the roles may do";
        let roles = ["iam:PassRole", "iam:UpdateAssumeRolePolicy", "sts:AssumeRole"]
            .into_iter()
            .filter_map(|action| self.on_any(policies, action, ("role", &Vec::new()), "", what));
        somewhere.chain(users).chain(member).chain(roles).collect()
    }

    /// Granted on some resource of a kind, for AWS's policy for administrators where it is about attaching.
    fn somewhere(
        &self,
        policies: &PolicySet,
        action: &'static str,
        kind: &str,
        what: &str,
    ) -> Option<Escalation> {
        let administrator = format!("arn:{}:iam::aws:policy/AdministratorAccess", self.partition);
        let context = Context::open().with("iam:PolicyARN", administrator);
        let all = self.arn(&format!("{kind}/*"));
        let granted = |target| allows_any(policies, &Request::new(action).on(target).within(context.clone()));
        let any = self.any_of(kind).into_iter().all(|arn| granted(Target::Arn(arn)) == Truth::True);
        let on = if any { format!("every {kind}") } else { format!("some {kind}s") };
        (any || granted(Target::Pattern(all)) == Truth::True)
            .then(|| Escalation { action, what: format!("on {on} {what}") })
    }

    /// Granted on whatever comes, or on one that is known.
    fn on_any(
        &self,
        policies: &PolicySet,
        action: &'static str,
        (kind, known): (&str, &Vec<Administrator>),
        known_as: &str,
        what: &str,
    ) -> Option<Escalation> {
        let granted = |arn: &String| {
            evaluate(policies, &Request::new(action).on(Target::Arn(arn.clone()))).verdict == Verdict::Allow
        };
        if self.any_of(kind).iter().all(granted) {
            return Some(Escalation { action, what: format!("on every {kind}: {what}") });
        }
        let Administrator { arn, by } = known.iter().find(|one| granted(&one.arn))?;
        Some(Escalation { action, what: format!("on {arn}, {known_as} (by {by}): {what}") })
    }

    /// Made-up resources at the root and under a path.
    pub(super) fn any_of(&self, kind: &str) -> [String; 2] {
        [self.arn(&format!("{kind}/{ANY}")), self.arn(&format!("{kind}/{ANY}/{ANY}"))]
    }

    /// All resources of a kind.
    pub(super) fn all(&self, kind: &str) -> String {
        self.arn(&format!("{kind}/*"))
    }

    fn arn(&self, resource: &str) -> String {
        format!("arn:{}:iam::{}:{resource}", self.partition, self.account_id)
    }
}

const SOMEWHERE: [(&str, &str, &str); 8] = [
    (
        "iam:AttachUserPolicy",
        "user",
        "without a condition on iam:PolicyARN that leaves out AdministratorAccess",
    ),
    (
        "iam:AttachGroupPolicy",
        "group",
        "without a condition on iam:PolicyARN that leaves out AdministratorAccess",
    ),
    (
        "iam:AttachRolePolicy",
        "role",
        "without a condition on iam:PolicyARN that leaves out AdministratorAccess",
    ),
    ("iam:PutUserPolicy", "user", "which may then be given any rights"),
    ("iam:PutGroupPolicy", "group", "which may then be given any rights"),
    ("iam:PutRolePolicy", "role", "which may then be given any rights"),
    ("iam:CreatePolicyVersion", "policy", "so that policies in use may be given any rights"),
    ("iam:SetDefaultPolicyVersion", "policy", "so that an older, wider version may come into force"),
];

const ON_ANY_USER: [(&str, &str); 3] = [
    ("iam:CreateAccessKey", "that is to sign in as any administrator"),
    ("iam:CreateLoginProfile", "that is to sign in as any administrator who has no password"),
    ("iam:UpdateLoginProfile", "that is to sign in as any administrator who has no second factor"),
];

#[cfg(test)]
mod tests {
    use keyreeve_model::PermissionProfile::{Full, Lifecycle, Read, Reference};
    use keyreeve_policy::{Document, Policy};
    use serde_json::json;

    use super::*;
    use crate::PolicyScope;

    const ACCOUNT: &str = "123456789012";

    fn found(texts: &[String], administrators: &[&str]) -> Vec<String> {
        let read = |text: &String| Policy::new("p", Document::parse(text).unwrap());
        let set = PolicySet { identity: texts.iter().map(read).collect(), ..PolicySet::default() };
        let of = |kind: &str| {
            let named = administrators.iter().filter(|arn| arn.contains(kind));
            named.map(|&arn| Administrator { arn: arn.to_owned(), by: "a policy".to_owned() }).collect()
        };
        let surroundings = Surroundings {
            administrators: of(":user/"),
            administrator_groups: of(":group/"),
            ..Surroundings::of("aws", ACCOUNT)
        };
        surroundings.escalations(&set).into_iter().map(|one| one.action.to_owned()).collect()
    }

    fn arn(resource: &str) -> String {
        format!("arn:aws:iam::{ACCOUNT}:{resource}")
    }

    #[test]
    fn unlimited_profiles_make_administrators_and_limited_ones_do_not() {
        let ways = [
            "iam:AttachUserPolicy",
            "iam:CreateLoginProfile",
            "iam:UpdateLoginProfile",
            "iam:AddUserToGroup",
        ];
        for profile in [Reference, Lifecycle, Full] {
            let unlimited =
                PolicyScope { break_glass: vec!["eve".into()], ..PolicyScope::new(profile, "aws") };
            assert_eq!(found(&unlimited.documents().unwrap(), &[]), ways, "{profile:?}");
            let limited = PolicyScope {
                paths: vec!["/idm/".into()],
                groups: vec!["/idm/*".into()],
                policies: vec![arn("policy/idm/*")],
                ..PolicyScope::new(profile, "aws")
            };
            let documents = limited.documents().unwrap();
            assert!(found(&documents, &[&arn("user/root"), &arn("group/root")]).is_empty(), "{profile:?}");
            assert_eq!(found(&documents, &[&arn("user/idm/root")]), ways[1..3], "{profile:?}");
            assert_eq!(found(&documents, &[&arn("group/idm/root")]), ways[3..], "{profile:?}");
            let any_policy = PolicyScope { policies: Vec::new(), ..limited.clone() };
            assert_eq!(found(&any_policy.documents().unwrap(), &[]), ways[..1], "{profile:?}");
            let aws = PolicyScope { policies: vec!["arn:aws:iam::aws:policy/*".into()], ..limited };
            assert_eq!(found(&aws.documents().unwrap(), &[]), ways[..1], "{profile:?}");
        }
        assert!(found(&PolicyScope::new(Read, "aws").documents().unwrap(), &[&arn("user/root")]).is_empty());
    }

    #[test]
    fn each_way_alone_is_named_and_what_is_not_certain_is_not() {
        let granting = |action: &str, condition: serde_json::Value| {
            let mut statement = json!({ "Effect": "Allow", "Action": action, "Resource": "*" });
            if !condition.is_null() {
                statement["Condition"] = condition;
            }
            vec![json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string()]
        };
        let others = ["iam:AddUserToGroup", "iam:PassRole", "iam:UpdateAssumeRolePolicy", "sts:AssumeRole"];
        let ways = SOMEWHERE.map(|(action, ..)| action).into_iter();
        for action in ways.chain(ON_ANY_USER.map(|(action, _)| action)).chain(others) {
            assert_eq!(found(&granting(action, json!(null)), &[]), [action]);
            let sometimes = json!({ "IpAddress": { "aws:SourceIp": "192.0.2.0/24" } });
            assert!(found(&granting(action, sometimes), &[]).is_empty(), "{action}");
        }
        assert_eq!(found(&granting("*", json!(null)), &[]), ["*"]);
        assert!(found(&granting("iam:List*", json!(null)), &[]).is_empty());
    }
}
