//! Takes the jars that are needed out of a downloaded archive.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

use flate2::read::GzDecoder;

/// Whether a jar of `lib/` is needed: Flink itself, its logging, and, in old versions, ZooKeeper's classes.
pub(super) fn needed(jar: &str) -> bool {
    let wanted = ["flink-dist", "log4j-", "flink-shaded-zookeeper-"];
    jar.ends_with(".jar") && wanted.iter().any(|start| jar.starts_with(start))
}

/// A wheel or a source archive, by its name.
pub(super) fn is_archive(path: &Path) -> bool {
    let name = path.to_string_lossy();
    name.ends_with(".whl") || name.ends_with(".tar.gz")
}

/// Writes the needed jars of `archive` to the folder `lib`, which must not exist yet.
pub(super) fn jars(archive: &Path, lib: &Path) -> io::Result<()> {
    fs::create_dir_all(lib)?;
    let file = File::open(archive)?;
    if archive.extension().is_some_and(|e| e == "whl") { wheel(file, lib) } else { source_archive(file, lib) }
}

fn wheel(file: File, lib: &Path) -> io::Result<()> {
    let mut zip = zip::ZipArchive::new(file)?;
    for index in 0..zip.len() {
        let mut entry = zip.by_index(index)?;
        if let Some(name) = wanted(Path::new(entry.name())) {
            write(&mut entry, &lib.join(name))?;
        }
    }
    Ok(())
}

fn source_archive(file: File, lib: &Path) -> io::Result<()> {
    let mut tar = tar::Archive::new(GzDecoder::new(file));
    for entry in tar.entries()? {
        let mut entry = entry?;
        if let Some(name) = wanted(&entry.path()?)
            && entry.header().entry_type().is_file()
        {
            write(&mut entry, &lib.join(name))?;
        }
    }
    Ok(())
}

/// The plain file name of a needed jar in a folder `lib`, so that no path of the archive is ever followed.
fn wanted(path: &Path) -> Option<PathBuf> {
    let name = path.file_name()?;
    let in_lib = path.parent()?.file_name()? == "lib";
    (in_lib && needed(&name.to_string_lossy())).then(|| PathBuf::from(name))
}

fn write(from: &mut impl Read, to: &Path) -> io::Result<()> {
    let mut file = File::create(to)?;
    io::copy(from, &mut file)?;
    file.sync_all() // the folder is renamed into place afterwards and then trusted
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use zip::write::SimpleFileOptions;

    use super::*;

    const CONTENT: &[(&str, bool)] = &[
        ("pyflink/lib/flink-dist-2.3.0.jar", true),
        ("pyflink/lib/log4j-api-2.25.3.jar", true),
        ("a/deps/lib/flink-shaded-zookeeper-3.5.9.jar", true),
        ("pyflink/lib/flink-table-planner-loader-2.3.0.jar", false),
        ("pyflink/opt/flink-dist-2.3.0.jar", false),
        ("pyflink/lib/log4j-notes.txt", false),
        ("flink-dist-2.3.0.jar", false),
    ];

    #[test]
    fn only_needed_jars_of_lib_are_wanted() {
        for (path, is_wanted) in CONTENT {
            assert_eq!(wanted(Path::new(path)).is_some(), *is_wanted, "{path}");
        }
        assert_eq!(wanted(Path::new("../../lib/log4j-x.jar")).unwrap(), Path::new("log4j-x.jar"));
    }

    #[test]
    fn both_kinds_of_archive_give_the_same_jars() {
        let folder = tempfile::tempdir().unwrap();
        let wheel = folder.path().join("x.whl");
        let mut zip = zip::ZipWriter::new(File::create(&wheel).unwrap());
        let sdist = folder.path().join("x.tar.gz");
        let gzip = flate2::write::GzEncoder::new(File::create(&sdist).unwrap(), flate2::Compression::fast());
        let mut tar = tar::Builder::new(gzip);
        for (path, _) in CONTENT {
            zip.start_file(*path, SimpleFileOptions::default()).unwrap();
            zip.write_all(path.as_bytes()).unwrap();
            let mut header = tar::Header::new_gnu();
            header.set_size(path.len() as u64);
            header.set_cksum();
            tar.append_data(&mut header, path, path.as_bytes()).unwrap();
        }
        zip.finish().unwrap();
        tar.into_inner().unwrap().finish().unwrap();
        for archive in [wheel, sdist] {
            assert!(is_archive(&archive));
            let lib = archive.with_extension("lib");
            jars(&archive, &lib).unwrap();
            let dist = fs::read_to_string(lib.join("flink-dist-2.3.0.jar")).unwrap();
            assert_eq!(dist, "pyflink/lib/flink-dist-2.3.0.jar");
            assert_eq!(fs::read_dir(&lib).unwrap().count(), 3);
        }
    }
}
