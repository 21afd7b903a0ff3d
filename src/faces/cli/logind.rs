//! Whether systemd's login manager ends what a session leaves running, as its files have it.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// Where the files are, the strongest first.
const FOLDERS: [&str; 4] = ["etc/systemd", "run/systemd", "usr/local/lib/systemd", "usr/lib/systemd"];

/// `KillUserProcesses` below a root; `None` = no file of a login manager is there.
pub(super) fn kills_user_processes(root: &Path) -> Option<bool> {
    let texts: Vec<String> = files(root).iter().filter_map(|file| fs::read_to_string(file).ok()).collect();
    (!texts.is_empty()).then(|| kills(texts.iter().map(String::as_str)))
}

/// The files that count, in the order in which they are read: the main one of the strongest folder, then what is dropped
/// in, by name, each from the strongest folder that has it.
fn files(root: &Path) -> Vec<PathBuf> {
    let main = FOLDERS.iter().map(|f| root.join(f).join("logind.conf")).find(|f| f.is_file());
    let mut dropped = BTreeMap::new();
    for folder in FOLDERS.iter().rev() {
        let entries = fs::read_dir(root.join(folder).join("logind.conf.d")).into_iter().flatten().flatten();
        let confs = entries.filter(|e| e.path().extension().is_some_and(|x| x == "conf"));
        dropped.extend(confs.map(|e| (e.file_name(), e.path())));
    }
    main.into_iter().chain(dropped.into_values()).collect()
}

/// What the texts say together: the last word counts, nothing and an empty one mean no, as distributions build it.
fn kills<'a>(texts: impl Iterator<Item = &'a str>) -> bool {
    let mut kills = false;
    for text in texts {
        let mut section = "";
        for line in text.lines().map(str::trim) {
            if line.starts_with('[') {
                section = line;
            }
            let value =
                line.split_once('=').filter(|(k, _)| k.trim() == "KillUserProcesses").map(|(_, v)| v.trim());
            if let Some(value) = value.filter(|_| section == "[Login]") {
                kills =
                    ["yes", "true", "on", "1", "y", "t"].iter().any(|yes| value.eq_ignore_ascii_case(yes));
            }
        }
    }
    kills
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::nothing(&[], false)]
    #[case::as_delivered(&["[Login]\n#KillUserProcesses=yes\n"], false)]
    #[case::yes(&["[Login]\nKillUserProcesses=yes\n"], true)]
    #[case::with_blanks(&["[Login]\n  KillUserProcesses = True \n"], true)]
    #[case::no(&["[Login]\nKillUserProcesses=no\n"], false)]
    #[case::the_last_word_counts(&["[Login]\nKillUserProcesses=yes\n", "[Login]\nKillUserProcesses=no\n"], false)]
    #[case::dropped_in(&["[Login]\n", "[Login]\nKillUserProcesses=1\n"], true)]
    #[case::back_to_the_default(&["[Login]\nKillUserProcesses=yes\nKillUserProcesses=\n"], false)]
    #[case::of_another_section(&["[Other]\nKillUserProcesses=yes\n"], false)]
    #[case::another_key(&["[Login]\nKillOnlyUsers=yes\n"], false)]
    fn the_files_are_read_as_systemd_reads_them(#[case] texts: &[&str], #[case] expected: bool) {
        assert_eq!(kills(texts.iter().copied()), expected);
    }

    #[test]
    fn a_file_of_a_stronger_folder_hides_one_of_the_same_name() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(kills_user_processes(root.path()), None);
        let write = |file: &str, value: &str| {
            let file = root.path().join(file);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, format!("[Login]\nKillUserProcesses={value}\n")).unwrap();
        };
        let now = |file: &str, value: &str| {
            write(file, value);
            kills_user_processes(root.path()).unwrap()
        };
        assert!(now("usr/lib/systemd/logind.conf", "yes"));
        assert!(!now("etc/systemd/logind.conf", "no"), "the vendor's main file is hidden");
        assert!(now("usr/lib/systemd/logind.conf.d/50-x.conf", "yes"), "dropped in after it");
        assert!(now("usr/lib/systemd/logind.conf.d/60-y.txt", "no"), "no configuration");
        assert!(!now("run/systemd/logind.conf.d/50-x.conf", "no"), "it hides the vendor's");
        assert!(now("etc/systemd/logind.conf.d/70-z.conf", "yes"), "the last name counts");
    }
}
