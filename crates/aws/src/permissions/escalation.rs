//! What makes whoever holds some policies as strong as an administrator of the AWS account.
//!
//! Each of these alone is enough; the list is the one that is known from research into IAM (Rhino Security Labs' and
//! Bishop Fox's lists, kept in Prowler's check of privilege escalation), as far as it is about IAM and roles.

use std::collections::BTreeSet;

use keyreeve_policy::{Context, Decision, PolicySet, Request, Target, Truth, Verdict, evaluate};

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
    /// ARNs of policies that make an administrator of whoever they are attached to, attached or not; AWS's own
    /// `OF_AWS` need not be among them.
    pub administrator_policies: Vec<String>,
    /// Other users and groups of whose policies one could not be read, and policies that could not be read: they may
    /// make an administrator.
    pub unread: Vec<Administrator>,
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

    /// The ways that `policies` open, whatever is not known of them. What they deny only under a condition is not
    /// denied.
    #[must_use]
    pub fn escalations(&self, policies: &PolicySet) -> Vec<Escalation> {
        if self.grants_everything(policies) {
            return vec![Escalation { action: "*", what: "everything is allowed".to_owned() }];
        }
        let attaching = ATTACHING.iter().filter_map(|(action, kind)| self.attaching(policies, action, kind));
        let somewhere =
            SOMEWHERE.iter().filter_map(|(action, kind, what)| self.somewhere(policies, action, kind, what));
        let users = ON_ANY_USER.iter().filter_map(|(action, what)| {
            self.on_any(policies, action, ("user", &self.administrators), "who is an administrator", what)
        });
        let what = "that puts anybody into a group of administrators";
        let groups = ("group", &self.administrator_groups);
        let member = self.on_any(policies, "iam:AddUserToGroup", groups, "that makes administrators", what);
        let what = "that is whatever the roles may do";
        let roles = ROLES
            .into_iter()
            .filter_map(|action| self.on_any(policies, action, ("role", &Vec::new()), "", what));
        attaching.chain(somewhere).chain(users).chain(member).chain(roles).collect()
    }

    /// What may open such a way without being certain: keys of requests that are not known, and policies that could not
    /// be read. A permissions boundary that is asked for is none: it holds whoever has it back.
    #[must_use]
    pub fn doubts(&self, policies: &PolicySet) -> BTreeSet<String> {
        let mut doubts = BTreeSet::new();
        let unread = policies.identity.iter().chain(&policies.boundary).filter(|one| one.document.is_none());
        doubts.extend(unread.map(|policy| format!("the policy {}, which could not be read", policy.name)));
        let of_kind = |kind: &str| self.any_of(kind).into_iter().map(Target::Arn).collect::<Vec<_>>();
        let everywhere = |kind: &str| Target::Pattern(self.all(kind));
        let known =
            |kind: &[Administrator]| kind.iter().map(|one| Target::Arn(one.arn.clone())).collect::<Vec<_>>();
        let mut asked: Vec<(&str, Target, Context)> =
            vec![("keyreeve:Probe", Target::Arn(self.arn(ANY)), Context::open())];
        for (action, kind) in ATTACHING {
            asked.extend(self.strong().map(|arn| (action, everywhere(kind), with_policy(&arn))));
        }
        asked.extend(SOMEWHERE.map(|(action, kind, _)| (action, everywhere(kind), Context::open())));
        for (action, _) in ON_ANY_USER {
            let users = of_kind("user").into_iter().chain(known(&self.administrators));
            asked.extend(users.map(|user| (action, user, Context::open())));
        }
        let groups = of_kind("group").into_iter().chain(known(&self.administrator_groups));
        asked.extend(groups.map(|group| ("iam:AddUserToGroup", group, Context::open())));
        for action in ROLES {
            asked.extend(of_kind("role").into_iter().map(|role| (action, role, Context::open())));
        }
        for (action, target, context) in asked {
            let decision = decision(policies, &Request::new(action).on(target).within(context));
            if decision.on_some_resource() == Truth::Unknown {
                let keys = decision.depends_on.into_iter();
                doubts.extend(keys.filter(|key| !key.eq_ignore_ascii_case("iam:PermissionsBoundary")));
            }
        }
        doubts.extend(self.reached_unread(policies));
        doubts
    }

    /// Of what could not be read, what the policies let their holder get at.
    fn reached_unread(&self, policies: &PolicySet) -> impl Iterator<Item = String> {
        let granted = |action: &str, target: Target, context: Context| {
            let decision = decision(policies, &Request::new(action).on(target).within(context));
            decision.on_some_resource() != Truth::False
        };
        let reached = |one: &&Administrator| {
            let arn = || Target::Arn(one.arn.clone());
            match one.arn.split(':').nth(5).and_then(|resource| resource.split('/').next()) {
                Some("user") => ON_ANY_USER.iter().any(|(action, _)| granted(action, arn(), Context::open())),
                Some("group") => granted("iam:AddUserToGroup", arn(), Context::open()),
                _ => ATTACHING.iter().any(|(action, kind)| {
                    granted(action, Target::Pattern(self.all(kind)), with_policy(&one.arn))
                }),
            }
        };
        let said = |one: &Administrator| match one.by.as_str() {
            "" => format!("the policy {}, which could not be read", one.arn),
            by => format!("the policy {by} of {}, which could not be read", one.arn),
        };
        self.unread.iter().filter(reached).map(said).collect::<Vec<_>>().into_iter()
    }

    /// Whether policies make an administrator by themselves: whatever is asked is allowed, or what gives any rights in
    /// IAM to anybody. Without IAM, as under PowerUserAccess, somebody is none.
    pub(super) fn makes_administrator(&self, policies: &PolicySet) -> bool {
        self.grants_everything(policies)
            || ALONE.iter().any(|(action, kind)| {
                let context = with_policy(&self.of_aws("AdministratorAccess"));
                self.any_of(kind).into_iter().all(|arn| {
                    let request = Request::new(*action).on(Target::Arn(arn)).within(context.clone());
                    decision(policies, &request).verdict == Verdict::Allow
                })
            })
    }

    fn grants_everything(&self, policies: &PolicySet) -> bool {
        ["keyreeve:Probe", "iam:KeyreeveProbe"].into_iter().all(|action| {
            let request = Request::new(action).on(Target::Arn(self.arn(ANY)));
            decision(policies, &request).verdict == Verdict::Allow
        })
    }

    /// The policies that make an administrator of whoever they are attached to.
    fn strong(&self) -> impl Iterator<Item = String> {
        OF_AWS.into_iter().map(|name| self.of_aws(name)).chain(self.administrator_policies.iter().cloned())
    }

    pub(super) fn of_aws(&self, name: &str) -> String {
        format!("arn:{}:iam::aws:policy/{name}", self.partition)
    }

    /// Granted on some resource of a kind, for a policy that makes an administrator.
    fn attaching(&self, policies: &PolicySet, action: &'static str, kind: &str) -> Option<Escalation> {
        self.strong().find_map(|arn| {
            let on = self.on_some(policies, action, kind, &with_policy(&arn))?;
            let what = match arn == self.of_aws("AdministratorAccess") {
                true => "without a condition on iam:PolicyARN that leaves out AdministratorAccess".to_owned(),
                false => format!("for the policy {arn}, which makes an administrator"),
            };
            Some(Escalation { action, what: format!("on {on} {what}") })
        })
    }

    /// Granted on some resource of a kind.
    fn somewhere(
        &self,
        policies: &PolicySet,
        action: &'static str,
        kind: &str,
        what: &str,
    ) -> Option<Escalation> {
        let on = self.on_some(policies, action, kind, &Context::open())?;
        Some(Escalation { action, what: format!("on {on} {what}") })
    }

    fn on_some(&self, policies: &PolicySet, action: &str, kind: &str, context: &Context) -> Option<String> {
        let granted = |target| {
            let request = Request::new(action).on(target).within(context.clone());
            decision(policies, &request).on_some_resource() == Truth::True
        };
        if self.any_of(kind).into_iter().all(|arn| granted(Target::Arn(arn))) {
            return Some(format!("every {kind}"));
        }
        granted(Target::Pattern(self.all(kind))).then(|| format!("some {kind}s"))
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
            let request = Request::new(action).on(Target::Arn(arn.clone()));
            decision(policies, &request).verdict == Verdict::Allow
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

/// What is decided on a request by somebody who can bring it about that no denial under a condition holds.
fn decision(policies: &PolicySet, request: &Request) -> Decision {
    evaluate(&policies.without_doubtful_denials(&request.context), request)
}

/// A request about attaching a policy.
fn with_policy(arn: &str) -> Context {
    Context::open().with("iam:PolicyARN", arn)
}

/// AWS's own policies that make an administrator (AWS Managed Policy Reference).
pub(super) const OF_AWS: [&str; 2] = ["AdministratorAccess", "IAMFullAccess"];

const ATTACHING: [(&str, &str); 3] =
    [("iam:AttachUserPolicy", "user"), ("iam:AttachGroupPolicy", "group"), ("iam:AttachRolePolicy", "role")];

const ROLES: [&str; 3] = ["iam:PassRole", "iam:UpdateAssumeRolePolicy", "sts:AssumeRole"];

/// Each of these on everything gives any rights to anybody.
const ALONE: [(&str, &str); 5] = [
    ("iam:AttachUserPolicy", "user"),
    ("iam:AttachGroupPolicy", "group"),
    ("iam:PutUserPolicy", "user"),
    ("iam:PutGroupPolicy", "group"),
    ("iam:CreatePolicyVersion", "policy"),
];

const SOMEWHERE: [(&str, &str, &str); 5] = [
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

    fn set(documents: &[serde_json::Value]) -> PolicySet {
        let read =
            |document: &serde_json::Value| Policy::new("p", Document::parse(&document.to_string()).unwrap());
        PolicySet { identity: documents.iter().map(read).collect(), ..PolicySet::default() }
    }

    fn statement(
        effect: &str,
        action: &str,
        resource: &str,
        condition: serde_json::Value,
    ) -> serde_json::Value {
        let mut statement = json!({ "Effect": effect, "Action": action, "Resource": resource });
        if !condition.is_null() {
            statement["Condition"] = condition;
        }
        json!({ "Version": "2012-10-17", "Statement": [statement] })
    }

    #[test]
    fn a_denial_under_a_condition_silences_nothing() {
        let all = || statement("Allow", "*", "*", json!(null));
        for condition in [
            json!({ "NotIpAddress": { "aws:SourceIp": "192.0.2.0/24" } }),
            json!({ "StringEquals": { "aws:ResourceTag/keep": "yes" } }),
            json!({ "Null": { "aws:ResourceTag/keep": "false" } }),
        ] {
            let policies = set(&[all(), statement("Deny", "*", "*", condition.clone())]);
            let ways = Surroundings::of("aws", ACCOUNT).escalations(&policies);
            assert_eq!(ways.first().map(|way| way.action), Some("*"), "{condition}");
        }
        // One that certainly holds counts: it is about that very policy.
        let never = json!({ "ArnEquals": { "iam:PolicyARN": "arn:aws:iam::aws:policy/*" } });
        let attach = "iam:AttachUserPolicy";
        let policies =
            set(&[statement("Allow", attach, "*", json!(null)), statement("Deny", attach, "*", never)]);
        let mut place = Surroundings::of("aws", ACCOUNT);
        assert!(place.escalations(&policies).is_empty());
        place.administrator_policies = vec![arn("policy/god")];
        let ways = place.escalations(&policies);
        assert!(ways[0].what.contains("policy/god, which makes an administrator"), "{ways:?}");
        // An unread policy may deny, but need not.
        let mut policies = set(&[statement("Allow", attach, "*", json!(null))]);
        policies.identity.push(Policy::unreadable("AWS's"));
        assert_eq!(place.escalations(&policies).len(), 1);
        assert_eq!(place.doubts(&policies), ["the policy AWS's, which could not be read".to_owned()].into());
    }

    #[test]
    fn what_is_not_certain_is_a_doubt() {
        let mut place = Surroundings::of("aws", ACCOUNT);
        let sometimes = json!({ "IpAddress": { "aws:SourceIp": "192.0.2.0/24" } });
        let policies = set(&[statement("Allow", "iam:PutUserPolicy", "*", sometimes)]);
        assert!(place.escalations(&policies).is_empty());
        assert_eq!(place.doubts(&policies), ["aws:SourceIp".to_owned()].into());
        // With a boundary that is asked for, and on what a limited policy is limited to, there is none.
        let boundary = Some(arn("policy/edge"));
        let scope = PolicyScope {
            paths: vec!["/idm/".into()],
            groups: vec!["/idm/*".into()],
            policies: vec![arn("policy/idm/*")],
            protected: vec![keyreeve_model::ProtectionKind::Tag("keep".into())],
            ..PolicyScope::new(Full, "aws")
        };
        for scope in [PolicyScope { boundary, ..scope.clone() }, scope] {
            let texts = scope.documents().unwrap();
            let documents: Vec<serde_json::Value> =
                texts.iter().map(|text| serde_json::from_str(text).unwrap()).collect();
            let policies = set(&documents);
            assert!(place.escalations(&policies).is_empty() && place.doubts(&policies).is_empty());
            // What could not be read counts where it can be reached.
            let unread = |arn: String, by: &str| Administrator { arn, by: by.to_owned() };
            place.unread = vec![
                unread(arn("user/idm/eve"), "Inner"),
                unread(arn("user/other/eve"), "Outer"),
                unread(arn("group/idm/g"), "OfGroup"),
                unread(arn("policy/idm/p"), ""),
                unread(arn("policy/other"), ""),
            ];
            let doubts = place.doubts(&policies).into_iter().collect::<Vec<_>>().join("; ");
            for (word, said) in [
                ("Inner", true),
                ("Outer", false),
                ("OfGroup", true),
                ("policy/idm/p", true),
                ("policy/other", false),
            ] {
                assert_eq!(doubts.contains(word), said, "{word}: {doubts}");
            }
            place.unread.clear();
        }
    }

    #[test]
    fn iam_alone_makes_an_administrator_and_everything_but_iam_does_not() {
        let place = Surroundings::of("aws", ACCOUNT);
        for (action, makes) in
            [("*", true), ("iam:*", true), ("iam:Put*", true), ("iam:Get*", false), ("s3:*", false)]
        {
            let policies = set(&[statement("Allow", action, "*", json!(null))]);
            assert_eq!(place.makes_administrator(&policies), makes, "{action}");
        }
        let power = json!({ "Version": "2012-10-17", "Statement": [
            { "Effect": "Allow", "NotAction": ["iam:*", "organizations:*", "account:*"], "Resource": "*" },
        ] });
        assert!(!place.makes_administrator(&set(&[power])));
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
        let ways = ways.chain(ATTACHING.map(|(action, _)| action));
        for action in ways.chain(ON_ANY_USER.map(|(action, _)| action)).chain(others) {
            assert_eq!(found(&granting(action, json!(null)), &[]), [action]);
            let sometimes = json!({ "IpAddress": { "aws:SourceIp": "192.0.2.0/24" } });
            assert!(found(&granting(action, sometimes), &[]).is_empty(), "{action}");
        }
        assert_eq!(found(&granting("*", json!(null)), &[]), ["*"]);
        assert!(found(&granting("iam:List*", json!(null)), &[]).is_empty());
    }
}
