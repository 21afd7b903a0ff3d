//! `nutkin config …`

use std::process::Command;

use clap::Subcommand;
use serde_json::{Value, json};

use super::{
    address::{find_paths, path_problem},
    args::{Format, Global},
    context::{Context, Wiring, examine},
    exit::{Exit, Outcome},
    table::{self, Cell, Tone, column},
};
use crate::{
    config::{Diagnostic, Paths, paths::Surroundings, settings},
    contract::problem::{Code, Problem},
};

/// `nutkin config`.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Every problem with file, line and column; exit 2 when there is one.
    Check,
    /// Effective settings and where each came from.
    Show,
    /// Open the file in $VISUAL or $EDITOR, then check it.
    Edit,
}

impl ConfigCommand {
    /// Runs without a context, because the settings may not hold.
    pub(super) fn run(self, global: Global, wiring: Wiring) -> Outcome {
        let around = Surroundings::of_process();
        let paths = find_paths(&global, &around).map_err(|e| path_problem(&e))?;
        match self {
            Self::Check => check(global, wiring, around, paths),
            Self::Show => show(&Context::new(global, wiring)?),
            Self::Edit => {
                edit(&paths, &around)?;
                check(global, wiring, around, paths)
            }
        }
    }
}

fn check(global: Global, wiring: Wiring, around: Surroundings, paths: Paths) -> Outcome {
    let (loaded, problems) = examine(&paths, &around, &wiring)?;
    let warnings = loaded.warnings.clone();
    let file = paths.config_file.display().to_string();
    let there = paths.config_file.exists();
    let ctx = Context::with(global, wiring, around, paths, loaded);
    let value = json!({ "file": file, "problems": problems, "warnings": warnings });
    let lines = |list: &[Diagnostic]| list.iter().map(|d| format!("{d}\n")).collect::<String>();
    ctx.print_one(&value, &file, || {
        let verdict = match (problems.is_empty(), there) {
            (true, true) => format!("{file}: valid\n"),
            (true, false) => format!("{file}: there is no such file; the defaults hold\n"),
            (false, _) => String::new(),
        };
        format!("{}{}{verdict}", lines(&problems), lines(&warnings))
    })?;
    Ok(if problems.is_empty() { Exit::OK } else { Exit::USAGE })
}

fn show(ctx: &Context) -> Outcome {
    let rows = ctx.loaded.rows();
    let text = match ctx.global.output {
        Format::Table | Format::Wide => {
            let cells: Vec<Vec<Cell>> = rows
                .iter()
                .map(|(path, value, origin)| {
                    let tone = if origin == "default" { Tone::Dim } else { Tone::Plain };
                    vec![Cell::new(path), Cell::new(words(value)), Cell::new(origin).tone(tone)]
                })
                .collect();
            let columns = [column("SETTING"), column("VALUE"), column("FROM")];
            table::draw(&columns, &cells, true, true, ctx.colour())
        }
        Format::Json => ctx.json(&serde_json::to_value(ctx.settings()).unwrap_or_default()),
        Format::Yaml => ctx.yaml(&serde_json::to_value(ctx.settings()).unwrap_or_default()),
        Format::Name => rows.iter().map(|(path, ..)| format!("{path}\n")).collect(),
    };
    ctx.print(&text)?;
    Ok(Exit::OK)
}

fn words(value: &Value) -> String {
    match value {
        Value::String(s) => s.clone(),
        Value::Null => "-".to_owned(),
        other => other.to_string(),
    }
}

fn edit(paths: &Paths, around: &Surroundings) -> Result<(), Problem> {
    let failed = |what: String| Problem::new(Code::BadRequest, what);
    let file = &paths.config_file;
    let Some(editor) = around.var("VISUAL").or_else(|| around.var("EDITOR")) else {
        return Err(failed("no editor is named; nothing was changed".to_owned())
            .hint(format!("set VISUAL or EDITOR, or edit {} yourself", file.display())));
    };
    if !file.exists() {
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder).map_err(|e| failed(format!("{}: {e}", folder.display())))?;
        }
        std::fs::write(file, template()).map_err(|e| failed(format!("{}: {e}", file.display())))?;
    }
    // Editors are often given with arguments: `code --wait`.
    let mut words = editor.split_whitespace();
    let program = words.next().unwrap_or("vi");
    let ended = Command::new(program).args(words).arg(file).status();
    match ended {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(failed(format!("{editor} ended with {status}"))),
        Err(e) => Err(failed(format!("{editor} could not be started: {e}"))),
    }
}

/// Every setting with its default, commented out.
fn template() -> String {
    let defaults = settings::load(&settings::Sources::default()).map(|l| l.to_toml()).unwrap_or_default();
    let commented = defaults.lines().map(|line| {
        if line.is_empty() || line.starts_with('[') { format!("{line}\n") } else { format!("# {line}\n") }
    });
    format!("# nutkin: uncomment what differs from the default.\n\n{}", commented.collect::<String>())
}
