//! `nutkin doctor`: everything that decides whether nutkin works here, each with what to do.

use std::{os::unix::fs::MetadataExt as _, path::Path};

use super::{
    address::{server_socket, settle},
    args::Global,
    context::{Context, Wiring, examine},
    exit::{Exit, Outcome},
    logind,
};
use crate::{
    client::{Client, connect, lock},
    config::{Diagnostic, paths::Surroundings},
    contract::{
        API_LEVEL,
        plan::{Check, Verdict},
    },
    domain::{event::Via, text},
};

/// Checks paths, permissions, the store, the manager and the terminal. Starts nothing, and needs no valid settings.
pub async fn run(global: Global, wiring: Wiring) -> Outcome {
    let around = Surroundings::of_process();
    let (global, paths) = settle(global, &around)?;
    let (loaded, problems) = examine(&paths, &around, &wiring)?;
    let ctx = &Context::with(global, wiring, around, paths, loaded);
    let mut checks = vec![check("version", Verdict::Ok, env!("CARGO_PKG_VERSION"), None)];
    let far = server_socket(&ctx.global)?;
    match &far {
        None => checks.extend(state(ctx)),
        Some(_) => {
            let found = "that of the manager behind --server: not looked into";
            checks.push(check("state", Verdict::Ok, found, Some("run doctor where the manager runs")));
        }
    }
    checks.extend(files(ctx));
    checks.extend(settings(ctx, &problems));
    match far {
        None => {
            checks.extend(manager(ctx).await);
            checks.extend(logout(ctx));
        }
        Some(socket) => checks.extend(asked(&Client::new(socket, Via::Cli)).await),
    }
    checks.extend(terminal(ctx));
    let items: Vec<_> = checks.iter().filter_map(|c| serde_json::to_value(c).ok()).collect();
    ctx.print_list::<Check>(&items, None)?;
    let failed = checks.iter().any(|c| c.verdict == Verdict::Failed);
    Ok(if failed { Exit::FAILED } else { Exit::OK })
}

fn check(name: &str, verdict: Verdict, message: impl Into<String>, hint: Option<&str>) -> Check {
    Check { name: name.to_owned(), verdict, message: message.into(), hint: hint.map(str::to_owned) }
}

fn state(ctx: &Context) -> Vec<Check> {
    let state_dir = &ctx.paths.state_dir;
    let shown = state_dir.display().to_string();
    let mut checks = vec![match std::fs::metadata(state_dir) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            check("state", Verdict::Ok, format!("{shown} (made at the first start)"), None)
        }
        Err(e) => {
            check("state", Verdict::Failed, format!("{shown}: {e}"), Some("name another with --state-dir"))
        }
        Ok(meta) if meta.uid() != ctx.around.uid => {
            let found = format!("{shown} belongs to user {}", meta.uid());
            check("state", Verdict::Failed, found, Some("name your own with --state-dir"))
        }
        Ok(meta) if meta.mode() & 0o077 != 0 => {
            let found = format!("{shown} is open to others ({:o})", meta.mode() & 0o777);
            check("state", Verdict::Warning, found, Some("chmod 700 it"))
        }
        Ok(_) => check("state", Verdict::Ok, shown, None),
    }];
    checks.extend((ctx.wiring.state_check)(state_dir));
    checks.extend(space(state_dir));
    checks
}

fn files(ctx: &Context) -> [Check; 2] {
    let config = &ctx.paths.config_file;
    let there = if config.exists() { "" } else { " (absent: defaults)" };
    [
        check("config", Verdict::Ok, format!("{}{there}", config.display()), None),
        check("cache", Verdict::Ok, ctx.paths.cache_dir.display().to_string(), None),
    ]
}

fn space(state_dir: &Path) -> Option<Check> {
    const LITTLE: u64 = 256 << 20;
    let folder = state_dir.ancestors().find(|p| p.exists())?;
    let fs = rustix::fs::statvfs(folder).ok()?;
    let free = fs.f_bavail.saturating_mul(fs.f_frsize);
    let found = format!("{} free", text::bytes(free));
    Some(if free < LITTLE {
        check("space", Verdict::Warning, found, Some("free space, or move the state with --state-dir"))
    } else {
        check("space", Verdict::Ok, found, None)
    })
}

fn settings(ctx: &Context, problems: &[Diagnostic]) -> Vec<Check> {
    let hint = Some("mend it, then `nutkin config check`");
    let problems = problems.iter().map(|p| check("settings", Verdict::Failed, p.to_string(), hint));
    let warnings = &ctx.loaded.warnings;
    let warnings = warnings.iter().map(|w| check("settings", Verdict::Warning, w.to_string(), None));
    let mut checks: Vec<Check> = problems.chain(warnings).collect();
    if checks.is_empty() {
        checks.push(check("settings", Verdict::Ok, "valid", None));
    }
    checks
}

async fn manager(ctx: &Context) -> Vec<Check> {
    let state_dir = &ctx.paths.state_dir;
    let held = lock::is_held(state_dir).unwrap_or(false);
    match connect::running(&ctx.place(), Via::Cli).await {
        Some(client) => asked(&client).await,
        None if held => {
            let hint = Some("`nutkin manager log` shows what it is doing");
            vec![check("manager", Verdict::Failed, "holds the lock and does not answer", hint)]
        }
        None => {
            let mut checks =
                vec![check("manager", Verdict::Ok, "none runs; the next command starts one", None)];
            checks.extend((ctx.wiring.store_check)(state_dir));
            checks
        }
    }
}

/// What a manager says of itself.
async fn asked(client: &Client) -> Vec<Check> {
    match client.health().await {
        Err(p) => vec![check("manager", Verdict::Failed, p.detail, p.hint.as_deref())],
        Ok(health) => {
            let mut checks = vec![check(
                "manager",
                Verdict::Ok,
                format!("process {}, {}", health.pid, health.build),
                None,
            )];
            if health.api_level != API_LEVEL {
                let found = format!("the manager speaks {}, this nutkin {API_LEVEL}", health.api_level);
                checks.push(check("api level", Verdict::Warning, found, Some("`nutkin manager restart`")));
            }
            if let Some(damage) = &health.store_damage {
                let hint = Some(
                    "stop the manager, keep a copy of the state directory, and go back to a file of its backups folder",
                );
                checks.push(check("store file", Verdict::Failed, format!("damaged: {damage}"), hint));
            }
            if health.read_only {
                let hint =
                    Some("read-only = false in the configuration, or a newer nutkin for a newer store");
                checks.push(check("store", Verdict::Warning, "read-only", hint));
            } else {
                checks.push(check("store", Verdict::Ok, "writable", None));
            }
            checks
        }
    }
}

/// Whether the end of the login session would end a detached manager.
fn logout(ctx: &Context) -> Option<Check> {
    let kills = logind::kills_user_processes(Path::new("/"))?;
    let user = ctx.around.var("USER").or_else(|| ctx.around.var("LOGNAME"))?;
    let lingers = Path::new("/var/lib/systemd/linger").join(user).exists();
    let hint = "`loginctl enable-linger` keeps it; or run `nutkin serve` as a service";
    Some(if kills && !lingers {
        check("logout", Verdict::Warning, "logging out would end the manager", Some(hint))
    } else {
        check("logout", Verdict::Ok, "the manager outlives the session", None)
    })
}

/// What is known of the screen that the output goes to.
fn screen(term: &str, size: Option<(u16, u16)>, inside: &str) -> Check {
    match size {
        Some((columns, rows)) => {
            let found = format!("{term} {columns}×{rows} {inside}");
            check("terminal", Verdict::Ok, found.trim_end(), None)
        }
        None => check(
            "terminal",
            Verdict::Unknown,
            format!("the output does not go to one; TERM is {term}"),
            Some("run `nutkin doctor` in the terminal where the console shall open"),
        ),
    }
}

fn terminal(ctx: &Context) -> Vec<Check> {
    let var = |name: &str| ctx.around.var(name).unwrap_or("-").to_owned();
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(|v| ctx.around.var(v)).unwrap_or("-");
    let utf8 = locale.to_lowercase().replace('-', "").contains("utf8");
    let size = rustix::termios::tcgetwinsize(std::io::stdout()).ok().map(|w| (w.ws_col, w.ws_row));
    let colours = match (ctx.around.var("NO_COLOR"), ctx.around.var("COLORTERM")) {
        (Some(_), _) => "off (NO_COLOR)".to_owned(),
        (None, Some(kind)) => kind.to_owned(),
        (None, None) => "by TERM".to_owned(),
    };
    let inside = ["TMUX", "STY", "SSH_CONNECTION"].iter().filter(|v| ctx.around.var(v).is_some());
    let inside: Vec<&str> = inside.copied().collect();
    let utf8 = if utf8 {
        check("locale", Verdict::Ok, locale, None)
    } else {
        check(
            "locale",
            Verdict::Warning,
            locale,
            Some("the console draws in UTF-8: set LANG, for example to C.UTF-8"),
        )
    };
    vec![screen(&var("TERM"), size, &inside.join(" ")), check("colours", Verdict::Ok, colours, None), utf8]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_is_fine_only_where_there_is_one() {
        let here = screen("xterm", Some((120, 40)), "");
        assert_eq!((here.verdict, here.message.as_str()), (Verdict::Ok, "xterm 120×40"));
        let piped = screen("xterm", None, "TMUX");
        assert_eq!(piped.verdict, Verdict::Unknown);
        assert_eq!(piped.message, "the output does not go to one; TERM is xterm");
    }
}
