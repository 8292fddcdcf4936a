//! Claims in an import: what we changed since the last one is read one by one, counts towards no threshold, and is
//! confirmed or contradicted by what this run saw.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use jiff::Timestamp;
use keyreeve_model::{
    Account, Assignment, AssignmentKind, Change, ChangeCounts, ChangeKind, ChangeSet, Claim, ClaimFact,
    ClaimState, ExternalId, Hint, ImportObject, ImportScope, Inventory, JobId, LoginProfileState, ObjectType,
    ResourceType, Warning,
};
use keyreeve_store::ClaimId;

use super::credentials::Held;

/// How much later than a change of ours a report must be for it to vouch for the account: the making of a report takes
/// time, and two clocks differ.
const SLACK: Duration = Duration::from_secs(15 * 60);

/// The open claims of a system, and when it was changed.
#[derive(Debug, Default)]
pub(crate) struct Claimed {
    by_account: HashMap<ExternalId, Vec<(ClaimId, Claim)>>,
    /// Claims that an earlier import saw the contrary of: whether AWS has them again is looked at, and nothing else of them.
    drifted: Vec<(ClaimId, Claim)>,
    /// What was claimed since the last import began, whichever system of the AWS account it was and whether that one's
    /// imports have confirmed it by now.
    lately: HashMap<ExternalId, Vec<ClaimFact>>,
    ours: Ours,
}

/// What we changed, and what of it waits to be confirmed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ours {
    /// When a change of each account was last attempted.
    last_attempts: HashMap<ExternalId, Timestamp>,
    /// What must be looked at to settle the claims about each account.
    claimed: HashMap<ExternalId, Wanted>,
}

/// What is read of a user by itself besides the login profile.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) keys: bool,
    pub(crate) devices: bool,
    pub(crate) boundary: bool,
}

impl Ours {
    /// Whether the account is read by itself, whatever a report of that moment says.
    pub(crate) fn reads_itself(&self, id: &ExternalId, generated_at: Timestamp) -> bool {
        self.claimed.contains_key(id) || !self.is_younger(id, generated_at)
    }

    /// What is read of a user by itself: what the report cannot tell, and what the claims speak of.
    pub(crate) fn wanted(&self, id: &ExternalId, report_of: Option<Timestamp>) -> Wanted {
        let claimed = self.claimed.get(id).copied().unwrap_or_default();
        let untold = report_of.is_some_and(|generated_at| self.reads_itself(id, generated_at));
        Wanted { keys: claimed.keys || untold, devices: claimed.devices || untold, ..claimed }
    }

    /// Whether a report of that moment can know of all that we did to the account.
    pub(crate) fn is_younger(&self, id: &ExternalId, generated_at: Timestamp) -> bool {
        self.last_attempts.get(id).is_none_or(|at| generated_at.duration_since(*at) > signed(SLACK))
    }
}

impl Wanted {
    fn add(&mut self, other: Self) {
        self.keys |= other.keys;
        self.devices |= other.devices;
        self.boundary |= other.boundary;
    }

    fn by(claims: &[(ClaimId, Claim)]) -> Self {
        let any = |speaks: fn(&ClaimFact) -> bool| claims.iter().any(|(_, claim)| speaks(&claim.fact));
        Self {
            keys: any(ClaimFact::is_of_keys),
            devices: any(|fact| matches!(fact, ClaimFact::LacksMfaDevice { .. })),
            boundary: any(|fact| matches!(fact, ClaimFact::Boundary { .. } | ClaimFact::NoBoundary)),
        }
    }
}

fn signed(duration: Duration) -> jiff::SignedDuration {
    jiff::SignedDuration::try_from(duration).unwrap_or(jiff::SignedDuration::MAX)
}

impl Claimed {
    pub(crate) fn new(
        claims: Vec<(ClaimId, Claim)>,
        drifted: Vec<(ClaimId, Claim)>,
        since_last: Vec<(ExternalId, ClaimFact)>,
        last_attempts: HashMap<ExternalId, Timestamp>,
    ) -> Self {
        let mut lately: HashMap<ExternalId, Vec<ClaimFact>> = HashMap::new();
        for (id, fact) in since_last {
            lately.entry(id).or_default().push(fact);
        }
        let mut by_account: HashMap<ExternalId, Vec<(ClaimId, Claim)>> = HashMap::new();
        for (id, claim) in claims {
            by_account.entry(claim.account_external_id.clone()).or_default().push((id, claim));
        }
        let mut claimed: HashMap<_, _> =
            by_account.iter().map(|(id, claims)| (id.clone(), Wanted::by(claims))).collect();
        for one in &drifted {
            // What every import reads of all accounts needs no look of its own.
            let wanted = Wanted::by(std::slice::from_ref(one));
            if wanted != Wanted::default() {
                claimed.entry(one.1.account_external_id.clone()).or_default().add(wanted);
            }
        }
        Self { by_account, drifted, lately, ours: Ours { last_attempts, claimed } }
    }

    /// The accounts whose credentials no older report may vouch for.
    pub(crate) fn ours(&self) -> &Ours {
        &self.ours
    }

    /// How many changes there are of each type, without those that merely do what we claimed: no threshold counts
    /// them.
    pub(crate) fn unexpected(&self, changes: &ChangeSet) -> BTreeMap<ObjectType, ChangeCounts> {
        changes
            .counts_where(|change| !self.expects_account(change), |change| !self.expects_assignment(change))
    }

    fn of(&self, id: &ExternalId) -> Vec<&ClaimFact> {
        let open = self.by_account.get(id).into_iter().flatten().map(|(_, claim)| &claim.fact);
        open.chain(self.lately.get(id).into_iter().flatten()).collect()
    }

    fn expects_account(&self, change: &Change<Account>) -> bool {
        let claims = self.of(&change.object().external_id);
        match change.kind() {
            ChangeKind::Created => claims.contains(&&ClaimFact::AccountExists),
            ChangeKind::Deleted => claims.contains(&&ClaimFact::AccountGone),
            ChangeKind::Changed => !claims.is_empty(),
        }
    }

    fn expects_assignment(&self, change: &Change<Assignment>) -> bool {
        let assignment = change.object();
        let claims = self.of(&assignment.subject_external_id);
        let account_went = claims.contains(&&ClaimFact::AccountGone);
        let arn = assignment.resource_arn.as_deref();
        let of_this = |fact: &ClaimFact| match (fact, assignment.kind) {
            (
                ClaimFact::InGroup { group } | ClaimFact::NotInGroup { group },
                AssignmentKind::AccountGroup,
            ) => *group == assignment.resource_name,
            (
                ClaimFact::HasPolicy { policy_arn } | ClaimFact::LacksPolicy { policy_arn },
                AssignmentKind::AccountPolicy,
            ) => arn == Some(policy_arn),
            _ => false,
        };
        let named = claims.iter().any(|fact| of_this(fact));
        named
            || (account_went && change.kind() == ChangeKind::Deleted)
            || (change.kind() == ChangeKind::Changed && !claims.is_empty())
    }

    /// What this run says of each claim it could judge: only evidence taken after the claim was made counts, and only
    /// of what the run covered.
    pub(crate) fn judge(
        &self,
        (before, after): (&Inventory, &Inventory),
        by_itself: &HashMap<ExternalId, Held>,
        scope: &ImportScope,
        started_at: Timestamp,
    ) -> Vec<(ClaimId, &Claim, ClaimState)> {
        let after = After::of(before, after, |id| self.by_account.contains_key(id));
        let mut judged = Vec::new();
        for (id, claim) in
            self.by_account.values().flatten().filter(|(_, claim)| started_at > claim.claimed_at)
        {
            if let Some(holds) = after.holds(claim, by_itself, scope) {
                judged.push((
                    *id,
                    claim,
                    if holds { ClaimState::Confirmed } else { ClaimState::Contradicted },
                ));
            }
        }
        judged.sort_by_key(|(id, _, _)| *id);
        judged
    }

    /// Drift that this run sees the end of: AWS has again what was claimed, or the account is gone of which it was.
    pub(crate) fn restored(
        &self,
        (before, after): (&Inventory, &Inventory),
        by_itself: &HashMap<ExternalId, Held>,
        scope: &ImportScope,
    ) -> Vec<ClaimId> {
        if self.drifted.is_empty() {
            return Vec::new();
        }
        let about: HashSet<&ExternalId> =
            self.drifted.iter().map(|(_, claim)| &claim.account_external_id).collect();
        let after = After::of(before, after, |id| about.contains(id));
        let all = scope.objects.contains(&ImportObject::Accounts) && scope.path_prefix == "/";
        let ended = self.drifted.iter().filter(|(_, claim)| {
            let went = all
                && claim.fact != ClaimFact::AccountExists
                && !after.accounts.contains_key(&claim.account_external_id);
            went || after.holds(claim, by_itself, scope) == Some(true)
        });
        ended.map(|(id, _)| *id).collect()
    }
}

/// What holds after a run, of the accounts that claims are about.
struct After<'a> {
    accounts: HashMap<&'a ExternalId, &'a Account>,
    held: HashMap<&'a ExternalId, Vec<&'a Assignment>>,
    /// What groups are called now that the last import knew by other names.
    renamed: HashMap<&'a str, &'a str>,
}

impl<'a> After<'a> {
    fn of(before: &'a Inventory, after: &'a Inventory, about: impl Fn(&ExternalId) -> bool) -> Self {
        let accounts = after.accounts.iter().filter(|account| about(&account.external_id));
        let accounts = accounts.map(|account| (&account.external_id, account)).collect();
        let mut held: HashMap<&ExternalId, Vec<&Assignment>> = HashMap::new();
        for assignment in after.assignments.iter().filter(|one| about(&one.subject_external_id)) {
            held.entry(&assignment.subject_external_id).or_default().push(assignment);
        }
        Self { accounts, held, renamed: renamed(before, after) }
    }

    fn holds(
        &self,
        claim: &Claim,
        by_itself: &HashMap<ExternalId, Held>,
        scope: &ImportScope,
    ) -> Option<bool> {
        let account = self.accounts.get(&claim.account_external_id).copied();
        let held = self.held.get(&claim.account_external_id).map_or(&[][..], Vec::as_slice);
        holds(claim, account, (held, &self.renamed), by_itself.get(&claim.account_external_id), scope)
    }
}

/// Groups that have another name than before, by the name that they had: claims say names, and a group that is renamed keeps
/// its members.
fn renamed<'a>(before: &'a Inventory, after: &'a Inventory) -> HashMap<&'a str, &'a str> {
    let groups =
        |inventory: &'a Inventory| inventory.resources.iter().filter(|one| one.kind == ResourceType::Group);
    let now: HashMap<&ExternalId, &str> =
        groups(after).map(|group| (&group.external_id, group.name.as_str())).collect();
    let had = groups(before).filter_map(|group| Some((group.name.as_str(), *now.get(&group.external_id)?)));
    had.filter(|(had, has)| had != has).collect()
}

/// Whether what a claim says is so; `None` where this run did not look, or could not see.
fn holds(
    claim: &Claim,
    account: Option<&Account>,
    (held, renamed): (&[&Assignment], &HashMap<&str, &str>),
    seen: Option<&Held>,
    scope: &ImportScope,
) -> Option<bool> {
    if !scope.objects.contains(&ImportObject::Accounts) {
        return None;
    }
    let Some(account) = account else {
        return match claim.fact {
            ClaimFact::AccountGone => Some(true),
            // An account that is gone was deleted by somebody else, or lies outside what was read.
            ClaimFact::AccountExists if scope.path_prefix == "/" => Some(false),
            _ => None,
        };
    };
    if !scope.covers_account(account) {
        return None;
    }
    let in_group = |group: &str| {
        let group = renamed.get(group).copied().unwrap_or(group);
        held.iter().any(|one| one.kind == AssignmentKind::AccountGroup && one.resource_name == group)
    };
    let has_policy = |arn: &str| {
        held.iter()
            .any(|one| one.kind == AssignmentKind::AccountPolicy && one.resource_arn.as_deref() == Some(arn))
    };
    match &claim.fact {
        ClaimFact::AccountExists => Some(true),
        ClaimFact::AccountGone => Some(false),
        ClaimFact::Named { name } => Some(account.name == *name),
        ClaimFact::Path { path } => Some(account.path == *path),
        ClaimFact::LoginProfilePresent => login(account, claim, LoginProfileState::Present),
        ClaimFact::LoginProfileAbsent => login(account, claim, LoginProfileState::Absent),
        ClaimFact::InGroup { group } => Some(in_group(group)),
        ClaimFact::NotInGroup { group } => Some(!in_group(group)),
        ClaimFact::HasPolicy { policy_arn } => Some(has_policy(policy_arn)),
        ClaimFact::LacksPolicy { policy_arn } => Some(!has_policy(policy_arn)),
        ClaimFact::KeyActive { access_key_id } => key(seen, access_key_id).map(|key| key == Some(true)),
        ClaimFact::KeyInactive { access_key_id } => key(seen, access_key_id).map(|key| key != Some(true)),
        ClaimFact::KeyGone { access_key_id } => key(seen, access_key_id).map(|key| key.is_none()),
        ClaimFact::Tagged { key, value } => tag(account, key).map(|found| found == Some(value)),
        ClaimFact::NotTagged { key } => tag(account, key).map(|found| found.is_none()),
        ClaimFact::Boundary { policy_arn } => Some(seen?.boundary.as_ref()?.as_ref() == Some(policy_arn)),
        ClaimFact::NoBoundary => Some(seen?.boundary.as_ref()?.is_none()),
        ClaimFact::LacksInlinePolicy { name } => {
            Some(account.inline_policies.as_ref()?.iter().all(|policy| policy.name != *name))
        }
        ClaimFact::LacksMfaDevice { serial } => Some(!seen?.devices.as_ref()?.contains(serial)),
    }
}

/// Whether an access key is accepted; `Some(None)` when there is none of that id, `None` when keys were not read.
fn key(seen: Option<&Held>, id: &str) -> Option<Option<bool>> {
    Some(seen?.by_id.as_ref()?.get(id).copied())
}

/// The value of a tag; `Some(None)` when there is none, `None` when tags were not read.
fn tag<'a>(account: &'a Account, key: &str) -> Option<Option<&'a String>> {
    let mut tags = account.tags.as_ref()?.iter();
    Some(tags.find(|(found, _)| found.eq_ignore_ascii_case(key)).map(|(_, value)| value))
}

/// The reading must be younger than the claim: a credential report may be hours old.
fn login(account: &Account, claim: &Claim, claimed: LoginProfileState) -> Option<bool> {
    let fresh = account.credentials.as_of.is_some_and(|as_of| as_of > claim.claimed_at);
    let known = account.login_profile.state != LoginProfileState::Unknown;
    (fresh && known).then_some(account.login_profile.state == claimed)
}

/// So many claims that somebody has undone are told one by one.
pub(crate) const TOLD: usize = 5;

/// Drift in words: claims of ours that somebody has undone, with the jobs they come from.
pub(crate) fn drift(told: &[(JobId, &Claim)], all: usize) -> Option<Warning> {
    let (first, _) = told.first()?;
    let undone: Vec<String> = told
        .iter()
        .map(|(job, claim)| match &claim.fact {
            // The claim goes by the name that it gave.
            ClaimFact::Named { name } if *name == claim.account => {
                format!("an account was renamed to {name:?} by job {job}")
            }
            fact => format!("{:?} {} by job {job}", claim.account, fact.words()),
        })
        .collect();
    let others = match all - told.len() {
        0 => String::new(),
        others => format!("; and {others} more"),
    };
    let message = format!(
        "drift: {}{others}: that is not so any more, and nothing is repeated by itself; {} shows what was done",
        undone.join("; "),
        Hint::ShowJob(*first)
    );
    Some(Warning::new("drift", message))
}
