//! What a command says: results on stdout as a table, JSON, YAML or names; hints and problems on stderr.
//!
//! Text that meets a terminal is made harmless first; what a program reads is left as the API answered it.

use std::io::{self, Write as _};

use serde_json::{Value, json};

use super::{
    args::Format,
    context::Context,
    plan_text, profile,
    table::{self, Tone},
    views::Tabular,
};
use crate::{
    client::program,
    config::yaml,
    contract::problem::{Code, Problem},
    domain::text::{SafeText, terminal_safe_json},
};

impl Context {
    /// Text to stdout. A reader that has gone away ends the program quietly.
    pub fn print(&self, text: &str) -> Result<(), Problem> {
        let mut out = io::stdout().lock();
        match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
            Err(e) if e.kind() == io::ErrorKind::BrokenPipe => std::process::exit(0),
            Err(e) => Err(Problem::new(Code::Internal, format!("the result could not be written: {e}"))),
            Ok(()) => Ok(()),
        }
    }

    /// A line for people on stderr, unless they asked for quiet.
    pub fn hint(&self, text: &str) {
        if !self.global.quiet {
            self.note(text);
        }
    }

    /// A line on stderr.
    pub fn note(&self, text: &str) {
        say(text);
    }

    /// Raw text on stderr, for progress that is drawn in place.
    pub fn draw(&self, text: &str) {
        let mut err = io::stderr().lock();
        err.write_all(text.as_bytes()).and_then(|()| err.flush()).ok();
    }

    /// JSON, pretty; escaped further where it meets a terminal.
    #[must_use]
    pub fn json(&self, value: &Value) -> String {
        let text = serde_json::to_string_pretty(value).unwrap_or_default();
        let text = if self.terminal.stdout { terminal_safe_json(&text) } else { text };
        format!("{text}\n")
    }

    /// YAML; strings made harmless where it meets a terminal.
    #[must_use]
    pub fn yaml(&self, value: &Value) -> String {
        if self.terminal.stdout { yaml::to_yaml(&harmless(value)) } else { yaml::to_yaml(value) }
    }

    /// A list: rows for people, the API's own objects for machines.
    pub fn print_list<T: Tabular + serde::de::DeserializeOwned>(
        &self,
        items: &[Value],
        next: Option<&str>,
    ) -> Result<(), Problem> {
        self.print_items::<T>(items, next, None)
    }

    /// A list, with the documents of its items where it is printed as a manifest.
    pub fn print_items<T: Tabular + serde::de::DeserializeOwned>(
        &self,
        items: &[Value],
        next: Option<&str>,
        documents: Option<Vec<Value>>,
    ) -> Result<(), Problem> {
        let whole = || json!({ "items": items, "next": next });
        let text = match self.global.output {
            Format::Json => self.json(&whole()),
            Format::Yaml => documents.map_or_else(
                || self.yaml(&whole()),
                |all| all.iter().map(|d| self.yaml(d)).collect::<Vec<_>>().join("---\n"),
            ),
            Format::Name => {
                rows::<T>(items)?.iter().map(|r| format!("{}\n", SafeText::line(&r.name()))).collect()
            }
            Format::Table | Format::Wide => self.table(&rows::<T>(items)?, true),
        };
        self.print(&text)?;
        if next.is_some() {
            self.hint(&format!("{} shown, more may exist: --limit N", items.len()));
        }
        if items.is_empty() && self.global.output.is_for_people() {
            self.hint(&format!("no {}", T::NOUN));
            if let Some(elsewhere) = profile::elsewhere(&self.paths) {
                self.hint(&elsewhere);
            }
        }
        Ok(())
    }

    /// Rows as they come: for machines one compact object a line.
    pub fn print_lines<T: Tabular + serde::de::DeserializeOwned>(
        &self,
        items: &[Value],
        titles: bool,
    ) -> Result<(), Problem> {
        let safe = |text: String| if self.terminal.stdout { terminal_safe_json(&text) } else { text };
        let text = match self.global.output {
            Format::Json => items.iter().map(|v| safe(format!("{v}\n"))).collect(),
            Format::Yaml => items.iter().map(|v| format!("---\n{}", self.yaml(v))).collect(),
            Format::Name => {
                rows::<T>(items)?.iter().map(|r| format!("{}\n", SafeText::line(&r.name()))).collect()
            }
            Format::Table | Format::Wide => self.table(&rows::<T>(items)?, titles),
        };
        self.print(&text)
    }

    /// One object: `text` for people.
    pub fn print_one(&self, value: &Value, name: &str, text: impl FnOnce() -> String) -> Result<(), Problem> {
        let text = match self.global.output {
            Format::Json => self.json(value),
            Format::Yaml => self.yaml(value),
            Format::Name => format!("{}\n", SafeText::line(name)),
            Format::Table | Format::Wide => text(),
        };
        self.print(&text)
    }

    /// Rows as a table.
    #[must_use]
    pub fn table<T: Tabular>(&self, rows: &[T], titles: bool) -> String {
        let look = self.look();
        let cells: Vec<_> = rows.iter().map(|r| r.cells(look)).collect();
        let wide = self.global.output == Format::Wide;
        table::draw(T::COLUMNS, &cells, wide, titles && !rows.is_empty(), self.colour())
    }

    /// Text in a tone, where stdout has colours.
    #[must_use]
    pub fn paint(&self, tone: Tone, text: &str) -> String {
        tone.paint(text, self.colour())
    }

    /// The problem that a command ends with.
    pub fn report(&self, problem: &Problem) {
        report(
            &program::problem(problem.clone(), &self.invocation()),
            self.global.output,
            self.terminal.stderr,
        );
    }
}

/// Writes a problem to stderr: sentences for people, one object for machines.
pub fn report(problem: &Problem, output: Format, terminal: bool) {
    let text = if output == Format::Json {
        let mut object = json!({ "error": {
            "code": problem.code.as_str(),
            "message": problem.detail,
            "hint": problem.hint,
            "operation": problem.operation,
        }});
        if let (Some(plan), Some(error)) = (&problem.plan, object["error"].as_object_mut()) {
            error.insert("plan".to_owned(), serde_json::to_value(plan).unwrap_or_default());
        }
        let text = object.to_string();
        if terminal { terminal_safe_json(&text) } else { text }
    } else {
        sentences(problem)
    };
    writeln!(io::stderr(), "{text}").ok();
}

/// A line on stderr. Nobody is left to tell when it is gone.
pub fn say(line: &str) {
    writeln!(io::stderr(), "{line}").ok();
}

/// What happened, what to do next, the operation it is about.
fn sentences(problem: &Problem) -> String {
    let mut lines: Vec<String> = SafeText::lines(&problem.detail).iter().map(ToString::to_string).collect();
    if let Some(first) = lines.first_mut() {
        *first = format!("nutkin: {first}");
    }
    let more = [("hint", problem.hint.as_ref()), ("operation", problem.operation.as_ref())];
    for (what, text) in more {
        lines.extend(text.map(|t| format!("  {what}: {}", SafeText::line(t))));
    }
    // Whoever confirmed another plan needs to see what it is now.
    if let Some(plan) = problem.plan.as_ref().filter(|_| problem.code == Code::PlanChanged) {
        lines.push("the plan now:".to_owned());
        lines.push(plan_text::draw(plan, None, false).trim_end().to_owned());
    }
    lines.join("\n")
}

/// Rows of a list, as far as this build knows their form.
fn rows<T: serde::de::DeserializeOwned>(items: &[Value]) -> Result<Vec<T>, Problem> {
    items.iter().map(|v| parse(v)).collect()
}

/// One model of an answer.
pub fn parse<T: serde::de::DeserializeOwned>(value: &Value) -> Result<T, Problem> {
    T::deserialize(value).map_err(|e| {
        Problem::new(Code::Internal, format!("the manager's answer has an unknown form: {e}")).hint(
            "`-o json` prints it as it is; `nutkin doctor` tells whether client and manager are of different versions",
        )
    })
}

fn harmless(value: &Value) -> Value {
    match value {
        Value::String(s)
            if s.chars().any(|c| c != '\n' && SafeText::line(&c.to_string()).as_str() != c.to_string()) =>
        {
            Value::String(SafeText::line(s).as_str().to_owned())
        }
        Value::Array(items) => Value::Array(items.iter().map(harmless).collect()),
        Value::Object(map) => {
            let safe = |k: &str| SafeText::line(k).as_str().to_owned();
            Value::Object(map.iter().map(|(k, v)| (safe(k), harmless(v))).collect())
        }
        other => other.clone(),
    }
}
