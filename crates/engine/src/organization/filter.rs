//! Which accounts of an organization are wanted.

use std::collections::{BTreeMap, BTreeSet};

use keyreeve_model::AwsAccountId;

use super::{DiscoveryError, Member};

/// Which accounts are wanted: those that any of the inclusions names, or all where there is none, without those that any
/// of the exclusions names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Organizational units, by id (`ou-…`, `r-…`) or path (`/Workloads/Production`), with all they hold.
    pub include_units: Vec<String>,
    /// The same, left out.
    pub exclude_units: Vec<String>,
    /// Accounts.
    pub include_accounts: BTreeSet<AwsAccountId>,
    /// Accounts left out.
    pub exclude_accounts: BTreeSet<AwsAccountId>,
    /// Tags, by key and value.
    pub include_tags: Vec<(String, String)>,
    /// The same, left out.
    pub exclude_tags: Vec<(String, String)>,
}

/// What a filter says of an account.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    Yes,
    No(String),
    /// It cannot be told.
    Unknown(String),
}

impl Filter {
    /// Whether it takes the tags of accounts to answer.
    pub(super) fn asks_for_tags(&self) -> bool {
        !self.include_tags.is_empty() || !self.exclude_tags.is_empty()
    }

    /// Whether an account with these tags is left out.
    pub(super) fn excludes(&self, tags: &BTreeMap<String, String>) -> bool {
        self.exclude_tags.iter().any(|(key, value)| tags.get(key) == Some(value))
    }

    /// Whether it takes the tree of organizational units to answer.
    pub(super) fn asks_for_units(&self) -> bool {
        !self.include_units.is_empty() || !self.exclude_units.is_empty()
    }

    /// Refuses units and accounts that the organization does not have: a mistyped exclusion would let in what was to
    /// stay out.
    pub(super) fn check(&self, members: &[Member], units: &[(String, String)]) -> Result<(), DiscoveryError> {
        let known = |asked: &str| units.iter().any(|(id, path)| id == asked || same_path(path, asked));
        if let Some(unit) = self.include_units.iter().chain(&self.exclude_units).find(|unit| !known(unit)) {
            let paths: Vec<&str> = units.iter().map(|(_, path)| path.as_str()).collect();
            let why =
                format!("there is no organizational unit {unit}; those there are: {}", paths.join(", "));
            return Err(DiscoveryError::Filter(why));
        }
        let known = |asked: &AwsAccountId| members.iter().any(|member| member.account_id == *asked);
        match self.include_accounts.iter().chain(&self.exclude_accounts).find(|id| !known(id)) {
            Some(id) => Err(DiscoveryError::Filter(format!("the organization has no account {id}"))),
            None => Ok(()),
        }
    }

    pub(super) fn wants(&self, member: &Member) -> Wanted {
        if self.exclude_accounts.contains(&member.account_id) {
            return Wanted::No("its account is excluded".to_owned());
        }
        if let Some(unit) = self.exclude_units.iter().find(|unit| lies_in(member, unit)) {
            return Wanted::No(format!("its organizational unit is excluded ({unit})"));
        }
        if !self.exclude_units.is_empty() && member.unit.is_none() {
            return Wanted::Unknown(
                "in which organizational unit it is, is not known (it may have been moved meanwhile), and units are \
                 excluded"
                    .to_owned(),
            );
        }
        if self.asks_for_tags() && member.tags.is_err() {
            let why = member.tags.as_ref().err().cloned().unwrap_or_default();
            return Wanted::Unknown(format!("its tags could not be read: {why}"));
        }
        if let Some((key, value)) = self.exclude_tags.iter().find(|tag| has_tag(member, tag)) {
            return Wanted::No(format!("its tag {key}={value} is excluded"));
        }
        let everything =
            self.include_accounts.is_empty() && self.include_units.is_empty() && self.include_tags.is_empty();
        let included = everything
            || self.include_accounts.contains(&member.account_id)
            || self.include_units.iter().any(|unit| lies_in(member, unit))
            || self.include_tags.iter().any(|tag| has_tag(member, tag));
        match included {
            true => Wanted::Yes,
            false if !self.include_units.is_empty() && member.unit.is_none() => Wanted::Unknown(
                "in which organizational unit it is, is not known, and so not whether it is among those to include"
                    .to_owned(),
            ),
            false => Wanted::No("it is not among those to include".to_owned()),
        }
    }
}

fn has_tag(member: &Member, (key, value): &(String, String)) -> bool {
    member.tags.as_ref().is_ok_and(|tags| tags.get(key) == Some(value))
}

/// Whether the account lies in a unit, directly or in one within it.
fn lies_in(member: &Member, unit: &str) -> bool {
    member.unit_ids.iter().any(|id| id == unit)
        || member.unit.as_deref().is_some_and(|path| {
            let unit = trimmed(unit);
            unit.is_empty()
                || trimmed(path)
                    .strip_prefix(unit)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
}

fn trimmed(path: &str) -> &str {
    path.trim_matches('/')
}

fn same_path(one: &str, other: &str) -> bool {
    other.contains('/') && trimmed(one) == trimmed(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(id: &str, unit: &str, tags: &[(&str, &str)]) -> Member {
        let tags = tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Member {
            account_id: AwsAccountId::new(id).unwrap(),
            name: "x".into(),
            state: keyreeve_model::MemberState::Active,
            unit: Some(unit.into()),
            unit_ids: vec!["ou-1".into()],
            tags: Ok(tags),
        }
    }

    fn id(text: &str) -> AwsAccountId {
        AwsAccountId::new(text).unwrap()
    }

    #[test]
    fn an_exclusion_wins_and_any_inclusion_suffices() {
        let one = member("111111111111", "/Workloads/Production", &[("stage", "prod")]);
        let wants = |filter: &Filter| filter.wants(&one) == Wanted::Yes;
        assert!(wants(&Filter::default()));
        for unit in ["/Workloads", "/Workloads/Production", "Workloads/Production/", "/", "ou-1"] {
            let filter = Filter { include_units: vec![unit.into()], ..Filter::default() };
            assert!(wants(&filter), "{unit}");
            assert!(!wants(&Filter { exclude_units: vec![unit.into()], ..filter }), "{unit}");
        }
        for unit in ["/Work", "/Workloads/Prod", "/Production", "ou-2"] {
            assert!(!wants(&Filter { include_units: vec![unit.into()], ..Filter::default() }), "{unit}");
        }
        let tag = |value: &str| ("stage".to_owned(), value.to_owned());
        let other = Filter {
            include_units: vec!["/Other".into()],
            include_tags: vec![tag("prod")],
            ..Filter::default()
        };
        assert!(wants(&other), "one inclusion is enough");
        assert!(!wants(&Filter { exclude_tags: vec![tag("prod")], ..other }));
        assert!(!wants(&Filter { include_tags: vec![tag("PROD")], ..Filter::default() }));
        let account = Filter { include_accounts: [id("111111111111")].into(), ..Filter::default() };
        assert!(wants(&account));
        assert!(!wants(&Filter { exclude_accounts: [id("111111111111")].into(), ..account }));
    }

    #[test]
    fn what_cannot_be_told_is_not_let_in() {
        let blind = Member { tags: Err("denied".into()), ..member("111111111111", "/", &[]) };
        let filter = Filter { exclude_tags: vec![("a".into(), "b".into())], ..Filter::default() };
        assert!(matches!(filter.wants(&blind), Wanted::Unknown(_)));
        assert_eq!(Filter::default().wants(&blind), Wanted::Yes);
        let lost = Member { unit: None, unit_ids: vec![], ..member("111111111111", "/", &[]) };
        for filter in [
            Filter { exclude_units: vec!["/A".into()], ..Filter::default() },
            Filter { include_units: vec!["/A".into()], ..Filter::default() },
        ] {
            assert!(matches!(filter.wants(&lost), Wanted::Unknown(_)));
        }
        let named = Filter {
            include_units: vec!["/A".into()],
            include_accounts: [id("111111111111")].into(),
            ..Filter::default()
        };
        assert_eq!(named.wants(&lost), Wanted::Yes);
    }

    #[test]
    fn what_the_organization_does_not_have_is_refused() {
        let members = [member("111111111111", "/A", &[])];
        let units = [("ou-1".to_owned(), "/A".to_owned())];
        let check = |filter: Filter| filter.check(&members, &units).is_ok();
        assert!(check(Filter { exclude_units: vec!["/A/".into(), "ou-1".into()], ..Filter::default() }));
        assert!(!check(Filter { exclude_units: vec!["/B".into()], ..Filter::default() }));
        assert!(
            !check(Filter { exclude_units: vec!["A".into()], ..Filter::default() }),
            "a path begins with /"
        );
        assert!(!check(Filter { exclude_accounts: [id("222222222222")].into(), ..Filter::default() }));
    }
}
