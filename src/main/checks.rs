//! What only the store's adapter knows, for `doctor`.

use std::path::Path;

use nutkin::{
    adapters::sqlite::state_dir,
    contract::plan::{Check, Verdict},
};

/// Whether a store may live there.
pub fn state_dir(dir: &Path) -> Vec<Check> {
    let check = |verdict, message: String, hint: Option<String>| {
        vec![Check { name: "file system".to_owned(), verdict, message, hint }]
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
