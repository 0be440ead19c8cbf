//! What was measured: a table for people, a flat file for programs.

use std::path::Path;
use std::time::Duration;

use serde_json::{Map, Value};

/// Figures in the order in which they are shown.
#[derive(Default)]
pub(crate) struct Report(Vec<Figure>);

struct Figure {
    name: String,
    value: f64,
    unit: &'static str,
    /// E.g. `at most 1.4`; empty where nothing is promised.
    goal: &'static str,
}

impl Report {
    /// Adds a figure without a goal.
    pub(crate) fn add(&mut self, name: impl Into<String>, value: f64, unit: &'static str) {
        self.with_goal(name, value, unit, "");
    }

    /// Adds a figure and what was promised of it.
    pub(crate) fn with_goal(
        &mut self,
        name: impl Into<String>,
        value: f64,
        unit: &'static str,
        goal: &'static str,
    ) {
        self.0.push(Figure {
            name: name.into(),
            value,
            unit,
            goal,
        });
    }

    /// Prints the table.
    pub(crate) fn print(&self) {
        println!("{:<36} {:>10} {:<12} goal", "figure", "value", "unit");
        for figure in &self.0 {
            println!(
                "{:<36} {:>10.3} {:<12} {}",
                figure.name, figure.value, figure.unit, figure.goal
            );
        }
    }

    /// Writes `{"name": number, …}`.
    pub(crate) fn write(&self, file: &Path) -> std::io::Result<()> {
        let mut object = Map::new();
        for figure in &self.0 {
            object.insert(figure.name.clone(), Value::from(figure.value));
        }
        let text = serde_json::to_string_pretty(&Value::Object(object))?;
        std::fs::write(file, text + "\n")
    }
}

/// The middle of so many times.
pub(crate) fn middle(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}
