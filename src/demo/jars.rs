//! Builds the demo's jars with the JDK that is here, against the Flink that is here.
//!
//! ```text
//!   sources + release.properties ──javac──▶ classes ──zip──▶ cache/jars/<key>/payments-v1.jar …
//! ```
//!
//! The key is a hash of everything that goes in, so a second run finds the jars; they are written with
//! fixed times and order, so equal input gives equal bytes and an artifact is stored once.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use sha2::{Digest, Sha256};
use zip::{ZipWriter, write::SimpleFileOptions};

use super::{
    dist::{Dist, remove},
    requirements::{Jdk, OLDEST_JDK},
};

/// A file by name and content; the name may have folders.
pub type SourceFile<'a> = (&'a str, &'a str);

macro_rules! payments_sources {
    ($($name:literal)*) => {
        /// The Java files of the demo's program.
        pub const PAYMENTS: &[SourceFile<'static>] =
            &[$((concat!($name, ".java"), include_str!(concat!("../../demo/payments/src/", $name, ".java")))),*];
    };
}
payments_sources!("BrokenFees" "Country" "CountryEnumerator" "CountrySplit" "CountryStatistics" "CountryTotal"
    "CountryTotals" "Dashboard" "Options" "Payment" "PaymentReader" "PaymentSource" "PaymentsJob");

/// The releases of the program: label, and the properties that make the difference.
pub const RELEASES: &[SourceFile<'static>] = &[
    ("v1", include_str!("../../demo/payments/releases/v1.properties")),
    ("v2", include_str!("../../demo/payments/releases/v2.properties")),
    ("v3-broken", include_str!("../../demo/payments/releases/v3-broken.properties")),
];

/// The class with `main` in the payments jars.
pub const PAYMENTS_MAIN: &str = "nutkin.payments.PaymentsJob";

/// What to put into one jar.
#[derive(Debug, Clone)]
pub struct Jar<'a> {
    /// File name.
    pub name: String,
    /// `Main-Class` of the manifest, if it shall have one.
    pub main_class: Option<&'a str>,
    /// Files besides the classes.
    pub resources: Vec<SourceFile<'a>>,
}

/// Why there are no jars.
#[derive(Debug, thiserror::Error)]
pub enum JarError {
    /// The compiler refused.
    #[error(
        "javac {jdk} refused the program for Flink {flink}; nothing was changed. Another JDK ({OLDEST_JDK} to 21, chosen by JAVA_HOME) may accept it. It said:\n{output}"
    )]
    Compile {
        /// Version of the compiler.
        jdk: String,
        /// Version of Flink.
        flink: String,
        /// Everything it printed.
        output: String,
    },
    /// A file of the cache, or the compiler cannot be run.
    #[error("{}: {source}; the cache folder must be writable (XDG_CACHE_HOME chooses another one)", path.display())]
    Io {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// The three releases of the payments program.
#[derive(Debug, Clone)]
pub struct PaymentsJars {
    folder: PathBuf,
}

impl PaymentsJars {
    /// The jar of a release in [`RELEASES`], by its label.
    #[must_use]
    pub fn release(&self, label: &str) -> PathBuf {
        self.folder.join(jar_name(label))
    }
}

/// Builds the three releases, or finds them in the cache. Blocks for some seconds.
///
/// # Errors
/// See [`JarError`].
pub fn payments(jdk: &Jdk, dist: &Dist, cache: &Path) -> Result<PaymentsJars, JarError> {
    let jars: Vec<_> = RELEASES
        .iter()
        .map(|(label, properties)| Jar {
            name: jar_name(label),
            main_class: Some(PAYMENTS_MAIN),
            resources: vec![("release.properties", properties)],
        })
        .collect();
    build(jdk, dist, cache, PAYMENTS, &jars).map(|folder| PaymentsJars { folder })
}

/// Compiles the sources and packs all classes into each jar; answers the folder that has the jars. Blocks.
///
/// # Errors
/// See [`JarError`].
pub fn build(
    jdk: &Jdk,
    dist: &Dist,
    cache: &Path,
    sources: &[SourceFile<'_>],
    jars: &[Jar<'_>],
) -> Result<PathBuf, JarError> {
    let root = cache.join("jars");
    let folder = root.join(key(jdk, dist, sources, jars));
    if folder.is_dir() {
        return Ok(folder);
    }
    let io = |source| JarError::Io { path: root.clone(), source };
    let partial = root.join(format!(".{}.{}.partial", name_of(&folder), uuid::Uuid::new_v4().simple()));
    let outcome = build_into(&partial, jdk, dist, sources, jars).and_then(|()| {
        match fs::rename(partial.join("jars"), &folder) {
            Err(_) if folder.is_dir() => Ok(()), // somebody else was faster with the same content
            renamed => renamed.map_err(io),
        }
    });
    remove(&partial).map_err(io)?;
    outcome.map(|()| folder)
}

fn build_into(
    partial: &Path,
    jdk: &Jdk,
    dist: &Dist,
    sources: &[SourceFile<'_>],
    jars: &[Jar<'_>],
) -> Result<(), JarError> {
    let io = |source| JarError::Io { path: partial.to_owned(), source };
    let (src, classes, out) = (partial.join("src"), partial.join("classes"), partial.join("jars"));
    for folder in [&src, &classes, &out] {
        fs::create_dir_all(folder).map_err(io)?;
    }
    let mut files = Vec::new();
    for (name, content) in sources {
        let file = src.join(name);
        fs::write(&file, content).map_err(io)?;
        files.push(file);
    }
    compile(jdk, dist, &files, &classes)?;
    let compiled = classes_below(&classes).map_err(io)?;
    for jar in jars {
        pack(&out.join(&jar.name), jar, &classes, &compiled).map_err(io)?;
    }
    Ok(())
}

fn compile(jdk: &Jdk, dist: &Dist, files: &[PathBuf], classes: &Path) -> Result<(), JarError> {
    let classpath = std::env::join_paths(dist.classpath())
        .map_err(|e| JarError::Io { path: dist.home.clone(), source: io::Error::other(e) })?;
    let output = Command::new(&jdk.javac)
        .args(["--release", &OLDEST_JDK.to_string(), "-encoding", "UTF-8", "-proc:none", "-g"])
        .arg("-classpath")
        .arg(classpath)
        .arg("-d")
        .arg(classes)
        .args(files)
        .stdin(Stdio::null())
        .output()
        .map_err(|source| JarError::Io { path: jdk.javac.clone(), source })?;
    if output.status.success() {
        return Ok(());
    }
    Err(JarError::Compile {
        jdk: jdk.version.clone(),
        flink: dist.version.clone(),
        output: String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).trim().to_owned(),
    })
}

/// Paths of the class files, relative, with `/`, in order.
fn classes_below(root: &Path) -> io::Result<Vec<String>> {
    let mut found = Vec::new();
    let mut open = vec![String::new()];
    while let Some(prefix) = open.pop() {
        for entry in fs::read_dir(root.join(&prefix))? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = if prefix.is_empty() { name } else { format!("{prefix}/{name}") };
            if entry.file_type()?.is_dir() { open.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    Ok(found)
}

fn pack(file: &Path, jar: &Jar<'_>, classes: &Path, compiled: &[String]) -> io::Result<()> {
    let mut zip = ZipWriter::new(File::create(file)?);
    let mut add = |name: &str, content: &[u8]| -> io::Result<()> {
        // The oldest time that a zip can hold: the bytes must not depend on when they were made.
        zip.start_file(name, SimpleFileOptions::default().last_modified_time(zip::DateTime::default()))?;
        zip.write_all(content)
    };
    add("META-INF/MANIFEST.MF", manifest(jar).as_bytes())?;
    for (name, content) in &jar.resources {
        add(name, content.as_bytes())?;
    }
    for name in compiled {
        add(name, &fs::read(classes.join(name))?)?;
    }
    zip.finish()?.sync_all()
}

fn manifest(jar: &Jar<'_>) -> String {
    let main = jar.main_class.map(|class| format!("Main-Class: {class}\r\n")).unwrap_or_default();
    format!("Manifest-Version: 1.0\r\n{main}\r\n")
}

fn key(jdk: &Jdk, dist: &Dist, sources: &[SourceFile<'_>], jars: &[Jar<'_>]) -> String {
    let mut hash = Sha256::new();
    let mut add = |text: &str| {
        hash.update(text.len().to_le_bytes());
        hash.update(text);
    };
    [&jdk.version, &dist.version].into_iter().for_each(|text| add(text));
    for (name, content) in sources.iter().chain(jars.iter().flat_map(|jar| &jar.resources)) {
        add(name);
        add(content);
    }
    for jar in jars {
        add(&jar.name);
        add(jar.main_class.unwrap_or_default());
    }
    hash.finalize().iter().take(12).map(|byte| format!("{byte:02x}")).collect()
}

fn jar_name(label: &str) -> String {
    format!("payments-{label}.jar")
}

fn name_of(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(folder: &str) -> Vec<String> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        let mut names: Vec<_> = fs::read_dir(folder).unwrap().map(|e| name_of(&e.unwrap().path())).collect();
        names.sort();
        names
    }

    #[test]
    fn every_file_of_the_program_is_embedded() {
        let names: Vec<_> = PAYMENTS.iter().map(|(name, _)| (*name).to_owned()).collect();
        assert_eq!(names, files("demo/payments/src"));
        let names: Vec<_> = RELEASES.iter().map(|(label, _)| format!("{label}.properties")).collect();
        assert_eq!(names, files("demo/payments/releases"));
    }

    #[test]
    fn the_key_depends_on_everything_that_goes_in() {
        let jdk = |version: &str| Jdk { java: "java".into(), javac: "javac".into(), version: version.into() };
        let dist = |version: &str| Dist { version: version.into(), home: "/".into() };
        let jar = |name: &str, main_class, text| Jar {
            name: name.to_owned(),
            main_class,
            resources: vec![("r", text)],
        };
        let keys = [
            key(&jdk("17"), &dist("2.3.0"), &[("A", "a")], &[jar("x", None, "1")]),
            key(&jdk("21"), &dist("2.3.0"), &[("A", "a")], &[jar("x", None, "1")]),
            key(&jdk("17"), &dist("1.20.5"), &[("A", "a")], &[jar("x", None, "1")]),
            key(&jdk("17"), &dist("2.3.0"), &[("A", "b")], &[jar("x", None, "1")]),
            key(&jdk("17"), &dist("2.3.0"), &[("A", "a")], &[jar("y", None, "1")]),
            key(&jdk("17"), &dist("2.3.0"), &[("A", "a")], &[jar("x", Some("M"), "1")]),
            key(&jdk("17"), &dist("2.3.0"), &[("A", "a")], &[jar("x", None, "2")]),
        ];
        let distinct: std::collections::BTreeSet<_> = keys.iter().collect();
        assert_eq!(distinct.len(), keys.len());
    }

    #[test]
    fn equal_input_gives_equal_bytes() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("classes/a")).unwrap();
        fs::write(folder.path().join("classes/a/B.class"), "b").unwrap();
        let classes = folder.path().join("classes");
        let compiled = classes_below(&classes).unwrap();
        assert_eq!(compiled, ["a/B.class"]);
        let jar = Jar { name: "x.jar".into(), main_class: Some("a.B"), resources: vec![("r", "1")] };
        let bytes: Vec<_> = ["1.jar", "2.jar"]
            .iter()
            .map(|name| {
                pack(&folder.path().join(name), &jar, &classes, &compiled).unwrap();
                fs::read(folder.path().join(name)).unwrap()
            })
            .collect();
        assert_eq!(bytes[0], bytes[1]);
        let mut zip = zip::ZipArchive::new(io::Cursor::new(&bytes[0])).unwrap();
        let mut manifest = String::new();
        io::Read::read_to_string(&mut zip.by_index(0).unwrap(), &mut manifest).unwrap();
        assert_eq!(manifest, "Manifest-Version: 1.0\r\nMain-Class: a.B\r\n\r\n");
    }
}
