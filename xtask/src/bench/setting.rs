//! What is varied: how many users, how the endpoint behaves, where login profiles are read from.

use clap::ValueEnum;

/// How the endpoint behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Setting {
    /// Answers at once
    Open,
    /// Answers after 20 ms
    Latency,
    /// Answers after 20 ms, and to 20 requests a second only (a bucket of 20)
    Rate,
}

/// Where the state of the login profiles comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum Source {
    /// One GetLoginProfile for each user
    PerUser,
    /// The credential report
    CredentialReport,
}

/// One row group of the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Scenario {
    pub(super) users: u32,
    pub(super) setting: Setting,
    pub(super) source: Source,
}

impl Setting {
    pub(super) fn latency_milliseconds(self) -> u32 {
        if self == Self::Open { 0 } else { 20 }
    }

    /// Requests a second that are let through; `None` without a limit.
    pub(super) fn rate(self) -> Option<u32> {
        (self == Self::Rate).then_some(20)
    }

    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Open => "0 ms",
            Self::Latency => "20 ms",
            Self::Rate => "20 ms, 20/s",
        }
    }
}

impl Source {
    /// The word of the import profile.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::PerUser => "per_user",
            Self::CredentialReport => "credential_report",
        }
    }
}

impl Scenario {
    /// Whether even the floor needs more than four minutes: one call per user, fifty milliseconds each.
    pub(super) fn is_long(self) -> bool {
        self.setting == Setting::Rate && self.source == Source::PerUser && self.users > 2_000
    }

    /// How often it is run: what takes a minute or more is run once.
    pub(super) fn runs(self, wanted: u32) -> u32 {
        let slow = self.setting == Setting::Rate && self.source == Source::PerUser;
        if slow { 1 } else { wanted }
    }

    /// When a program is ended: far above what any of them needs.
    pub(super) fn cap_seconds(self) -> u32 {
        if self.is_long() { 1_200 } else { 300 }
    }

    /// Groups of an account of this size; customer policies are three times as many.
    pub(super) fn groups(self) -> u32 {
        (self.users / 10).clamp(100, 300)
    }
}

/// Everything asked for, the quick ones first; the second list holds those left out because they are long.
pub(super) fn scenarios(
    users: &[u32],
    settings: &[Setting],
    sources: &[Source],
    long: bool,
) -> (Vec<Scenario>, Vec<Scenario>) {
    let all = users.iter().flat_map(|&users| {
        settings
            .iter()
            .flat_map(move |&setting| sources.iter().map(move |&source| Scenario { users, setting, source }))
    });
    all.partition(|scenario| long || !scenario.is_long())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_long_scenario_waits_to_be_asked_for() {
        let settings = [Setting::Open, Setting::Latency, Setting::Rate];
        let sources = [Source::PerUser, Source::CredentialReport];
        let (run, left_out) = scenarios(&[1_000, 5_000], &settings, &sources, false);
        let long = Scenario { users: 5_000, setting: Setting::Rate, source: Source::PerUser };
        assert_eq!((run.len(), left_out), (11, vec![long]));
        assert_eq!(scenarios(&[1_000, 5_000], &settings, &sources, true).0.len(), 12);
        assert_eq!((long.runs(3), long.groups()), (1, 300));
    }
}
