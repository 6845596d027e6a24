//! Small charts, drawn on the server.

use std::fmt::Write as _;

/// Width and height of a chart's coordinates.
const WIDTH: f64 = 300.0;
const HEIGHT: f64 = 60.0;

/// A line over equal steps of time.
pub(crate) struct Line {
    /// The path of the line.
    pub(crate) line: String,
    /// The path of what lies under it.
    pub(crate) area: String,
    /// What it shows, for who does not see it.
    pub(crate) label: String,
}

impl Line {
    /// Draws counts by day; `None` if there is nothing to be seen.
    pub(crate) fn of_days(what: &str, days: &[(String, u64)]) -> Option<Self> {
        let (busiest, most) = days.iter().max_by_key(|(_, count)| *count).filter(|(_, count)| *count > 0)?;
        let (first, _) = days.first()?;
        let step = WIDTH / (days.len().max(2) - 1) as f64;
        let mut line = String::new();
        for (index, (_, count)) in days.iter().enumerate() {
            let sign = if index == 0 { 'M' } else { 'L' };
            let (x, y) = (index as f64 * step, HEIGHT - 1.0 - *count as f64 / *most as f64 * (HEIGHT - 3.0));
            write!(line, "{sign}{x:.1} {y:.1}").expect("writing to a string does not fail");
        }
        let area = format!("{line}L{WIDTH} {HEIGHT}L0 {HEIGHT}Z");
        let label = format!("{what} by day since {first}, at most {most} on {busiest}");
        Some(Self { line, area, label })
    }
}

#[cfg(test)]
mod tests;
