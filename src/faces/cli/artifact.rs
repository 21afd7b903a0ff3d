//! `nutkin artifact …`

use std::path::{Path, PathBuf};

use clap::Subcommand;

use super::{
    context::Context,
    exit::{Exit, Outcome},
    output::parse,
    views::Tabular as _,
};
use crate::{
    client::routes,
    contract::{
        model,
        problem::{Code, Problem},
    },
    domain::text,
};

/// `nutkin artifact`.
#[derive(Debug, Subcommand)]
pub enum ArtifactCommand {
    /// All jars that the manager keeps.
    List,
    /// Bring a jar to the manager.
    Add {
        /// File of the jar; one that the manager has already is not sent again.
        jar: PathBuf,
    },
    /// One jar.
    Show {
        /// Its hash, a unique beginning of it, or its name.
        artifact: String,
    },
}

impl ArtifactCommand {
    pub(super) async fn run(self, ctx: &Context) -> Outcome {
        match self {
            Self::List => {
                let items = ctx.all(&routes::artifacts()).await?;
                ctx.print_list::<model::Artifact>(&items, None)?;
            }
            Self::Add { jar } => {
                let sha = upload(ctx, &jar).await?;
                let value = ctx.client().await?.get_value(&routes::artifact(&sha)).await?;
                let artifact: model::Artifact = parse(&value)?;
                ctx.print_one(&value, &artifact.name(), || ctx.table(std::slice::from_ref(&artifact), true))?;
            }
            Self::Show { artifact } => {
                let value = ctx.artifact(&artifact).await?;
                ctx.print_one(&value, &artifact, || super::describe::plain(&value))?;
            }
        }
        Ok(Exit::OK)
    }
}

/// Brings a jar to the manager; answers its hash.
pub async fn upload(ctx: &Context, jar: &Path) -> Result<String, Problem> {
    let client = ctx.client().await?;
    let name = jar.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let name = text::SafeText::line(&name);
    let draws = ctx.draws_progress();
    let progress = |sent: u64, size: u64| {
        if draws {
            ctx.draw(&format!("\r\x1b[K  {name} {} of {}", text::bytes(sent), text::bytes(size)));
        }
    };
    let uploaded = client.upload(jar, &progress).await;
    if draws {
        ctx.draw("\r\x1b[K");
    }
    Ok(uploaded.map_err(|p| not_taken(p, &name))?.sha256)
}

/// Why a jar could not be brought to a manager that takes nothing. Plans look into the jar, so a dry run needs it there, too.
fn not_taken(problem: Problem, name: &text::SafeText) -> Problem {
    if !matches!(problem.code, Code::ReadOnly | Code::Forbidden) {
        return problem;
    }
    let detail =
        format!("the manager does not have {name}, and it cannot be brought there: {}", problem.detail);
    Problem { detail, ..problem }
        .hint("a dry run needs the jar at the manager, too: `nutkin artifact list` shows what it has")
}

/// The hash of the newest jar of this name, said aloud; whatever else was given is for the manager to find.
pub async fn newest_of(ctx: &Context, given: &str) -> Result<String, Problem> {
    // No name of an artifact has a slash.
    if given.contains('/') {
        return Err(is_file(given));
    }
    let all = ctx.all(&routes::artifacts()).await?;
    let all = all.iter().map(parse).collect::<Result<Vec<model::Artifact>, _>>()?;
    let Some((newest, several)) = newest(&all, given) else {
        return if Path::new(given).is_file() { Err(is_file(given)) } else { Ok(given.to_owned()) };
    };
    let of = if several > 1 { format!(", the newest of {several} of that name") } else { String::new() };
    ctx.hint(&format!("artifact {}{of}: {}", text::SafeText::line(&newest.name), newest.sha256));
    Ok(newest.sha256.clone())
}

/// A file in the place of an artifact's name or hash: the manager would look for it in vain.
fn is_file(given: &str) -> Problem {
    let detail = format!(
        "--artifact takes a jar that the manager has, by its hash or name, and {given:?} is a file's path; \
         nothing was changed"
    );
    Problem::new(Code::BadRequest, detail)
        .hint(format!("bring the file with --jar {given}; `nutkin artifact list` shows what is there"))
}

/// The newest jar of a name, with or without its ending, and how many have it.
fn newest<'a>(all: &'a [model::Artifact], name: &str) -> Option<(&'a model::Artifact, usize)> {
    let with_ending = format!("{name}.jar");
    let fits: Vec<&model::Artifact> =
        all.iter().filter(|a| a.name == name || a.name == with_ending).collect();
    Some((fits.iter().max_by_key(|a| a.created_at)?, fits.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_the_newest_jar_of_it() {
        let jar = |sha: &str, name: &str, at: &str| -> model::Artifact {
            serde_json::from_value(serde_json::json!({
                "sha256": sha, "name": name, "sizeBytes": 1, "mainClass": null, "entryClasses": [], "createdAt": at,
                "usedBy": []
            }))
            .unwrap()
        };
        let all = [
            jar("aa", "pay.jar", "2026-01-01T00:00:00.000Z"),
            jar("bb", "pay.jar", "2026-02-01T00:00:00.000Z"),
            jar("cc", "other.jar", "2026-03-01T00:00:00.000Z"),
        ];
        for (given, expected) in [("pay.jar", Some(("bb", 2))), ("other", Some(("cc", 1))), ("aa", None)] {
            assert_eq!(newest(&all, given).map(|(a, n)| (a.sha256.as_str(), n)), expected, "{given}");
        }
    }
}
