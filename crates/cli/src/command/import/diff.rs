//! `keyreeve import diff`

use keyreeve_engine::export::changes::lines_of;
use keyreeve_model::{Assignment, Change, ChangeSet, ImportRunId, ImportRunState, ObjectType};

use crate::args::{ChangeFilter, DiffRuns};
use crate::command::Context;
use crate::exit::{Ended, Refusal};
use crate::output::shape::CHANGES;
use crate::output::{Columns, Format};
use crate::source::Source;

/// Shows what a run changed, or what is different between two.
pub(crate) async fn run(context: &Context, arguments: &DiffRuns) -> anyhow::Result<Ended> {
    let source = Source::of(context).await?;
    let Some(other) = arguments.other else {
        return of_one(context, &source, arguments.run, &arguments.filter).await;
    };
    let (earlier, later) = (arguments.run.min(other), arguments.run.max(other));
    let changes = source.difference(earlier, later).await?;
    let empty = Empty {
        all: format!("Nothing is different between import runs {earlier} and {later}."),
        filtered: format!("No difference between import runs {earlier} and {later} fits."),
    };
    show(context, changes, &arguments.filter, &empty)
}

/// Shows what one run changed or, when it was not published, would have changed.
pub(super) async fn of_one(
    context: &Context,
    source: &Source,
    id: ImportRunId,
    filter: &ChangeFilter,
) -> anyhow::Result<Ended> {
    let run = source.run(id).await?;
    let why = match run.state {
        ImportRunState::Running => Some("it is still running"),
        ImportRunState::Failed => Some("it failed, so nothing was compared"),
        _ => None,
    };
    if let Some(why) = why {
        let refusal = Refusal::new(format!("showing the changes of import run {id}"), why);
        return Err(refusal.hint(format!("`keyreeve import show {id}` shows the run itself")).into());
    }
    let changes = source.changes(id).await?;
    let changed = if run.state == ImportRunState::Published { "changed" } else { "would change" };
    let empty = Empty {
        all: match run.baseline_run {
            Some(baseline) => format!("Import run {id} {changed} nothing, compared with run {baseline}."),
            None => format!("Import run {id} {changed} nothing: it found nothing."),
        },
        filtered: format!("No change of import run {id} fits."),
    };
    show(context, changes, filter, &empty)
}

/// What is said when there is nothing to show: at all, or because of the filter.
struct Empty {
    all: String,
    filtered: String,
}

fn show(
    context: &Context,
    mut changes: ChangeSet,
    filter: &ChangeFilter,
    empty: &Empty,
) -> anyhow::Result<Ended> {
    let all = changes.is_empty();
    keep(&mut changes, filter);
    let empty = if all { &empty.all } else { &empty.filtered };
    if context.output.format() == Format::Json {
        if changes.is_empty() {
            crate::output::note(empty);
        }
        context.output.one(&changes, Columns::Texts(&[]), |_| {})?;
    } else {
        context.output.list(&lines_of(&changes), &CHANGES, empty)?;
    }
    Ok(Ended::Done)
}

/// Leaves only what was asked for.
fn keep(changes: &mut ChangeSet, filter: &ChangeFilter) {
    let name = filter.name.as_deref().map(str::to_lowercase);
    let name_fits = |text: &str| name.as_deref().is_none_or(|pattern| fits(pattern, &text.to_lowercase()));
    let type_fits =
        |object_type: ObjectType| filter.types.as_ref().is_none_or(|types| types.0.contains(&object_type));
    changes.accounts.retain(|change| {
        kind_fits(change, filter) && type_fits(ObjectType::Account) && name_fits(&change.object().name)
    });
    changes.resources.retain(|change| {
        let resource = change.object();
        kind_fits(change, filter) && type_fits(ObjectType::of_resource(resource)) && name_fits(&resource.name)
    });
    changes.assignments.retain(|change: &Change<Assignment>| {
        let assignment = change.object();
        kind_fits(change, filter)
            && type_fits(ObjectType::of_assignment(assignment))
            && (name_fits(&assignment.subject_name) || name_fits(&assignment.resource_name))
    });
}

fn kind_fits<T>(change: &Change<T>, filter: &ChangeFilter) -> bool {
    filter.change.is_none_or(|kind| kind.of_model() == change.kind())
}

/// Part of the text or, with `*` or `?` in the pattern, all of it.
fn fits(pattern: &str, text: &str) -> bool {
    if !pattern.contains(['*', '?']) {
        return text.contains(pattern);
    }
    // The furthest each prefix of the text can get in the pattern: no backtracking, whatever the pattern.
    let pattern: Vec<char> = pattern.chars().collect();
    let mut reached = vec![false; pattern.len() + 1];
    let follow_stars = |reached: &mut Vec<bool>| {
        for (index, character) in pattern.iter().enumerate() {
            if *character == '*'
                && reached.get(index).copied().unwrap_or(false)
                && let Some(next) = reached.get_mut(index + 1)
            {
                *next = true;
            }
        }
    };
    if let Some(start) = reached.first_mut() {
        *start = true;
    }
    follow_stars(&mut reached);
    for letter in text.chars() {
        let mut next = vec![false; pattern.len() + 1];
        for (index, character) in pattern.iter().enumerate() {
            if !reached.get(index).copied().unwrap_or(false) {
                continue;
            }
            let target = if *character == '*' { index } else { index + 1 };
            if (*character == '*' || *character == '?' || *character == letter)
                && let Some(slot) = next.get_mut(target)
            {
                *slot = true;
            }
        }
        follow_stars(&mut next);
        reached = next;
    }
    reached.last().copied().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn names_are_found_by_part_or_by_pattern() {
        for (pattern, text, expected) in [
            ("nn", "anna", true),
            ("x", "anna", false),
            ("a*a", "anna", true),
            ("a*", "banana", false),
            ("*na", "banana", true),
            ("?nna", "anna", true),
            ("?nna", "nna", false),
            ("*", "", true),
            ("a**a", "aa", true),
            ("", "anna", true),
        ] {
            assert_eq!(fits(pattern, text), expected, "{pattern} {text}");
        }
        assert!(!fits(&"*a".repeat(60), &"a".repeat(59)));
    }
}
