//! Looks into jars with the zip library: the manifest's main class and the classes that have a `main`.

use std::{
    fs::File,
    io::{BufReader, Read},
    path::Path,
};

use zip::ZipArchive;

use crate::manager::ports::{JarInfo, JarReader};

/// Reads jars as zip archives; entries are read one by one under caps, never extracted.
#[derive(Debug, Clone, Copy, Default)]
pub struct ZipJars;

/// Entry classes that are listed at most.
const MOST_CLASSES: usize = 200;
/// A class file larger than this is not looked into.
const LARGEST_CLASS: u64 = 1 << 20;
/// Entries that are looked at; a fat jar has tens of thousands.
const MOST_ENTRIES: usize = 60_000;

impl JarReader for ZipJars {
    fn inspect(&self, file: &Path) -> Result<JarInfo, String> {
        let file = File::open(file).map_err(|e| e.to_string())?;
        let mut zip = ZipArchive::new(BufReader::new(file)).map_err(|e| e.to_string())?;
        let main_class = manifest(&mut zip).as_deref().and_then(main_class);
        let mut entry_classes = Vec::new();
        let names: Vec<String> =
            zip.file_names().filter(|n| is_own_class(n)).take(MOST_ENTRIES).map(str::to_owned).collect();
        for name in names {
            if entry_classes.len() >= MOST_CLASSES {
                break;
            }
            if has_main(&mut zip, &name) {
                entry_classes.push(name.trim_end_matches(".class").replace('/', "."));
            }
        }
        entry_classes.sort();
        Ok(JarInfo { main_class, entry_classes })
    }
}

fn is_own_class(name: &str) -> bool {
    name.ends_with(".class") && !name.contains('$') && !name.starts_with("META-INF/")
}

fn manifest(zip: &mut ZipArchive<BufReader<File>>) -> Option<String> {
    let mut text = String::new();
    zip.by_name("META-INF/MANIFEST.MF").ok()?.take(LARGEST_CLASS).read_to_string(&mut text).ok()?;
    Some(text)
}

/// The manifest folds lines at 72 bytes; a continuation begins with a space.
fn main_class(manifest: &str) -> Option<String> {
    let unfolded = manifest.replace("\r\n ", "").replace("\n ", "");
    let value = |key: &str| unfolded.lines().find_map(|l| l.strip_prefix(key)).map(|v| v.trim().to_owned());
    value("program-class:").or_else(|| value("Main-Class:")).filter(|v| !v.is_empty())
}

/// A class that names both `main` and its descriptor in its constant pool has such a method, or calls one; a person
/// chooses from the list, so a rare extra entry does no harm.
fn has_main(zip: &mut ZipArchive<BufReader<File>>, name: &str) -> bool {
    let Ok(entry) = zip.by_name(name) else { return false };
    if entry.size() > LARGEST_CLASS {
        return false;
    }
    let mut bytes = Vec::new();
    if entry.take(LARGEST_CLASS).read_to_end(&mut bytes).is_err() {
        return false;
    }
    let utf8 = |text: &str| {
        let len = u16::try_from(text.len()).unwrap_or(0).to_be_bytes();
        let needle: Vec<u8> = [1, len[0], len[1]].into_iter().chain(text.bytes()).collect();
        bytes.windows(needle.len()).any(|w| w == needle)
    };
    utf8("main") && utf8("([Ljava/lang/String;)V")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folded_manifests_are_read() {
        let text =
            "Manifest-Version: 1.0\r\nMain-Class: io.example.very.long.name.that.is.fol\r\n ded.Payments\r\n";
        assert_eq!(main_class(text).unwrap(), "io.example.very.long.name.that.is.folded.Payments");
    }

    #[test]
    fn a_text_file_is_not_a_jar() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("x.jar");
        std::fs::write(&file, "hello").unwrap();
        assert!(ZipJars.inspect(&file).is_err());
    }
}
