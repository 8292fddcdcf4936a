//! Users: staff, contractors, services, and a few with hostile names.

use jiff::Timestamp;
use keyreeve_model::Secret;

use super::names::{FIRST, HOSTILE, LAST, SERVICES, TEAMS};
use super::resources::{aws_arn, document, free, lately, own_arns, pick, some_policy};
use super::some_day;
use crate::protocol::error::ApiError;
use crate::seeded::Seeded;
use crate::state::{AccessKey, KeyStatus, KeyUse, LoginProfile, MfaDevice, NewUser, State, User};

/// Fewer users than this, and the hostile names stay away.
const ENOUGH_FOR_HOSTILE: u32 = 30;

/// Who somebody is, before they are made.
pub(super) struct Person {
    pub(super) name: String,
    pub(super) path: String,
    pub(super) team: &'static str,
    pub(super) is_service: bool,
}

pub(super) fn users(state: &mut State, chance: &mut Seeded, count: u32) -> Result<(), ApiError> {
    let own = own_arns(state);
    let groups: Vec<String> = state.groups.values().map(|group| group.name.clone()).collect();
    let hostile = if count >= ENOUGH_FOR_HOSTILE { HOSTILE.as_slice() } else { &[] };
    for number in 0..count as usize {
        let person = match hostile.get(number) {
            Some((name, path)) if !state.users.contains_key(*name) => {
                let team = pick(&TEAMS, number);
                Person { name: (*name).to_owned(), path: (*path).to_owned(), team, is_service: false }
            }
            _ => invent(state, chance),
        };
        make(state, chance, &person, &own, &groups)?;
    }
    Ok(())
}

/// Somebody whose name is free.
pub(super) fn invent(state: &State, chance: &mut Seeded) -> Person {
    let team = chance.pick(&TEAMS);
    let taken = |name: &str| state.users.contains_key(name);
    if chance.percent(8) {
        let name = free(&format!("svc-{}", chance.pick(&SERVICES)), taken);
        return Person { name, path: "/service/".to_owned(), team, is_service: true };
    }
    let name = free(&format!("{}.{}", chance.pick(&FIRST), chance.pick(&LAST)), taken);
    let path = if chance.percent(15) { "/contractors/".to_owned() } else { format!("/staff/{team}/") };
    Person { name, path, team, is_service: false }
}

pub(super) fn tags(person: &Person, chance: &mut Seeded) -> Vec<(String, String)> {
    let plain: String = person.name.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '.').collect();
    let cost_centre = format!("CC-{}", 1000 + chance.below(40) * 10);
    vec![
        ("cost-centre".to_owned(), cost_centre),
        ("email".to_owned(), format!("{plain}@example.com")),
        ("team".to_owned(), person.team.to_owned()),
    ]
}

fn make(
    state: &mut State,
    chance: &mut Seeded,
    person: &Person,
    own: &[String],
    groups: &[String],
) -> Result<(), ApiError> {
    let made = some_day(chance, 5, 2_500);
    let tags = tags(person, chance);
    let boundary = chance.percent(5).then(|| aws_arn(state, "/PowerUserAccess"));
    let new = NewUser { name: &person.name, path: &person.path, tags, boundary: boundary.as_deref() };
    state.create_user(new, made)?;
    let name = person.name.as_str();
    let proofs = proofs(state, chance, person, made);
    for key in &proofs.keys {
        state.keys.insert(key.id.as_str().into(), crate::state::name_key(name));
    }
    state.change_user(name, |user| proofs.give(user))?;
    if groups.iter().any(|group| group == person.team) {
        state.add_to_group(name, person.team)?;
    }
    for _ in 0..1 + chance.below(3) {
        if let Some(group) = groups.get(chance.below(groups.len())) {
            state.add_to_group(name, group)?;
        }
    }
    if chance.percent(if person.is_service { 90 } else { 15 }) {
        let arn = some_policy(state, chance, own);
        state.attach_user_policy(name, &arn)?;
    }
    if chance.percent(8) {
        let text = document(state, person.team, &["s3:GetObject", "s3:PutObject"]);
        state.change_user(name, |user| user.inline.insert("own-folder".to_owned(), text))?;
    }
    Ok(())
}

/// What somebody signs in with.
struct Proofs {
    login_profile: Option<LoginProfile>,
    password_last_used: Option<Timestamp>,
    keys: Vec<AccessKey>,
    mfa: Vec<MfaDevice>,
}

impl Proofs {
    fn give(&self, user: &mut User) {
        user.login_profile.clone_from(&self.login_profile);
        user.password_last_used = self.password_last_used;
        user.keys.clone_from(&self.keys);
        user.mfa.clone_from(&self.mfa);
    }
}

fn proofs(state: &mut State, chance: &mut Seeded, person: &Person, made: Timestamp) -> Proofs {
    let has_password = !person.is_service && chance.percent(86);
    let reset_required = chance.percent(6);
    let mut profile = LoginProfile::without_password(made, reset_required);
    profile.changed = made.max(some_day(chance, 3, 400));
    let used = has_password && !reset_required && chance.percent(90);
    let has_mfa = has_password && chance.percent(85);
    let serial = if chance.percent(90) {
        format!("arn:{}:iam::{}:mfa/{}", state.partition, state.account_id, person.name)
    } else {
        chance.base32("GAHT", 8)
    };
    let key_count = match chance.below(100) {
        _ if person.is_service => 1 + usize::from(chance.percent(30)),
        0..65 => 0,
        65..93 => 1,
        _ => 2,
    };
    let keys = (0..key_count).map(|_| key(state, chance, made)).collect();
    Proofs {
        login_profile: has_password.then_some(profile),
        password_last_used: used.then(|| made.max(lately(chance))),
        keys,
        mfa: if has_mfa { vec![MfaDevice { serial, enabled: made }] } else { Vec::new() },
    }
}

fn key(state: &mut State, chance: &mut Seeded, made: Timestamp) -> AccessKey {
    let mut own = state.next_chance();
    let created = made.max(some_day(chance, 2, 900));
    let regions = ["eu-central-1", "eu-west-1", "us-east-1"];
    let services = ["s3", "ec2", "sts", "dynamodb", "logs"];
    let used = chance.percent(80).then(|| KeyUse {
        at: created.max(lately(chance)),
        region: chance.pick(&regions).to_owned(),
        service: chance.pick(&services).to_owned(),
    });
    let status = if chance.percent(85) { KeyStatus::Active } else { KeyStatus::Inactive };
    let (id, secret) = (own.base32("AKIA", 16), Secret::new(own.base64(40)));
    AccessKey { id, secret, status, created, last_used: used }
}
