//! A strict look-alike of AWS IAM, STS and Organizations, in memory, on 127.0.0.1 only.
//!
//! It speaks the AWS Query protocol to any SDK, checks signatures, names, lengths and markers as AWS does,
//! and is strict where emulators are lax: names are unique ignoring case, listings come in real pages, the
//! details mix entity types, the credential report has an age.
//!
//! Writes are carried out under the account's lock, wholly or not at all, and refused for the reasons for
//! which IAM refuses them: quotas, what else must go first, passwords too weak. How long they take to settle
//! is set by [`Consistency`].
//!
//! What a caller may do is what its policies say: identity policies, boundaries, sessions' policies and the trust of
//! roles are evaluated on the resources and with the condition keys that AWS has for each action. The connector
//! holds a policy like everybody else ([`ConnectorPolicy`]).
//!
//! It does wrong on demand: a schedule of [`FaultRule`]s, matched by what a call is and not by when it
//! comes, throttles, cuts, resets and lies, and counts what it did. A trace holds every call. The admin port
//! offers over HTTP what [`Running`] offers in the process.
//!
//! ```no_run
//! # async fn run() -> Result<(), keyreeve_sandbox::Error> {
//! use keyreeve_sandbox::{Options, Sandbox};
//!
//! let sandbox = Sandbox::start(Options::default()).await?;
//! println!("AWS_ENDPOINT_URL={}", sandbox.endpoint_url());
//! sandbox.shutdown().await;
//! # Ok(())
//! # }
//! ```
//!
//! Absent on purpose: anything but IAM, STS and Organizations, policies of AWS Organizations, session tags, a disk.

mod actions;
mod authorise;
mod catalogue;
mod clock;
mod error;
mod faults;
mod free_port;
mod mutation;
mod options;
mod organization;
#[doc(hidden)]
pub mod parsers;
mod protocol;
mod running;
mod seed;
mod seeded;
mod server;
mod state;
mod trace;
mod world;

pub use self::authorise::Refusal;
pub use self::error::Error;
pub use self::faults::{CallRange, Effect, FaultMatch, FaultRule, FaultState, Malformed, Phase};
pub use self::free_port::free_port;
pub use self::mutation::Mutation;
pub use self::options::{
    AccountSeed, ConnectorPolicy, Consistency, Options, PageStyle, Population, ReportStyle,
};
pub use self::organization::{MemberRole, MemberSeed, MemberState, OrganizationChange, OrganizationSeed};
pub use self::running::{Running, Sandbox};
pub use self::state::{KeyStatus, PasswordPolicy, Trust};
pub use self::trace::TraceEntry;
pub use self::world::ConnectorKey;
