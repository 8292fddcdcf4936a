//! The actions of IAM, as AWS lists them.

use std::sync::LazyLock;

/// Every action of IAM, without its prefix, and the kinds of resources it supports.
pub(crate) static IAM_ACTIONS: LazyLock<Vec<(&str, Vec<&str>)>> = LazyLock::new(|| {
    let lines = include_str!("iam_actions.txt").lines().filter(|line| !line.starts_with('#'));
    let actions = lines.filter_map(|line| line.split_once(' '));
    actions.map(|(action, kinds)| (action, kinds.split(',').filter(|kind| *kind != "-").collect())).collect()
});
