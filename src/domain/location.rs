//! Paths of savepoints: submitted exactly as Flink returned them, compared in a normal form.

/// The form in which two locations are compared: scheme aliases joined, empty authority dropped, slashes collapsed,
/// trailing slash and `_metadata` removed.
#[must_use]
pub fn normalised(location: &str) -> String {
    let (scheme, rest) = match location.split_once(':') {
        Some((s, rest)) if !s.contains('/') => (alias(s), rest),
        _ => ("file", location),
    };
    let (authority, path) = match rest.strip_prefix("//") {
        Some(r) => r.split_once('/').map_or((r, ""), |(a, p)| (a, p)),
        None => ("", rest.trim_start_matches('/')),
    };
    let mut parts: Vec<&str> = path.split('/').filter(|p| !p.is_empty() && *p != ".").collect();
    if parts.last() == Some(&"_metadata") {
        parts.pop();
    }
    format!("{scheme}://{authority}/{}", parts.join("/"))
}

fn alias(scheme: &str) -> &str {
    match scheme {
        "s3a" | "s3p" | "s3n" => "s3",
        s => s,
    }
}

/// Whether two locations name the same snapshot. An empty authority equals any.
#[must_use]
pub fn same(a: &str, b: &str) -> bool {
    if a == b {
        return true;
    }
    let (a, b) = (normalised(a), normalised(b));
    a == b
        || split(&a).is_some_and(|(sa, aa, pa)| {
            split(&b).is_some_and(|(sb, ab, pb)| sa == sb && pa == pb && (aa.is_empty() || ab.is_empty()))
        })
}

fn split(normal: &str) -> Option<(&str, &str, &str)> {
    let (scheme, rest) = normal.split_once("://")?;
    let (authority, path) = rest.split_once('/')?;
    Some((scheme, authority, path))
}

/// Whether `location` lies below the directory `base`.
#[must_use]
pub fn is_below(location: &str, base: &str) -> bool {
    let (Some((sl, al, pl)), Some((sb, ab, pb))) = (
        split(&normalised(location)).map(|(a, b, c)| (a.to_owned(), b.to_owned(), c.to_owned())),
        split(&normalised(base)).map(|(a, b, c)| (a.to_owned(), b.to_owned(), c.to_owned())),
    ) else {
        return false;
    };
    sl == sb
        && (al == ab || al.is_empty() || ab.is_empty())
        && pl.strip_prefix(&pb).is_some_and(|r| r.starts_with('/') || pb.is_empty())
}

/// The local path of a `file:` location or a bare absolute path.
#[must_use]
pub fn local_path(location: &str) -> Option<String> {
    let normal = normalised(location);
    let (scheme, authority, path) = split(&normal)?;
    (scheme == "file" && (authority.is_empty() || authority == "localhost")).then(|| format!("/{path}"))
}

/// The directory for the savepoint of one attempt of one operation; Flink makes one child `savepoint-…` there.
#[must_use]
pub fn attempt_directory(base: &str, deployment: &str, operation: &str, attempt: u32) -> String {
    format!("{}/nutkin/{deployment}/{operation}-{attempt}", base.trim_end_matches('/'))
}

/// The checkpoint number in a path ending with `chk-N`.
#[must_use]
pub fn checkpoint_number(location: &str) -> Option<u64> {
    normalised(location).rsplit('/').next()?.strip_prefix("chk-")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aliases_slashes_and_metadata_do_not_matter() {
        let same_pairs = [
            ("file:/a/b/savepoint-1", "file:///a//b/savepoint-1/"),
            ("/a/b", "file:/a/b/_metadata"),
            ("s3a://bucket/x", "s3://bucket/x/"),
            ("hdfs:///x/y", "hdfs://namenode:8020/x/y"),
        ];
        for (a, b) in same_pairs {
            assert!(same(a, b), "{a} {b}");
        }
        for (a, b) in [("file:/a/b", "file:/a/c"), ("s3://one/x", "s3://two/x"), ("s3://b/x", "hdfs://b/x")] {
            assert!(!same(a, b), "{a} {b}");
        }
    }

    #[test]
    fn below_and_local() {
        assert!(is_below("file:/sp/nutkin/d/o-1/savepoint-x", "file:///sp/nutkin/d/o-1"));
        assert!(!is_below("file:/sp/nutkin/d/o-10/s", "file:///sp/nutkin/d/o-1"));
        assert_eq!(local_path("file:/a/b/"), Some("/a/b".into()));
        assert_eq!(local_path("s3://a/b"), None);
        assert_eq!(checkpoint_number("file:/c/jobid/chk-12/_metadata"), Some(12));
    }
}
