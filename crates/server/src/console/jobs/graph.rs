//! The tasks of a job as a graph: from left to right in the order in which they can begin, with what each waits for. The table
//! of tasks says the same in words.

use std::collections::BTreeMap;

use askama::Template;
use keyreeve_model::{Task, TaskId, TaskState};

use super::of;
use crate::console::numbers::grouped;
use crate::console::parts::{Badge, Tone, drawn};
use crate::console::states::called;

/// So many tasks are drawn at most.
const MOST: usize = 60;
/// Sizes in pixels: a box, the room between boxes, and around all.
const WIDTH: usize = 190;
const HEIGHT: usize = 58;
const BESIDE: usize = 48;
const BELOW: usize = 16;
const AROUND: usize = 8;
/// So many characters of a text fit into a box.
const FITTING: usize = 24;

/// The graph of a job whose tasks wait for each other.
#[derive(Debug, Template)]
#[template(path = "console/part/graph.html")]
pub(super) struct Graph {
    nodes: Vec<Node>,
    edges: Vec<Edge>,
    width: usize,
    height: usize,
    /// That not all of it is drawn.
    cut: Option<String>,
}

/// A task in its place.
#[derive(Debug)]
struct Node {
    address: String,
    /// All of it, for whoever rests the pointer on it or hears it.
    title: String,
    what: String,
    account: String,
    state: String,
    tone: Tone,
    shape: Shape,
    x: usize,
    y: usize,
}

/// The outline of a box, which says the state as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// Done.
    Round,
    /// Not there yet.
    Plain,
    /// It did not come to be.
    Cut,
}

/// That one waits for another.
#[derive(Debug)]
struct Edge {
    from: (usize, usize),
    to: (usize, usize),
}

impl Edge {
    /// For templates: a line that leaves and arrives level.
    fn path(&self) -> String {
        let ((x, y), (to_x, to_y)) = (self.from, self.to);
        let middle = x.midpoint(to_x);
        format!("M{x} {y} C{middle} {y} {middle} {to_y} {to_x} {to_y}")
    }
}

impl Graph {
    /// The graph of these tasks; none where no task waits for another.
    pub(super) fn of(tasks: &[Task]) -> Option<Self> {
        if tasks.iter().all(|task| task.after.is_empty()) {
            return None;
        }
        let mut drawn: Vec<&Task> = tasks.iter().collect();
        drawn.sort_by_key(|task| task.id);
        drawn.truncate(MOST);
        let layers = layers(&drawn);
        let mut places: BTreeMap<TaskId, (usize, usize)> = BTreeMap::new();
        let columns = layers.values().max().copied().unwrap_or_default() + 1;
        let mut rows = 0;
        for column in 0..columns {
            let mut of_column: Vec<&&Task> =
                drawn.iter().filter(|task| layers.get(&task.id) == Some(&column)).collect();
            // Beside what they wait for, so that few lines cross.
            of_column.sort_by_key(|task| {
                (task.after.iter().filter_map(|id| places.get(id)).map(|(_, row)| *row).min(), task.id)
            });
            rows = rows.max(of_column.len());
            for (row, task) in of_column.into_iter().enumerate() {
                places.insert(task.id, (column, row));
            }
        }
        let at = |id: &TaskId| {
            let (column, row) = places.get(id)?;
            Some((AROUND + column * (WIDTH + BESIDE), AROUND + row * (HEIGHT + BELOW)))
        };
        let edge = |from: &TaskId, to: &TaskId| {
            let ((x, y), (to_x, to_y)) = (at(from)?, at(to)?);
            Some(Edge { from: (x + WIDTH, y + HEIGHT / 2), to: (to_x.saturating_sub(6), to_y + HEIGHT / 2) })
        };
        let edges = drawn
            .iter()
            .flat_map(|task| task.after.iter().filter_map(|before| edge(before, &task.id)))
            .collect();
        let nodes = drawn.iter().filter_map(|task| Some(Node::of(task, at(&task.id)?))).collect();
        Some(Self {
            nodes,
            edges,
            width: 2 * AROUND + columns * (WIDTH + BESIDE) - BESIDE,
            height: 2 * AROUND + rows * (HEIGHT + BELOW) - BELOW,
            cut: (tasks.len() > MOST).then(|| {
                format!(
                    "The first {} of {} tasks are drawn. All of them stand in the table.",
                    grouped(MOST as u64),
                    grouped(tasks.len() as u64)
                )
            }),
        })
    }
}

impl Node {
    fn of(task: &Task, (x, y): (usize, usize)) -> Self {
        let badge = Badge::of_task(task.state);
        let what = format!("{}: {}", task.id, called(task.kind));
        Self {
            address: format!("{}#task-{}", of(task.job), task.id),
            title: format!("Task {what}, {}: {}", task.account, badge.text),
            what: cut(&what),
            account: cut(&task.account),
            state: format!("{} {}", mark(task.state), badge.text),
            tone: badge.tone,
            shape: match task.state {
                TaskState::Succeeded => Shape::Round,
                TaskState::Failed | TaskState::NeedsPerson | TaskState::Cancelled => Shape::Cut,
                TaskState::AwaitingApproval | TaskState::Queued | TaskState::Running => Shape::Plain,
            },
            x,
            y,
        }
    }

    /// For templates: the outline.
    fn outline(&self) -> String {
        let (x, y, right, bottom) = (self.x, self.y, self.x + WIDTH, self.y + HEIGHT);
        let corner = match self.shape {
            Shape::Plain => 0,
            Shape::Cut => 10,
            Shape::Round => {
                let half = HEIGHT / 2;
                let (left, end) = (x + half, right - half);
                return format!(
                    "M{left} {y} H{end} A{half} {half} 0 0 1 {end} {bottom} H{left} A{half} {half} 0 0 1 {left} {y} Z"
                );
            }
        };
        let (left, end, top, low) = (x + corner, right - corner, y + corner, bottom - corner);
        format!("M{left} {y} H{end} L{right} {top} V{low} L{end} {bottom} H{left} L{x} {low} V{top} Z")
    }

    /// For templates: the middle.
    fn middle(&self) -> usize {
        self.x + WIDTH / 2
    }

    /// For templates: the texts, each with where it stands and of what class it is.
    fn lines(&self) -> [(usize, &str, &'static str); 3] {
        let at = |line: usize| self.y + 17 + line * 16;
        [(at(0), &*self.what, ""), (at(1), &*self.account, ""), (at(2), &*self.state, "state")]
    }
}

/// How far from the beginning each stands: behind all that it waits for.
fn layers(tasks: &[&Task]) -> BTreeMap<TaskId, usize> {
    let mut layers: BTreeMap<TaskId, usize> = tasks.iter().map(|task| (task.id, 0)).collect();
    // Each turn settles those one step further on; a ring, which there is none of, would end it too.
    for _ in 0..tasks.len() {
        let mut moved = false;
        for task in tasks {
            let before = task.after.iter().filter_map(|id| layers.get(id)).max();
            let layer = before.map_or(0, |layer| layer + 1).min(tasks.len());
            moved |= layers.insert(task.id, layer) != Some(layer);
        }
        if !moved {
            break;
        }
    }
    layers
}

fn mark(state: TaskState) -> &'static str {
    match state {
        TaskState::Succeeded => "✓",
        TaskState::Failed => "✗",
        TaskState::NeedsPerson => "!",
        TaskState::Cancelled => "–",
        TaskState::Running => "▸",
        TaskState::AwaitingApproval | TaskState::Queued => "○",
    }
}

fn cut(text: &str) -> String {
    match text.chars().count() {
        ..=FITTING => text.to_owned(),
        _ => text.chars().take(FITTING - 1).chain(['…']).collect(),
    }
}

drawn!(Graph);
