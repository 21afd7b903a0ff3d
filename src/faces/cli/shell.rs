//! Completions, the manual page, the API's description.

use clap::{Args, CommandFactory as _};

use super::{
    args::{Cli, Format},
    context::{Context, Wiring},
    exit::{Exit, Outcome},
};
use crate::{
    client::routes,
    config::yaml,
    contract::problem::{Code, Problem},
};

/// `nutkin completions`.
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// For this shell.
    #[arg(value_enum)]
    shell: clap_complete::Shell,
}

impl CompletionsArgs {
    pub(super) fn run(self) -> Outcome {
        let mut text = Vec::new();
        clap_complete::generate(self.shell, &mut offered(), "nutkin", &mut text);
        write(&text)
    }
}

/// The grammar without hidden commands, which would be offered too.
fn offered() -> clap::Command {
    let all = Cli::command();
    let visible = all.get_subcommands().filter(|c| !c.is_hide_set()).cloned();
    clap::Command::new("nutkin").args(all.get_arguments().cloned()).subcommands(visible)
}

/// Prints the manual page, every command included.
pub(super) fn man() -> Outcome {
    let mut text = Vec::new();
    let failed = |e: std::io::Error| Problem::new(Code::Internal, e.to_string());
    let mut root = Cli::command();
    root.build();
    clap_mangen::Man::new(root.clone()).render(&mut text).map_err(failed)?;
    pages_of(&root, "nutkin", &mut text).map_err(failed)?;
    write(&text)
}

/// The pages of a command's own commands, each with the words that lead to it.
fn pages_of(command: &clap::Command, words: &str, text: &mut Vec<u8>) -> std::io::Result<()> {
    for inner in command.get_subcommands().filter(|c| !c.is_hide_set()) {
        let words = format!("{words} {}", inner.get_name());
        clap_mangen::Man::new(inner.clone().name(words.clone())).render(&mut *text)?;
        pages_of(inner, &words, text)?;
    }
    Ok(())
}

/// Prints the API's description: from this build where it has one, else from the manager.
pub(super) async fn openapi(global: super::args::Global, wiring: Wiring) -> Outcome {
    match wiring.openapi {
        Some(openapi) if global.output == Format::Yaml => {
            let value =
                serde_json::from_str(&openapi()).map_err(|e| Problem::new(Code::Internal, e.to_string()))?;
            write(yaml::to_yaml(&value).as_bytes())
        }
        Some(openapi) => write(format!("{}\n", openapi()).as_bytes()),
        None => {
            let ctx = Context::new(global, wiring)?;
            let value = ctx.client().await?.get_value(&routes::openapi()).await?;
            ctx.print(&if ctx.global.output == Format::Yaml { ctx.yaml(&value) } else { ctx.json(&value) })?;
            Ok(Exit::OK)
        }
    }
}

fn write(text: &[u8]) -> Outcome {
    use std::io::Write as _;
    let mut out = std::io::stdout().lock();
    match out.write_all(text).and_then(|()| out.flush()) {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Problem::new(Code::Internal, format!("the result could not be written: {e}")))
        }
        _ => Ok(Exit::OK),
    }
}
