//! `keyreeve doctor`

mod keys;
mod server;
mod sinks;
mod tls;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{ErrorKind, Write};
use std::path::Path;

use keyreeve_engine::desk::Standing;
use keyreeve_model::{System, SystemState};
use keyreeve_store::{DeliveryState, Store, StoreError, UnclaimedPassword, folder_of, left_by_restores};

use super::job::standing::advice;
use super::{Context, init::exposed_mode};
use crate::config::{Places, unknown_names};
use crate::exit::Ended;
use crate::output::shape::{CHECKS, Check, CheckState};

/// Checks the installation, and says what to mend. Nothing stays changed, and AWS is not asked.
pub(crate) async fn run(context: &Context) -> anyhow::Result<Ended> {
    let mut checks = vec![version(), configuration(context)];
    checks.extend(misspelt(context));
    checks.push(folder(&context.config.places.data_dir));
    checks
        .extend(written_folders(&context.config.places).into_iter().filter(|path| path.is_dir()).map(probe));
    let places = &context.config.places;
    checks.extend(places.key.file().map(key_file));
    checks.extend(key_beside_database(context));
    checks.extend(context.config.http.tls.as_ref().map(tls::files));
    let told = &context.config.notifications;
    let secrets =
        [("webhook_secret", &told.webhook_secret_file), ("mail_password", &told.mail_password_file)];
    checks.extend(
        secrets
            .iter()
            .filter_map(|(name, path)| Some(tls::secret(name, "[notifications]", path.as_deref()?))),
    );
    checks.extend(sinks::files(&context.config));
    checks.extend(server::settings(context));
    checks.extend(places.database.sqlite_path().and_then(keys::database_file));
    checks.extend(places.database.sqlite_path().and_then(leftovers));
    let opened = context.store().await;
    checks.extend(server::running(context, opened.as_ref().ok()).await);
    checks.extend(keys::custody(&places.key, opened.as_ref().err()));
    match opened {
        Ok(store) => {
            checks.push(Check::ok("database", format!("{} opens", store.url())));
            checks.push(soundness(&store).await);
            checks.extend(server::way_in(context, &store).await);
            checks.push(keys::checkpoint(&store).await);
            checks.extend(search(&store).await);
            checks.extend(systems(&store).await);
            checks.extend(keys::of_store(context, &store).await);
            checks.extend(keys::old_key_files(places, store.key_status().await.ok().as_ref()));
            checks.extend(jobs(context, &store).await);
            checks.extend(unclaimed_passwords(context, &store).await);
            checks.extend(sinks::positions(context, &store).await);
            store.close().await;
        }
        Err(error) => {
            let (why, advice) = crate::output::failure::words(&error);
            let advice = advice.unwrap_or_else(|| "mend the configuration, or restore a backup".to_owned());
            checks.push(Check::new("database", CheckState::Error, why, advice));
        }
    }
    checks.push(endpoints(context));
    context.output.list(&checks, &CHECKS, "")?;
    Ok(Ended::done_if(!checks.iter().any(Check::is_bad)))
}

/// What restores that were killed have left.
fn leftovers(database: &Path) -> Option<Check> {
    let left = left_by_restores(database);
    let named: Vec<String> = left.iter().map(|path| path.display().to_string()).collect();
    (!left.is_empty()).then(|| {
        Check::new(
            "restore_leftovers",
            CheckState::Warning,
            format!("a restore that was killed has left a copy of a backup: {}", named.join(", ")),
            "remove it; nothing uses it, and it holds what the backup holds",
        )
    })
}

fn version() -> Check {
    Check::ok("version", format!("keyreeve {}", env!("CARGO_PKG_VERSION")))
}

fn configuration(context: &Context) -> Check {
    Check::ok(
        "configuration",
        context.config.file.as_ref().map_or_else(
            || "no file; environment and defaults".to_owned(),
            |path| path.display().to_string(),
        ),
    )
}

fn misspelt(context: &Context) -> Option<Check> {
    let names = unknown_names(&context.environment);
    (!names.is_empty()).then(|| {
        Check::new(
            "environment",
            CheckState::Warning,
            format!("these variables mean nothing to keyreeve: {}", names.join(", ")),
            "mend their names, or remove them",
        )
    })
}

fn folder(path: &Path) -> Check {
    let shown = path.display();
    match std::fs::metadata(path) {
        Err(error) => {
            Check::new("data_folder", CheckState::Error, format!("{shown}: {error}"), "run `keyreeve init`")
        }
        Ok(found) => match exposed_mode(&found) {
            Some(mode) => Check::new(
                "data_folder",
                CheckState::Error,
                format!("{shown}: others can enter it (mode {mode:04o})"),
                format!("run `chmod 700 {shown}`"),
            ),
            None => Check::ok("data_folder", format!("{shown}, for its owner alone")),
        },
    }
}

/// The folders that are written in: that of the key, and that of the database if it is another one.
fn written_folders(places: &Places) -> BTreeSet<&Path> {
    let database = places.database.sqlite_path().map(folder_of);
    let key = places.key.file().map(folder_of);
    database.into_iter().chain(key).chain([places.data_dir.as_path()]).collect()
}

/// Writes a file and takes it away again.
fn probe(folder: &Path) -> Check {
    const NAME: &str = "folder_writable";
    let shown = folder.display();
    let file = folder.join(format!(".keyreeve-probe-{}", std::process::id()));
    let written = std::fs::File::create_new(&file).and_then(|mut opened| {
        opened.write_all(&[0; 4096])?;
        opened.sync_all()
    });
    // What was made must go, also when it could not be filled.
    let removed = std::fs::remove_file(&file);
    match written.and(removed) {
        Ok(()) => Check::ok(NAME, format!("{shown} can be written")),
        Err(error) if error.kind() == ErrorKind::StorageFull => {
            Check::new(NAME, CheckState::Error, format!("{shown}: the disk is full"), "make room on it")
        }
        Err(error) => Check::new(
            NAME,
            CheckState::Error,
            format!("{shown} cannot be written: {error}"),
            "let this user write the folder, and mount its file system writable",
        ),
    }
}

fn key_file(path: &Path) -> Check {
    let shown = path.display();
    match std::fs::metadata(path) {
        Err(error) => Check::new(
            "key_file",
            CheckState::Error,
            format!("{shown}: {error}"),
            "put the key back in its place, or run `keyreeve init` if there is no store yet",
        ),
        Ok(found) => match exposed_mode(&found) {
            Some(mode) => Check::new(
                "key_file",
                CheckState::Error,
                format!("{shown}: {} (mode {mode:04o})", keys::others_can(mode)),
                format!(
                    "run `chmod 600 {shown}`, and replace the stored credentials if others used this machine"
                ),
            ),
            None => Check::ok("key_file", format!("{shown}, for its owner alone")),
        },
    }
}

/// Whoever copies the folder has both halves.
fn key_beside_database(context: &Context) -> Option<Check> {
    let places = &context.config.places;
    let (database, key_file) = (places.database.sqlite_path()?, places.key.file()?);
    let beside = folder_of(database) == folder_of(key_file);
    Some(if beside {
        Check::new(
            "key_beside_database",
            CheckState::Warning,
            "the key lies in the same folder as the database: whoever copies the folder can read the secrets",
            "keep them out of one backup, or set `database` to a place of its own",
        )
    } else {
        Check::ok("key_beside_database", "key and database lie apart")
    })
}

async fn soundness(store: &Store) -> Check {
    match store.check().await {
        Ok(()) => Check::ok("database_sound", "its quick check found nothing"),
        Err(error) => Check::new(
            "database_sound",
            CheckState::Error,
            error.to_string(),
            "restore a backup: `keyreeve store restore FILE`",
        ),
    }
}

/// Whether all systems are searched by an index, where the database may have one.
async fn search(store: &Store) -> Option<Check> {
    Some(match store.search_is_indexed().await {
        Ok(None) => return None,
        Ok(Some(true)) => Check::ok("search_index", "all systems are searched by an index"),
        Ok(Some(false)) => Check::new(
            "search_index",
            CheckState::Warning,
            "PostgreSQL did not give the extension pg_trgm when the tables were made, so a search of all systems reads \
             through all accounts where there are more than 250,000",
            "have an administrator of the database make the extension and two indexes, by the statements in \
             docs/guide/scale-out.md#searching-all-systems",
        ),
        Err(error) => Check::new("search_index", CheckState::Error, error.to_string(), "mend the database"),
    })
}

async fn systems(store: &Store) -> Vec<Check> {
    match store.list_systems(false).await {
        Ok(systems) if systems.is_empty() => {
            vec![Check::ok("systems", "none registered yet; `keyreeve system add` registers one")]
        }
        Ok(systems) => {
            let odd: Vec<Check> = systems.iter().filter_map(oddity).collect();
            let all_well = [Check::ok("systems", format!("{} registered", systems.len()))];
            all_well.into_iter().chain(odd).collect()
        }
        Err(error) => vec![Check::new("systems", CheckState::Error, error.to_string(), "mend the database")],
    }
}

/// So many of the latest jobs of a system are looked at.
const LATEST_JOBS: u32 = 200;

/// Jobs that are not over, or need a person.
async fn jobs(context: &Context, store: &Store) -> Vec<Check> {
    match unfinished(context, store).await {
        Ok(found) => found,
        Err(error) => vec![Check::new("jobs", CheckState::Error, error.to_string(), "mend the database")],
    }
}

async fn unfinished(context: &Context, store: &Store) -> Result<Vec<Check>, StoreError> {
    let mut found = Vec::new();
    for system in store.list_systems(false).await? {
        for job in store.jobs(&system.system_id, None, LATEST_JOBS).await? {
            if let Some(standing) = Standing::of(store, &job, context.clock.now()).await? {
                let message = format!("job {} of {}: {}", job.id, system.system_id, standing.why);
                let advice = advice(&standing, job.id);
                found.push(Check::new("job", CheckState::Warning, message, advice));
            }
        }
    }
    Ok(found)
}

/// Passwords that were set and that nobody has taken.
async fn unclaimed_passwords(context: &Context, store: &Store) -> Vec<Check> {
    let now = context.clock.now();
    let found = match store.unclaimed_passwords(now, None).await {
        Ok(found) => found,
        Err(error) => {
            let name = "unclaimed_passwords";
            return vec![Check::new(name, CheckState::Error, error.to_string(), "mend the database")];
        }
    };
    let named = found.into_iter().map(|password| {
        let UnclaimedPassword { system_id, account, job, task, created_at, state } = password;
        let days = now.duration_since(created_at).as_hours() / 24;
        let and_now = match state {
            DeliveryState::Expired => "nobody can open it any more",
            _ => "it can still be opened",
        };
        let message = format!(
            "the password that task {task} of job {job} set for {account} of {system_id} was not opened in {days} \
             days; {and_now}"
        );
        let advice = format!(
            "`keyreeve account reset-password {system_id} {account}`, or `keyreeve account deactivate {system_id} \
             {account}` if nobody needs it"
        );
        Check::new("unclaimed_password", CheckState::Warning, message, advice)
    });
    named.collect()
}

fn oddity(system: &System) -> Option<Check> {
    let id = &system.system_id;
    if system.state == SystemState::Quarantined {
        let reason = system.state_reason.as_ref().map_or("no reason is known", |reason| &reason.message);
        return Some(Check::new(
            "system",
            CheckState::Warning,
            format!("{id} is quarantined: {reason}"),
            format!("mend the cause, then run `keyreeve system release {id}`"),
        ));
    }
    if system.state == SystemState::Suspended {
        let reason = system.state_reason.as_ref().map_or("no reason is known", |reason| &reason.message);
        return Some(Check::new(
            "system",
            CheckState::Warning,
            format!("{id} is suspended: {reason}"),
            "look again with `keyreeve organization discover`, or remove the system",
        ));
    }
    system.aws_account_id.is_none().then(|| {
        Check::new(
            "system",
            CheckState::Warning,
            format!("{id} is not pinned to an AWS account yet"),
            format!("run `keyreeve system check {id}`"),
        )
    })
}

fn endpoints(context: &Context) -> Check {
    let mut of_url: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (service, url) in context.config.aws.endpoints(&context.environment) {
        of_url.entry(url).or_default().push(service);
    }
    if of_url.is_empty() {
        return Check::ok("aws_endpoints", "AWS's own");
    }
    let asked = of_url.iter().map(|(url, services)| match services.as_slice() {
        [one] => format!("{one} is asked at {url}"),
        several => format!("{} are asked at {url}", several.join(", ")),
    });
    Check::new(
        "aws_endpoints",
        CheckState::Warning,
        format!("{}, not at AWS", asked.collect::<Vec<_>>().join("; ")),
        "unset AWS_ENDPOINT_URL and its relatives to reach AWS itself",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_probed_by_writing_and_nothing_stays_there() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(probe(folder.path()).state, CheckState::Ok);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    /// Nobody can make a file there, not even root.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_folder_that_cannot_be_written_is_an_error() {
        let check = probe(Path::new("/proc"));
        assert_eq!(check.state, CheckState::Error);
        assert!(check.message.contains("/proc cannot be written") && check.advice.is_some(), "{check:?}");
    }
}
