//! Manifests: targets, applications and deployments as a person writes them.
//!
//! ```text
//!   FILE | DIR (*.yaml, *.yml) | -      → documents with places → checked → contract documents + jars to upload
//! ```
//!
//! The client resolves `jar:` against the manifest's folder; the API takes only content hashes.

use std::{
    io::Read as _,
    path::{Path, PathBuf},
};

use serde_json::Value;

use super::{
    diagnostic::{Diagnostic, Diagnostics},
    node::{Node, Place},
    schema::{Finding, Schema},
    yaml,
};
use crate::{
    contract::intent::{Document, Metadata},
    domain::{deployment::Desired, ids::check_name, names, spec::Spec, target::TargetSpec},
};

/// The version of the manifest's form.
pub const API_VERSION: &str = "nutkin/v1";
/// The kinds of documents.
pub const KINDS: [&str; 3] = ["Target", "Application", "Deployment"];

/// A set of checked documents.
#[derive(Debug, Clone, Default)]
pub struct Manifest {
    /// The documents, in the order they were read.
    pub entries: Vec<Entry>,
}

/// One document and where it came from.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The file as the person named it; `-` for standard input.
    pub file: String,
    /// What it says, as it is sent to the manager.
    pub document: Document,
    /// The jar that its `jar:` names, resolved; uploaded before the document is sent.
    pub jar: Option<PathBuf>,
    root: Node,
}

impl Manifest {
    /// Reads files, directories and `-`.
    pub fn read(sources: &[PathBuf]) -> Result<Self, Diagnostics> {
        let (mut entries, mut problems) = (Vec::new(), Vec::new());
        for source in sources {
            for file in expand(source, &mut problems) {
                match load(&file) {
                    Ok(text) => entries.extend(parse(&file, &text, &mut problems)),
                    Err(message) => problems.push(at(&file.display().to_string(), Place::default(), message)),
                }
            }
        }
        duplicates(&entries, &mut problems);
        if entries.is_empty() && problems.is_empty() {
            let names: Vec<String> = sources.iter().map(|s| s.display().to_string()).collect();
            problems.push(at(&names.join(", "), Place::default(), "no document in it".to_owned()));
        }
        Diagnostics(problems).or(Self { entries })
    }

    /// Reads one text, as if it were the file `name`.
    pub fn from_text(name: &str, text: &str) -> Result<Self, Diagnostics> {
        let mut problems = Vec::new();
        let entries = parse(Path::new(name), text, &mut problems);
        duplicates(&entries, &mut problems);
        Diagnostics(problems).or(Self { entries })
    }

    /// The documents alone.
    #[must_use]
    pub fn documents(&self) -> Vec<Document> {
        self.entries.iter().map(|e| e.document.clone()).collect()
    }

    /// `file:line:column` of a value of a document's spec (`artifact/args/0`), or of the nearest thing to it.
    #[must_use]
    pub fn place(&self, kind: &str, name: &str, path: &str) -> Option<String> {
        let entry =
            self.entries.iter().find(|e| e.document.kind == kind && e.document.full_name() == name)?;
        let mut segments = vec!["spec"];
        segments.extend(path.split('/').filter(|s| !s.is_empty()));
        let place = entry.root.nearest(&segments).place;
        Some(format!("{}:{}:{}", entry.file, place.line, place.column))
    }
}

/// Documents as a manifest that can be applied again.
#[must_use]
pub fn to_yaml(documents: &[Document]) -> String {
    let values: Vec<Value> = documents.iter().filter_map(|d| serde_json::to_value(d).ok()).collect();
    yaml::to_yaml_documents(&values)
}

fn at(file: &str, place: Place, message: String) -> Diagnostic {
    Diagnostic { file: file.to_owned(), line: place.line, column: place.column, message }
}

/// A directory's manifests in the order of their names; anything else is itself.
fn expand(source: &Path, problems: &mut Vec<Diagnostic>) -> Vec<PathBuf> {
    if source == Path::new("-") || !source.is_dir() {
        return vec![source.to_owned()];
    }
    let listing = match std::fs::read_dir(source) {
        Ok(listing) => listing,
        Err(e) => {
            problems.push(at(
                &source.display().to_string(),
                Place::default(),
                format!("cannot be read: {e}"),
            ));
            return Vec::new();
        }
    };
    let mut files: Vec<PathBuf> = listing
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter(|p| p.extension().is_some_and(|e| e == "yaml" || e == "yml"))
        .collect();
    files.sort();
    if files.is_empty() {
        let message = "no *.yaml or *.yml in this directory".to_owned();
        problems.push(at(&source.display().to_string(), Place::default(), message));
    }
    files
}

fn load(file: &Path) -> Result<String, String> {
    let limit = u64::try_from(yaml::MAX_BYTES).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    let read = if file == Path::new("-") {
        std::io::stdin().lock().take(limit + 1).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(file).and_then(|f| f.take(limit + 1).read_to_end(&mut bytes))
    };
    read.map_err(|e| format!("cannot be read: {e}"))?;
    if bytes.len() > yaml::MAX_BYTES {
        return Err(format!("larger than {} MiB", yaml::MAX_BYTES >> 20));
    }
    String::from_utf8(bytes).map_err(|e| format!("not UTF-8 after byte {}", e.utf8_error().valid_up_to()))
}

fn parse(file: &Path, text: &str, problems: &mut Vec<Diagnostic>) -> Vec<Entry> {
    let name = file.display().to_string();
    let roots = match yaml::parse(&name, text) {
        Ok(roots) => roots,
        Err(problem) => {
            problems.push(problem);
            return Vec::new();
        }
    };
    let mut entries = Vec::new();
    for root in roots {
        let mut findings = Vec::new();
        let entry = document(file, root, &mut findings);
        if findings.is_empty() {
            entries.extend(entry);
        }
        problems.extend(findings.into_iter().map(|f| at(&name, f.place, f.message)));
    }
    entries
}

/// Checks one document; `None` when it cannot even be told what it is.
fn document(file: &Path, root: Node, findings: &mut Vec<Finding>) -> Option<Entry> {
    let kind = header(&root, findings)?;
    let schema = Schema::of::<Envelope>().with("spec", layer(&kind));
    let checked = schema.check(&root, findings);
    if !findings.is_empty() {
        return None;
    }
    let metadata: Metadata = match serde_json::from_value(checked.get("metadata")?.clone()) {
        Ok(metadata) => metadata,
        Err(e) => {
            let place = root.get("metadata").map_or(root.place, |m| m.place);
            findings.push(Finding { place, message: format!("metadata: {e}") });
            return None;
        }
    };
    names_of(&kind, &metadata, &root, findings);
    let mut spec = checked
        .get("spec")
        .cloned()
        .filter(|s| !s.is_null())
        .unwrap_or_else(|| Value::Object(Default::default()));
    let jar = jar_of(file, &mut spec, &root, findings);
    Some(Entry {
        file: file.display().to_string(),
        document: Document { api_version: API_VERSION.to_owned(), kind, metadata, spec },
        jar,
        root,
    })
}

/// The outer form of every document; each kind puts its own layer in `spec`.
#[derive(utoipa::ToSchema)]
#[schema(rename_all = "camelCase")]
#[expect(dead_code, reason = "declares the keys")]
struct Envelope {
    api_version: String,
    kind: String,
    metadata: Metadata,
    #[schema(value_type = Object)]
    spec: Value,
}

/// An application's layer.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "declares the keys")]
struct ApplicationLayer {
    #[schema(value_type = Object)]
    defaults: Value,
}

fn layer(kind: &str) -> Schema {
    let deployment = || Schema::of::<Spec>().with("state", Schema::of::<Desired>());
    match kind {
        "Target" => Schema::of::<TargetSpec>().with("defaults", Schema::of::<Spec>()),
        "Application" => Schema::of::<ApplicationLayer>().with("defaults", Schema::of::<Spec>()),
        _ => deployment(),
    }
}

fn header(root: &Node, findings: &mut Vec<Finding>) -> Option<String> {
    let mut wrong = |place: Place, message: String| findings.push(Finding { place, message });
    match root.get("apiVersion") {
        None => wrong(root.place, format!("apiVersion is missing; write apiVersion: {API_VERSION}")),
        Some(v) if v.text() != Some(API_VERSION) => {
            wrong(v.place, format!("this apiVersion is not known; write {API_VERSION}"));
        }
        Some(_) => {}
    }
    if root.get("metadata").is_none() {
        wrong(root.place, "metadata is missing".to_owned());
    }
    let Some(kind) = root.get("kind") else {
        wrong(root.place, format!("kind is missing; one of {}", KINDS.join(", ")));
        return None;
    };
    match kind.text() {
        Some(word) if KINDS.contains(&word) => Some(word.to_owned()),
        other => {
            let word = other.unwrap_or_default();
            wrong(kind.place, names::UnknownWord::new(word, &KINDS).to_string());
            None
        }
    }
}

fn names_of(kind: &str, metadata: &Metadata, root: &Node, findings: &mut Vec<Finding>) {
    let place = |key: &str| root.nearest(&["metadata", key]).place;
    let mut wrong = |key: &str, message: String| findings.push(Finding { place: place(key), message });
    if let Err(e) = check_name("name", &metadata.name) {
        wrong("name", e.to_string());
    }
    match (&metadata.application, kind) {
        (None, "Deployment") => wrong("application", "metadata.application is missing".to_owned()),
        (Some(app), "Deployment") => {
            if let Err(e) = check_name("application", app) {
                wrong("application", e.to_string());
            }
        }
        (Some(_), _) => wrong("application", format!("a {kind} belongs to no application")),
        (None, _) => {}
    }
}

/// Takes the path out of `artifact.jar` and leaves the file's name as its label.
fn jar_of(file: &Path, spec: &mut Value, root: &Node, findings: &mut Vec<Finding>) -> Option<PathBuf> {
    let (pointer, path) = ["/artifact", "/defaults/artifact"]
        .into_iter()
        .find_map(|p| Some((p, spec.pointer(p)?.get("jar")?.as_str()?.to_owned())))?;
    let has_hash = spec.pointer(pointer).is_some_and(|a| a.get("sha256").is_some_and(|s| !s.is_null()));
    if has_hash || path.contains("://") {
        return None;
    }
    let folder = if file == Path::new("-") { Path::new("") } else { file.parent().unwrap_or(Path::new("")) };
    let jar = folder.join(&path);
    if !jar.is_file() {
        let mut segments = vec!["spec"];
        segments.extend(pointer.split('/').filter(|s| !s.is_empty()));
        segments.push("jar");
        findings.push(Finding {
            place: root.nearest(&segments).place,
            message: format!("no such file: {} (jar paths begin at the manifest's folder)", jar.display()),
        });
        return None;
    }
    let label = jar.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    if let Some(artifact) = spec.pointer_mut(pointer).and_then(Value::as_object_mut) {
        artifact.insert("jar".to_owned(), Value::String(label));
    }
    Some(jar)
}

impl Entry {
    /// Names the version of a deployment's jar.
    pub fn set_version(&mut self, version: &str) {
        if let Some(artifact) = self.document.spec.get_mut("artifact").and_then(Value::as_object_mut) {
            artifact.insert("version".to_owned(), Value::String(version.to_owned()));
        }
    }

    /// Puts the uploaded jar's content hash into the document.
    pub fn set_artifact(&mut self, sha256: &str) {
        for pointer in ["/artifact", "/defaults/artifact"] {
            if let Some(artifact) = self.document.spec.pointer_mut(pointer).and_then(Value::as_object_mut) {
                artifact.insert("sha256".to_owned(), Value::String(sha256.to_owned()));
            }
        }
    }
}

fn duplicates(entries: &[Entry], problems: &mut Vec<Diagnostic>) {
    for (i, entry) in entries.iter().enumerate() {
        let same = |e: &&Entry| {
            e.document.kind == entry.document.kind && e.document.full_name() == entry.document.full_name()
        };
        if let Some(first) = entries[..i].iter().find(same) {
            let place = entry.root.nearest(&["metadata", "name"]).place;
            let earlier = first.root.nearest(&["metadata", "name"]).place;
            problems.push(at(
                &entry.file,
                place,
                format!(
                    "{} {:?} is also at {}:{}:{}",
                    entry.document.kind,
                    entry.document.full_name(),
                    first.file,
                    earlier.line,
                    earlier.column
                ),
            ));
        }
    }
}
