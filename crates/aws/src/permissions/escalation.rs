//! What makes whoever holds some policies as strong as an administrator of the AWS account.
//!
//! Each of these alone is enough; the list is the one that is known from research into IAM (Rhino Security Labs' and
//! Bishop Fox's lists, kept in Prowler's check of privilege escalation), as far as it is about IAM and roles.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use keyreeve_policy::{
    Context, Decision, Document, Effect, PolicySet, Request, Target, Truth, Verdict, evaluate,
};

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
    /// Other users, groups and policies that may make an administrator, under conditions that are not known.
    pub open: Vec<Administrator>,
}

/// A user who may do everything in the AWS account or can come to it, or a group that makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Administrator {
    /// Its ARN.
    pub arn: String,
    /// The policy that makes it so, and how it is held; or what may be done with it.
    pub by: String,
}

/// Whoever holds some policies.
#[derive(Debug, Clone, Copy)]
pub struct Holder<'a> {
    policies: &'a PolicySet,
    /// What `aws:username` is in its requests, if it is known.
    username: Option<&'a str>,
    /// Which actions on every role are a way.
    roles: &'static [&'static str],
}

impl<'a> From<&'a PolicySet> for Holder<'a> {
    fn from(policies: &'a PolicySet) -> Self {
        Self { policies, username: None, roles: &ROLES }
    }
}

impl<'a> Holder<'a> {
    /// The same by its user name, where it is a user.
    #[must_use]
    pub fn called(self, username: Option<&'a str>) -> Self {
        Self { username, ..self }
    }

    /// Somebody else than the connector. Whether a role lets them in is said by its trust policy, which is not looked at:
    /// a power user, who may assume whatever role lets them, is no administrator.
    pub(super) fn other(policies: &'a PolicySet, username: &'a str) -> Self {
        Self { policies, username: Some(username), roles: &ROLES[..2] }
    }
}

/// A name that nothing has: what is granted on it is granted on whatever comes.
const ANY: &str = "keyreeve-probe-9f1c2d6a7b3e4058";

impl Escalation {
    /// Without what it gives.
    pub(super) fn in_short(&self) -> String {
        format!("{} {}", self.action, self.what.split(": ").next().unwrap_or_default())
    }
}

/// Whether a policy is about anything on the list. Whoever holds none that is cannot become an administrator.
pub(super) fn is_about_any(document: &Document) -> bool {
    let attaching = ATTACHING.iter().map(|(action, _)| *action);
    let somewhere = SOMEWHERE.iter().map(|(action, ..)| *action);
    let users = ON_ANY_USER.iter().map(|(action, _)| *action);
    let others = ["iam:AddUserToGroup", "iam:KeyreeveProbe"].into_iter().chain(ROLES);
    let actions: Vec<&str> = attaching.chain(somewhere).chain(users).chain(others).collect();
    let allowing = document.statements().iter().filter(|statement| statement.effect() == Effect::Allow);
    allowing.into_iter().any(|statement| actions.iter().any(|action| statement.is_about(action)))
}

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
    pub fn escalations<'a>(&self, holder: impl Into<Holder<'a>>) -> Vec<Escalation> {
        let holder = holder.into();
        match self.everything(holder) {
            Some(way) => vec![way],
            None => self.ways(holder).collect(),
        }
    }

    /// The first of them.
    pub(super) fn way(&self, holder: Holder<'_>) -> Option<Escalation> {
        self.everything(holder).or_else(|| self.ways(holder).next())
    }

    fn everything(&self, holder: Holder<'_>) -> Option<Escalation> {
        let way = || Escalation { action: "*", what: "everything is allowed".to_owned() };
        self.grants_everything(holder).then(way)
    }

    fn ways<'a>(&'a self, holder: Holder<'a>) -> impl Iterator<Item = Escalation> + 'a {
        let attaching =
            ATTACHING.iter().filter_map(move |(action, kind)| self.attaching(holder, action, kind));
        let somewhere = SOMEWHERE
            .iter()
            .filter_map(move |(action, kind, what)| self.somewhere(holder, action, kind, what));
        let users = ON_ANY_USER.iter().filter_map(move |(action, what)| {
            self.on_any(holder, action, ("user", &self.administrators), "who is an administrator", what)
        });
        let member = std::iter::once("iam:AddUserToGroup").filter_map(move |action| {
            let groups = ("group", self.administrator_groups.as_slice());
            let what = "that puts anybody into a group of administrators";
            self.on_any(holder, action, groups, "that makes administrators", what)
        });
        let what = "that is whatever the roles may do";
        let roles = holder
            .roles
            .iter()
            .filter_map(move |action| self.on_any(holder, action, ("role", &[]), "", what));
        attaching.chain(somewhere).chain(users).chain(member).chain(roles)
    }

    /// What may open such a way without being certain: keys of requests that are not known, and policies that could not
    /// be read. A permissions boundary that is asked for is none: it holds whoever has it back.
    #[must_use]
    pub fn doubts<'a>(&self, holder: impl Into<Holder<'a>>) -> BTreeSet<String> {
        let holder = holder.into();
        let policies = holder.policies;
        let mut doubts = BTreeSet::new();
        let unread = policies.identity.iter().chain(&policies.boundary).filter(|one| one.document.is_none());
        doubts.extend(unread.map(|policy| format!("the policy {}, which could not be read", policy.name)));
        let of_kind = |kind: &str| self.any_of(kind).into_iter().map(Target::Arn).collect::<Vec<_>>();
        let everywhere = |kind: &str| Target::Pattern(self.all(kind));
        let known =
            |kind: &[Administrator]| kind.iter().map(|one| Target::Arn(one.arn.clone())).collect::<Vec<_>>();
        let mut asked: Vec<(&str, Target, Context)> =
            vec![("iam:KeyreeveProbe", Target::Arn(self.arn(ANY)), Context::open())];
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
        for action in holder.roles.iter().copied() {
            asked.extend(of_kind("role").into_iter().map(|role| (action, role, Context::open())));
        }
        for (action, target, context) in asked {
            let decision = decision(holder, Request::new(action).on(target).within(context));
            if decision.on_some_resource() == Truth::Unknown {
                let keys = decision.depends_on.into_iter();
                doubts.extend(keys.filter(|key| !key.eq_ignore_ascii_case("iam:PermissionsBoundary")));
            }
        }
        doubts.extend(self.reached(holder));
        doubts
    }

    /// Of what could not be read or is open, what the policies let their holder get at.
    fn reached(&self, holder: Holder<'_>) -> Vec<String> {
        let granted = |action: &str, target: Target, context: Context| {
            let decision = decision(holder, Request::new(action).on(target).within(context));
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
        let unread = |one: &Administrator| match one.by.as_str() {
            "" => format!("the policy {}, which could not be read", one.arn),
            by => format!("the policy {by} of {}, which could not be read", one.arn),
        };
        let open = |one: &Administrator| format!("what {} gives, which depends on {}", one.arn, one.by);
        let of_unread = self.unread.iter().filter(reached).map(unread);
        of_unread.chain(self.open.iter().filter(reached).map(open)).collect()
    }

    /// Whether policies make an administrator by themselves: whatever is asked is allowed, or what gives any rights in
    /// IAM to anybody. Without IAM, as under PowerUserAccess, somebody is none.
    pub(super) fn makes_administrator(&self, policies: &PolicySet) -> bool {
        let holder = Holder::from(policies);
        self.grants_everything(holder)
            || ALONE.iter().any(|(action, kind)| {
                let context = with_policy(&self.of_aws("AdministratorAccess"));
                self.any_of(kind).into_iter().all(|arn| {
                    let request = Request::new(*action).on(Target::Arn(arn)).within(context.clone());
                    decision(holder, request).verdict == Verdict::Allow
                })
            })
    }

    fn grants_everything(&self, holder: Holder<'_>) -> bool {
        ["keyreeve:Probe", "iam:KeyreeveProbe"].into_iter().all(|action| {
            let request = Request::new(action).on(Target::Arn(self.arn(ANY)));
            decision(holder, request).verdict == Verdict::Allow
        })
    }

    /// The policies that make an administrator of whoever they are attached to.
    fn strong(&self) -> impl Iterator<Item = String> {
        OF_AWS.into_iter().map(|name| self.of_aws(name)).chain(self.administrator_policies.iter().cloned())
    }

    /// Whether it is one of AWS's own that make an administrator.
    pub(super) fn is_of_aws(&self, arn: &str) -> bool {
        OF_AWS.into_iter().any(|name| self.of_aws(name) == arn)
    }

    pub(super) fn of_aws(&self, name: &str) -> String {
        format!("arn:{}:iam::aws:policy/{name}", self.partition)
    }

    /// Granted on some resource of a kind, for a policy that makes an administrator.
    fn attaching(&self, holder: Holder<'_>, action: &'static str, kind: &str) -> Option<Escalation> {
        self.strong().find_map(|arn| {
            let on = self.on_some(holder, action, kind, &with_policy(&arn))?;
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
        holder: Holder<'_>,
        action: &'static str,
        kind: &str,
        what: &str,
    ) -> Option<Escalation> {
        let on = self.on_some(holder, action, kind, &Context::open())?;
        Some(Escalation { action, what: format!("on {on} {what}") })
    }

    fn on_some(&self, holder: Holder<'_>, action: &str, kind: &str, context: &Context) -> Option<String> {
        let granted = |target| {
            let request = Request::new(action).on(target).within(context.clone());
            decision(holder, request).on_some_resource() == Truth::True
        };
        if self.any_of(kind).into_iter().all(|arn| granted(Target::Arn(arn))) {
            return Some(format!("every {kind}"));
        }
        granted(Target::Pattern(self.all(kind))).then(|| format!("some {kind}s"))
    }

    /// Granted on whatever comes, or on one that is known.
    fn on_any(
        &self,
        holder: Holder<'_>,
        action: &'static str,
        (kind, known): (&str, &[Administrator]),
        known_as: &str,
        what: &str,
    ) -> Option<Escalation> {
        let granted = |arn: &String| {
            let request = Request::new(action).on(Target::Arn(arn.clone()));
            decision(holder, request).verdict == Verdict::Allow
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
fn decision(holder: Holder<'_>, mut request: Request) -> Decision {
    if let Some(username) = holder.username {
        request.context = request.context.with("aws:username", username);
    }
    evaluate(&holder.policies.without_doubtful_denials(&request.context), &request)
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
