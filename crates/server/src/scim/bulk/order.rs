//! The order in which operations can be done, and those that cannot.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap},
};

use super::{BulkOperation, Method, unmade};
use crate::scim::{Cause, Error};

/// Puts operations behind those they refer to, otherwise as they were sent. Those that refer to each other in a circle,
/// or to one that does, are refused (RFC 7644 §3.7.1), and so are those that refer to what nobody makes.
pub(super) fn in_order(mut operations: Vec<BulkOperation>) -> Vec<BulkOperation> {
    let makers: HashMap<String, usize> = operations
        .iter()
        .enumerate()
        .filter(|(_, operation)| {
            operation.request.as_ref().is_ok_and(|request| request.method == Method::Post)
        })
        .filter_map(|(place, operation)| Some((operation.bulk_id.clone()?, place)))
        .collect();
    let mut waits_for = vec![0_usize; operations.len()];
    let mut waiting: Vec<Vec<usize>> = vec![Vec::new(); operations.len()];
    for (place, operation) in operations.iter_mut().enumerate() {
        let Ok(request) = &operation.request else { continue };
        let mut needs = Vec::new();
        let mut missing = None;
        for name in request.refers_to() {
            match makers.get(name) {
                Some(maker) => needs.push(*maker),
                None => missing = Some(unmade(name)),
            }
        }
        if let Some(error) = missing {
            operation.request = Err(error);
            continue;
        }
        if let Some(count) = waits_for.get_mut(place) {
            *count = needs.len();
        }
        for maker in needs {
            if let Some(list) = waiting.get_mut(maker) {
                list.push(place);
            }
        }
    }
    let mut ready: BinaryHeap<Reverse<usize>> =
        (0..operations.len()).filter(|place| waits_for.get(*place) == Some(&0)).map(Reverse).collect();
    let mut order = Vec::new();
    while let Some(Reverse(place)) = ready.pop() {
        order.push(place);
        for next in waiting.get(place).into_iter().flatten() {
            if let Some(count) = waits_for.get_mut(*next) {
                *count -= 1;
                if *count == 0 {
                    ready.push(Reverse(*next));
                }
            }
        }
    }
    let mut slots: Vec<Option<BulkOperation>> = operations.into_iter().map(Some).collect();
    let mut out: Vec<BulkOperation> =
        order.into_iter().filter_map(|place| slots.get_mut(place).and_then(Option::take)).collect();
    for mut operation in slots.into_iter().flatten() {
        let detail = "operations refer to each other in a circle; make the resources first, then change them";
        operation.request = Err(Error::new(Cause::Conflict, detail));
        out.push(operation);
    }
    out
}
