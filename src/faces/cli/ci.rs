//! What a pipeline knows of the program that it has built: the commit, which is the version of a jar that it brings.

/// Variables of CI systems that name the commit: GitHub Actions, GitLab, Jenkins, Buildkite, CircleCI.
const COMMIT: [&str; 5] = ["GITHUB_SHA", "CI_COMMIT_SHA", "GIT_COMMIT", "BUILDKITE_COMMIT", "CIRCLE_SHA1"];

/// So many characters of a commit tell it from others.
const SHORT: usize = 8;

/// The version that the environment names, where a pipeline runs.
pub(super) fn version<'a>(var: impl Fn(&str) -> Option<&'a str>) -> Option<String> {
    let is_hash = |v: &&str| v.len() >= SHORT && v.bytes().all(|b| b.is_ascii_hexdigit());
    let commit = COMMIT.iter().filter_map(|name| var(name)).find(is_hash)?;
    commit.get(..SHORT).map(str::to_lowercase)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::github(&[("GITHUB_SHA", "33de6a1f0c9b8e7d6c5b4a39281706f5e4d3c2b1")], Some("33de6a1f"))]
    #[case::gitlab(&[("CI_COMMIT_SHA", "0a1b2c3d4e5f60718293a4b5c6d7e8f901234567")], Some("0a1b2c3d"))]
    #[case::jenkins(&[("GIT_COMMIT", "ABCDEF0123456789")], Some("abcdef01"))]
    #[case::buildkite(&[("BUILDKITE_COMMIT", "12345678")], Some("12345678"))]
    #[case::circle(&[("CIRCLE_SHA1", "fedcba9876543210")], Some("fedcba98"))]
    #[case::the_first_that_is_one(&[("BUILDKITE_COMMIT", "HEAD"), ("CIRCLE_SHA1", "fedcba9876543210")], Some("fedcba98"))]
    #[case::a_branch(&[("GIT_COMMIT", "refs/heads/main")], None)]
    #[case::too_short(&[("GIT_COMMIT", "abc")], None)]
    #[case::another_variable(&[("COMMIT", "fedcba9876543210")], None)]
    #[case::no_pipeline(&[], None)]
    fn the_commit_is_the_version(#[case] environment: &[(&str, &str)], #[case] expected: Option<&str>) {
        let var = |name: &str| environment.iter().find(|(k, _)| *k == name).map(|(_, v)| *v);
        assert_eq!(version(var).as_deref(), expected);
    }
}
