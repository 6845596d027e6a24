//! Which lines of a text were replaced by which.

use std::collections::HashMap;
use std::ops::Range;

use crate::limits::MAX_LINE_EDITS;

/// Lines that were replaced; either side may be empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LineEdit {
    pub(super) old: Range<usize>,
    pub(super) new: Range<usize>,
}

/// Splits a text into lines with their ends.
pub(super) fn split(text: &[u8]) -> Vec<&[u8]> {
    text.split_inclusive(|byte| *byte == b'\n').collect()
}

/// Finds what was replaced, in order and with at least one common line in between. Takes from `steps`, and when there
/// are none left or the texts differ in more than [`MAX_LINE_EDITS`] lines, all between the first and the last
/// difference counts as one replacement.
pub(super) fn compare(old: &[&[u8]], new: &[&[u8]], steps: &mut usize) -> Vec<LineEdit> {
    let start = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let (old_rest, new_rest) = (&old[start..], &new[start..]);
    let end = old_rest.iter().rev().zip(new_rest.iter().rev()).take_while(|(a, b)| a == b).count();
    let (old_mid, new_mid) = (&old_rest[..old_rest.len() - end], &new_rest[..new_rest.len() - end]);
    if old_mid.is_empty() && new_mid.is_empty() {
        return Vec::new();
    }
    let whole = || vec![LineEdit { old: start..start + old_mid.len(), new: start..start + new_mid.len() }];
    if old_mid.is_empty() || new_mid.is_empty() {
        return whole();
    }
    // Numbers compare faster than lines.
    let mut numbers = HashMap::new();
    let mut number = |line| {
        let next = numbers.len();
        *numbers.entry(line).or_insert(next)
    };
    let a: Vec<usize> = old_mid.iter().map(|line| number(*line)).collect();
    let b: Vec<usize> = new_mid.iter().map(|line| number(*line)).collect();
    match shortest(&a, &b, steps) {
        Some(edits) => {
            let shift = |range: Range<usize>| range.start + start..range.end + start;
            edits.into_iter().map(|edit| LineEdit { old: shift(edit.old), new: shift(edit.new) }).collect()
        }
        None => whole(),
    }
}

/// Finds a shortest edit script (Myers, “An O(ND) difference algorithm and its variations”, 1986), keeping each round's
/// furthest points for the way back.
fn shortest(a: &[usize], b: &[usize], steps: &mut usize) -> Option<Vec<LineEdit>> {
    // `rounds[d][i]` is the furthest `x` on the diagonal `2 * i - d` after `d` edits.
    let mut rounds: Vec<Vec<usize>> = Vec::new();
    for d in 0..=(a.len() + b.len()).min(MAX_LINE_EDITS) {
        let mut round = Vec::with_capacity(d + 1);
        for i in 0..=d {
            let (_, mut x) = step(rounds.last(), d, i);
            // On the diagonal `x - y`, which is `2 * i - d`.
            let mut y = x + d - 2 * i;
            let from = x;
            while x < a.len() && y < b.len() && a[x] == b[y] {
                (x, y) = (x + 1, y + 1);
            }
            let cost = 1 + x - from;
            if *steps < cost {
                return None;
            }
            *steps -= cost;
            round.push(x);
            if x >= a.len() && y >= b.len() {
                rounds.push(round);
                return Some(trace(&rounds));
            }
        }
        rounds.push(round);
    }
    None
}

/// Returns by which diagonal of the round before the `i`th of round `d` is reached furthest, and where it starts.
fn step(before: Option<&Vec<usize>>, d: usize, i: usize) -> (usize, usize) {
    let Some(before) = before else {
        return (0, 0);
    };
    // Down takes a line of `b` and comes from the diagonal above, right one of `a` from that below.
    let down = (i < d).then(|| before[i]);
    let right = i.checked_sub(1).map(|below| before[below] + 1);
    match (down, right) {
        (Some(down), Some(right)) if down >= right => (i, down),
        (_, Some(right)) => (i - 1, right),
        (Some(down), None) => (i, down),
        (None, None) => (0, 0),
    }
}

/// Walks back from the end and joins edits that touch.
fn trace(rounds: &[Vec<usize>]) -> Vec<LineEdit> {
    let mut edits: Vec<LineEdit> = Vec::new();
    // The last round ended at the point that reached both ends.
    let mut i = rounds.last().map_or(0, |round| round.len() - 1);
    for d in (1..rounds.len()).rev() {
        let (from, x) = step(Some(&rounds[d - 1]), d, i);
        let y = (x + d) - 2 * i;
        let edit = if from < i {
            LineEdit { old: x - 1..x, new: y..y }
        } else {
            LineEdit { old: x..x, new: y - 1..y }
        };
        i = from;
        match edits.last_mut() {
            Some(next) if next.old.start == edit.old.end && next.new.start == edit.new.end => {
                next.old.start = edit.old.start;
                next.new.start = edit.new.start;
            }
            _ => edits.push(edit),
        }
    }
    edits.reverse();
    edits
}

#[cfg(test)]
mod tests;
