//! What is asked, of what is known to be there.

use anyhow::{Result, anyhow};
use serde::de::IgnoredAny;
use serde_json::Value;

use super::{
    account::{Shape, system},
    client::Client,
};

/// A kind of request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    RestPage,
    RestFiltered,
    RestOne,
    ScimPage,
    ScimFiltered,
    ScimOne,
}

pub(super) const KINDS: [Kind; 6] =
    [Kind::RestPage, Kind::ScimFiltered, Kind::RestFiltered, Kind::ScimOne, Kind::RestOne, Kind::ScimPage];

impl Kind {
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::RestPage => "REST list",
            Self::RestFiltered => "REST filter",
            Self::RestOne => "REST one",
            Self::ScimPage => "SCIM list",
            Self::ScimFiltered => "SCIM filter",
            Self::ScimOne => "SCIM one",
        }
    }

    /// What is wrong with the body of a success: every request here has something to find.
    pub(super) fn wrong(self, body: &[u8]) -> Option<String> {
        let found = serde_json::from_slice::<Found>(body).ok().map(|found| match self {
            Self::RestPage | Self::RestFiltered => !found.items.is_empty(),
            Self::ScimPage | Self::ScimFiltered => !found.resources.is_empty(),
            Self::RestOne | Self::ScimOne => found.name.or(found.user_name).is_some(),
        });
        (found != Some(true)).then(|| format!("{} found nothing", self.label()))
    }
}

/// What of an answer shows that something was found. The rest is passed over: this machine is also the server's, and
/// building what nobody looks at would take from it what is to be measured.
#[derive(Default, serde::Deserialize)]
#[serde(default)]
struct Found {
    items: Vec<IgnoredAny>,
    #[serde(rename = "Resources")]
    resources: Vec<IgnoredAny>,
    name: Option<IgnoredAny>,
    #[serde(rename = "userName")]
    user_name: Option<IgnoredAny>,
}

/// A system's inhabitants, and where its pages begin.
struct Inhabitants {
    system: String,
    /// Names and ids.
    users: Vec<(String, String)>,
    groups: Vec<String>,
    policies: Vec<String>,
    account_pages: Vec<String>,
    assignment_pages: Vec<String>,
}

/// Everything that can be asked for.
pub(super) struct Known(Vec<Inhabitants>);

impl Known {
    /// Reads it from the server itself.
    pub(super) fn gather(address: &str, token: &str, shape: Shape) -> Result<Self> {
        let mut client = Client::new(address, token);
        let mut all = Vec::new();
        for number in 0..shape.systems {
            let system = system(number);
            let at = |what: &str| format!("/api/v1/systems/{system}/{what}limit=1000");
            let mut users = Vec::new();
            let account_pages = each_page(&mut client, &at("accounts?"), usize::MAX, |one| {
                let text = |name: &str| Some(one.get(name)?.as_str()?.to_owned());
                users.extend(text("name").zip(text("external_id")));
            })?;
            // The whole list of the first system; of the others enough.
            let pages = if number == 0 { 60 } else { 3 };
            let assignment_pages = each_page(&mut client, &at("assignments?"), pages, |_| {})?;
            let (mut groups, mut policies) = (Vec::new(), Vec::new());
            each_page(&mut client, &at("assignments?kind=account_group&"), 2, |one| {
                groups.extend(one.get("resource_name").and_then(Value::as_str).map(str::to_owned));
            })?;
            each_page(&mut client, &at("assignments?kind=account_policy&"), 2, |one| {
                policies.extend(one.get("resource_arn").and_then(Value::as_str).map(str::to_owned));
            })?;
            if users.is_empty() || groups.is_empty() || policies.is_empty() {
                return Err(anyhow!("{system} is empty"));
            }
            all.push(Inhabitants { system, users, groups, policies, account_pages, assignment_pages });
        }
        Ok(Self(all))
    }

    /// The request of a number: its kind by turns, and everything else as chance (the same for the same seed) has it.
    /// Every second one is about the first system, the one that is imported.
    pub(super) fn request(&self, number: usize, seed: u64) -> (Kind, String) {
        let mut chance = Chance(seed.wrapping_mul(0x9e37_79b9).wrapping_add(number as u64));
        let kind = KINDS.get(number % KINDS.len()).copied().unwrap_or(Kind::RestPage);
        let place = if chance.below(2) == 0 { 0 } else { chance.below(self.0.len()) };
        let path = self.0.get(place).map(|of| of.path(kind, &mut chance)).unwrap_or_default();
        (kind, path)
    }
}

impl Inhabitants {
    fn path(&self, kind: Kind, chance: &mut Chance) -> String {
        let (rest, scim) = (format!("/api/v1/systems/{}", self.system), format!("/scim/v2/{}", self.system));
        let (name, id) = chance.pick(&self.users);
        let (name, id) = (encoded(name), encoded(id));
        match kind {
            Kind::RestPage => {
                let (what, pages) = match chance.below(2) {
                    0 => ("accounts", &self.account_pages),
                    _ => ("assignments", &self.assignment_pages),
                };
                match pages.get(chance.below(pages.len() + 1)) {
                    None => format!("{rest}/{what}"),
                    Some(cursor) => format!("{rest}/{what}?cursor={}", encoded(cursor)),
                }
            }
            Kind::RestFiltered => match chance.below(5) {
                0 => format!("{rest}/assignments?account={name}"),
                1 => format!("{rest}/assignments?group={}", encoded(chance.pick::<String>(&self.groups))),
                2 => format!("{rest}/assignments?policy={}", encoded(chance.pick::<String>(&self.policies))),
                3 => format!("{rest}/accounts?group={}", encoded(chance.pick::<String>(&self.groups))),
                _ => format!("{rest}/accounts?name={}", name.get(..5).unwrap_or(&name)),
            },
            Kind::RestOne => format!("{rest}/accounts/{name}"),
            Kind::ScimPage => {
                let start = chance.below(self.users.len()) + 1;
                format!("{scim}/Users?startIndex={start}&count=100")
            }
            Kind::ScimFiltered => match chance.below(4) {
                0 => format!("{scim}/Users?count=100&filter=active%20eq%20true"),
                _ => format!("{scim}/Users?filter=userName%20eq%20%22{name}%22"),
            },
            Kind::ScimOne => format!("{scim}/Users/{id}"),
        }
    }
}

/// Follows a list for so many pages; gives the cursors it went by.
fn each_page(
    client: &mut Client<'_>,
    path: &str,
    most: usize,
    mut each: impl FnMut(&Value),
) -> Result<Vec<String>> {
    let mut cursors: Vec<String> = Vec::new();
    while cursors.len() < most {
        let cursor = cursors.last().map(|cursor| format!("&cursor={}", encoded(cursor))).unwrap_or_default();
        let page = client.json("GET", &format!("{path}{cursor}"), None)?;
        page.get("items").and_then(Value::as_array).into_iter().flatten().for_each(&mut each);
        match page.get("next").and_then(Value::as_str) {
            Some(next) => cursors.push(next.to_owned()),
            None => break,
        }
    }
    Ok(cursors)
}

pub(in crate::bench) fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let one = |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(one).collect()
}

/// Chance that is the same each time (SplitMix64).
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        usize::try_from(mixed % (end.max(1) as u64)).unwrap_or(0)
    }

    #[allow(clippy::indexing_slicing, reason = "below the length, and nothing picked from is empty")]
    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_without_what_was_asked_for_counts_as_an_error() {
        assert!(Kind::RestPage.wrong(br#"{"items": [{}], "next": null}"#).is_none());
        assert!(Kind::RestPage.wrong(br#"{"items": [], "next": null}"#).is_some());
        assert!(Kind::ScimFiltered.wrong(br#"{"totalResults": 0, "Resources": []}"#).is_some());
        assert!(Kind::ScimOne.wrong(br#"{"userName": "ada"}"#).is_none());
        assert!(Kind::RestOne.wrong(b"not JSON").is_some());
    }

    #[test]
    fn chance_is_the_same_for_the_same_seed_and_reaches_everything() {
        let draw = |seed| {
            (0..200).map(|_| 0).scan(Chance(seed), |chance, _| Some(chance.below(7))).collect::<Vec<_>>()
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        assert!((0..7).all(|wanted| draw(1).contains(&wanted)));
    }
}
