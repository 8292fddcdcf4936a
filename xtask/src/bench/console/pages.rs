//! Every page of the console, by what is known of a store.

use anyhow::{Result, anyhow};

use super::super::serve::{account, client::Client, mix::encoded};

/// Pages that a list is followed to its middle by.
const DEEP: usize = 20;

/// What pages are asked for with.
pub(super) struct Known {
    system: String,
    /// Addresses and names of accounts.
    accounts: Vec<(String, String)>,
    groups: Vec<(String, String)>,
    policies: Vec<(String, String)>,
    /// Far into the list of accounts.
    deep: String,
    run: i64,
    job: i64,
}

impl Known {
    /// Reads it from pages themselves.
    pub(super) fn gather(client: &mut Client<'_>, (run, job): (i64, i64)) -> Result<Self> {
        let system = account::system(0);
        let list = format!("/systems/{system}/accounts?limit=100");
        let (mut address, mut accounts) = (list.clone(), Vec::new());
        for _ in 0..DEEP {
            let page = page(client, &address)?;
            accounts.extend(links(listed(&page), &format!("/systems/{system}/accounts/")));
            match next(&page) {
                Some(next) => address = next,
                None => break,
            }
        }
        let mut of_kind = |kind: &str| {
            let page = page(client, &format!("/systems/{system}/resources?type={kind}&limit=100"))?;
            Ok::<_, anyhow::Error>(links(listed(&page), &format!("/systems/{system}/resources/")))
        };
        let (groups, policies) = (of_kind("group")?, of_kind("policy")?);
        if accounts.is_empty() || groups.is_empty() || policies.is_empty() {
            return Err(anyhow!("{system} is empty"));
        }
        Ok(Self { system, accounts, groups, policies, deep: address, run, job })
    }

    /// The pages of a turn, each with what it is called.
    pub(super) fn pages(&self, turn: usize) -> Vec<(&'static str, String)> {
        let nobody = (String::new(), String::new());
        let pick =
            |from: &[(String, String)]| from.get(turn * 7 % from.len().max(1)).unwrap_or(&nobody).clone();
        let (account, name) = pick(&self.accounts);
        let (group, group_name) = pick(&self.groups);
        let (policy, policy_name) = pick(&self.policies);
        let (system, run, job) = (&self.system, self.run, self.job);
        let (name, group_name, policy_name) = (encoded(&name), encoded(&group_name), encoded(&policy_name));
        let few = name.get(..3).unwrap_or(&name).to_owned();
        let of = |what: &str| format!("/systems/{system}/{what}");
        let mut pages = vec![
            ("home", "/".to_owned()),
            ("systems", "/systems".to_owned()),
            ("systems: search", "/systems?q=03".to_owned()),
            ("new system", "/new-system".to_owned()),
            ("search: three letters", format!("/search?q={few}")),
            ("search: a name", format!("/search?q={name}")),
            ("search: a policy", format!("/search?q={policy_name}")),
            ("search: nobody", "/search?q=nobody-has-this".to_owned()),
            ("held in all systems: a policy", format!("/held?resource={policy_name}")),
            ("held in all systems: a group", format!("/held?resource={group_name}")),
            ("held in all systems: far down", format!("/held?resource={policy_name}&sort=-system&limit=250")),
            ("search: who is gone", format!("/search?q={few}&state=gone")),
            ("system", format!("/systems/{system}")),
            ("accounts", of("accounts")),
            ("accounts: far into the list", self.deep.clone()),
            ("accounts: three letters", of(&format!("accounts?q={few}"))),
            ("accounts: a name", of(&format!("accounts?q={name}"))),
            ("accounts: nobody", of("accounts?q=nobody-has-this")),
            ("accounts: status", of("accounts?status=disabled")),
            ("accounts: gone", of("accounts?status=gone")),
            ("names of policies", of("named?of=arn&q=a")),
            ("names of paths", of("named?of=path&q=f")),
            ("accounts: console password", of("accounts?console=absent")),
            ("accounts: MFA", of("accounts?mfa=inactive")),
            ("accounts: path", of("accounts?path=%2Fstaff%2Ffinance%2F")),
            ("accounts: group", of(&format!("accounts?group={group_name}"))),
            ("accounts: policy", of(&format!("accounts?policy={policy_name}"))),
            (
                "accounts: policy, also by groups",
                of(&format!("accounts?policy={policy_name}&through=groups")),
            ),
            ("accounts: as of a run", of("accounts?as_of=run:1")),
            ("accounts: by path", of("accounts?sort=path")),
            ("accounts: by status", of("accounts?sort=status")),
            ("accounts: by age", of("accounts?sort=created_at")),
            ("accounts: by last use", of("accounts?sort=-password_last_used_at")),
            ("account", account.clone()),
            ("new account", of("new-account")),
            ("resources", of("resources")),
            ("resources: search", of(&format!("resources?q={policy_name}"))),
            ("resource: group", group),
            ("resource: policy", policy),
            ("imports", "/imports".to_owned()),
            ("import run", format!("/imports/{run}")),
            ("import run: changes", format!("/imports/{run}/changes")),
            ("first import run: changes", "/imports/1/changes".to_owned()),
            ("jobs", "/jobs".to_owned()),
            ("jobs of a system", of("jobs")),
            ("job", format!("/jobs/{job}")),
            ("audit", "/audit".to_owned()),
            ("audit of a system", format!("/audit?system={system}")),
            ("audit: action", "/audit?action=job_ended".to_owned()),
            ("audit row", "/audit/1".to_owned()),
            ("settings", "/settings".to_owned()),
        ];
        for (page, action) in [
            ("account: update", "update"),
            ("account: add assignment", "add-assignment"),
            ("account: remove assignment", "remove-assignment"),
            ("account: reset password", "reset-password"),
            ("account: deactivate", "deactivate"),
            ("account: reactivate", "reactivate"),
            ("account: delete", "delete"),
        ] {
            pages.push((page, format!("{account}/{action}")));
        }
        for (page, part) in [
            ("system: connection", "connection"),
            ("system: policy", "policy"),
            ("system: import profiles", "profiles"),
            ("system: import profile", "profiles/default"),
            ("system: new import profile", "new-profile"),
            ("system: task mappings", "mappings"),
            ("system: task mapping", "mappings/AWS%20-%20User"),
            ("system: credentials", "credential"),
            ("system: comparison", "compare?from=run:1"),
            ("system: settings", "settings"),
            ("system: removal", "remove"),
        ] {
            pages.push((page, of(part)));
        }
        for (page, part) in [
            ("settings: tokens", "tokens"),
            ("settings: people", "people"),
            ("settings: protect list", "protections"),
            ("settings: secrets", "secrets"),
            ("settings: notifications", "notifications"),
        ] {
            pages.push((page, format!("/settings/{part}")));
        }
        pages
    }
}

fn page(client: &mut Client<'_>, address: &str) -> Result<String> {
    let (status, answer) = client.ask("GET", address, None)?;
    if status != 200 {
        return Err(anyhow!("{address} was answered with {status}"));
    }
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// The list of a page, without what is shown beside it: an account that no import has seen yet cannot be changed.
fn listed(page: &str) -> &str {
    let list = page.split_once("<div id=\"list\">").map_or(page, |(_, list)| list);
    list.split_once("</table>").map_or(list, |(rows, _)| rows)
}

/// The links of a page to what is right below an address: addresses and texts.
fn links(page: &str, below: &str) -> Vec<(String, String)> {
    let begin = format!("<a href=\"{below}");
    let link = |part: &str| {
        let (rest, text) = part.split_once("\">")?;
        let plain = !rest.contains(['/', '?', '&']);
        plain.then(|| Some((format!("{below}{rest}"), text.split('<').next()?.to_owned())))?
    };
    page.split(&begin).skip(1).filter_map(link).collect()
}

/// Where the next page of a list is.
fn next(page: &str) -> Option<String> {
    let before = page.split("\" rel=\"next\"").next().filter(|before| before.len() < page.len())?;
    Some(before.rsplit("href=\"").next()?.replace("&#38;", "&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_and_the_next_page_are_read_from_a_page() {
        let page = "<a href=\"/s/a/1\">ada</a><a href=\"/s/a/1/delete\">x</a><a href=\"/s/a/2\">bea</a>\
                    <a href=\"/s/a?limit=1&#38;cursor=x\" rel=\"next\">Next page</a>";
        let found = links(page, "/s/a/");
        let beside = format!(
            "<a href=\"/s/a/3\">not seen</a><div id=\"list\"><table>{page}</table><a href=\"/s/a/4\">x</a>"
        );
        assert_eq!(links(listed(&beside), "/s/a/"), found);
        assert_eq!(found, [("/s/a/1", "ada"), ("/s/a/2", "bea")].map(|(a, b)| (a.to_owned(), b.to_owned())));
        assert_eq!(next(page).as_deref(), Some("/s/a?limit=1&cursor=x"));
        assert_eq!(next("<a href=\"/x\">x</a>"), None);
    }
}
