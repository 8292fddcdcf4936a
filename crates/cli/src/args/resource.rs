//! `keyreeve resource …`

use clap::{Args, Subcommand, ValueEnum};
use keyreeve_model::{ManagedBy, ResourceType, SystemId};
use keyreeve_store::ResourceFilter;

use super::{Moment, path_prefix};

/// What can be done with resources.
#[derive(Debug, Subcommand)]
pub(crate) enum ResourceCommand {
    /// List groups and policies.
    List(ListResources),
    /// Show one group or policy with what it says: the versions of a policy, or the policies of the group's own.
    Show(ShowResource),
}

/// `resource show`
#[derive(Debug, Args)]
pub(crate) struct ShowResource {
    /// The System ID.
    #[arg(value_name = "ID")]
    pub(crate) system_id: SystemId,
    /// Its external id, ARN or name.
    pub(crate) resource: String,
    #[command(flatten)]
    pub(crate) moment: Moment,
}

/// `resource list`
#[derive(Debug, Args)]
pub(crate) struct ListResources {
    /// The System ID.
    #[arg(value_name = "ID")]
    pub(crate) system_id: SystemId,
    /// Only groups, or only policies.
    #[arg(long = "type", value_name = "TYPE", value_enum)]
    kind: Option<Type>,
    /// Only names with this in them, ignoring case; * and ? stand for any text and any letter.
    #[arg(long)]
    name: Option<String>,
    /// Only paths that begin with this, as /staff/.
    #[arg(long, value_name = "PREFIX", value_parser = path_prefix)]
    path: Option<String>,
    /// Only policies maintained by AWS, or by the customer.
    #[arg(long, value_enum)]
    managed_by: Option<Maintainer>,
    #[command(flatten)]
    pub(crate) moment: Moment,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Type {
    Group,
    Policy,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Maintainer {
    Aws,
    Customer,
}

impl ListResources {
    /// The filter in the store's terms.
    pub(crate) fn filter(&self) -> ResourceFilter {
        ResourceFilter {
            kind: self.kind.map(|kind| match kind {
                Type::Group => ResourceType::Group,
                Type::Policy => ResourceType::Policy,
            }),
            name: self.name.clone(),
            path_prefix: self.path.clone(),
            managed_by: self.managed_by.map(|by| match by {
                Maintainer::Aws => ManagedBy::Aws,
                Maintainer::Customer => ManagedBy::Customer,
            }),
        }
    }
}
