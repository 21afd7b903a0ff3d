//! What only the store's adapter knows, for `doctor`.

use std::path::Path;

use nutkin::{
    adapters::sqlite::{Look, OpenError, look, state_dir},
    contract::plan::{Check, Verdict},
    domain::text,
};

/// Whether a store may live there.
pub fn state_dir(dir: &Path) -> Vec<Check> {
    let mut checks = vec![file_system(dir)];
    checks.extend(rights(dir));
    checks
}

fn file_system(dir: &Path) -> Check {
    let check = |verdict, message: String, hint: Option<String>| Check {
        name: "file system".to_owned(),
        verdict,
        message,
        hint,
    };
    match state_dir::is_remote(dir) {
        Ok(None) => check(Verdict::Ok, "local".to_owned(), None),
        Ok(Some(kind)) => {
            let local = state_dir::local_place(rustix::process::geteuid().as_raw());
            let hint = format!("nutkin --state-dir {}", local.display());
            check(Verdict::Failed, format!("{kind}: locks cannot be trusted there"), Some(hint))
        }
        Err(e) => check(Verdict::Failed, e.to_string(), None),
    }
}

/// What keeps a manager from writing there.
fn rights(dir: &Path) -> Option<Check> {
    let (message, hint) = match state_dir::refuse_read_only(dir) {
        Ok(()) => return None,
        Err(OpenError::ReadOnly { why, .. }) => {
            let hint = format!("{}, or name another directory with --state-dir", why.remedy());
            (format!("read-only: {}", why.why()), Some(hint))
        }
        Err(e) => (e.to_string(), None),
    };
    Some(Check { name: "rights".to_owned(), verdict: Verdict::Failed, message, hint })
}

/// What the store's file is like while no manager holds it.
pub fn store(dir: &Path) -> Vec<Check> {
    let (verdict, message, hint) = match look(dir) {
        Ok(Look::Absent) => return Vec::new(),
        Ok(Look::Sound) => (Verdict::Ok, "sound".to_owned(), None),
        Ok(Look::Large(size)) => {
            let found = format!("{}: too large to be looked into here", text::bytes(size));
            (Verdict::Ok, found, Some("a manager checks it after an unclean exit"))
        }
        Ok(Look::Damaged(what)) => (
            Verdict::Failed,
            format!("damaged: {what}"),
            Some("keep a copy of the state directory, and go back to a file of its backups folder"),
        ),
        Err(e) => (Verdict::Failed, e.to_string(), None),
    };
    vec![Check { name: "store file".to_owned(), verdict, message, hint: hint.map(str::to_owned) }]
}
