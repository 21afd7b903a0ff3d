//! Secrets in specs: references pass, literal ones are found. A spec is stored and shown for ever, so that what is
//! written in it in plain text could neither be hidden again nor, masked, be rolled back to.

use serde_json::Value;

use super::spec::SpecError;

/// Flink's own list of sensitive keys.
const SENSITIVE: &[&str] = &[
    "password",
    "secret",
    "fs.azure.account.key",
    "apikey",
    "api-key",
    "auth-params",
    "service-key",
    "token",
    "basic-auth",
    "jaas.config",
    "http-headers",
];

/// A key whose last word is one of these tells of a secret, and is none: `--password-file`, `--token-column`,
/// `security.delegation.tokens.enabled`.
const ABOUT: &[&str] = &[
    "backoff",
    "class",
    "column",
    "count",
    "dir",
    "enabled",
    "endpoint",
    "field",
    "file",
    "length",
    "limit",
    "name",
    "path",
    "provider",
    "ratio",
    "table",
    "timeout",
    "tokenizer",
    "topic",
    "ttl",
    "type",
    "uri",
    "url",
];

/// Whether values under this key or flag are secrets.
#[must_use]
pub fn is_sensitive(key: &str) -> bool {
    let lower = key.to_lowercase();
    SENSITIVE.iter().any(|s| lower.contains(s)) && !ABOUT.contains(&last_word(key).as_str())
}

/// `column` of `--token-column`, `token_column`, `tokenColumn`, `token.column`.
fn last_word(key: &str) -> String {
    let word = key.rsplit(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
    // Of a word that is written in capitals there is no last one.
    let hump = word.rfind(char::is_uppercase).filter(|_| word.contains(char::is_lowercase)).unwrap_or(0);
    word[hump..].to_lowercase()
}

/// Whether a value is a reference to a secret: `${file:NAME}` or `${env:NAME}`, wholly.
#[must_use]
pub fn is_reference(value: &str) -> bool {
    value
        .strip_prefix("${")
        .and_then(|v| v.strip_suffix('}'))
        .is_some_and(|v| !v.contains('}') && (v.starts_with("file:") || v.starts_with("env:")))
}

/// A value that can be a secret: references, switches and nothing are none.
fn can_be_secret(value: &str) -> bool {
    !value.is_empty() && !is_reference(value) && !matches!(value, "true" | "false")
}

/// Literal secrets in a spec, each with the form to use instead.
#[must_use]
pub fn literal_secrets(value: &Value) -> Vec<SpecError> {
    let conf = value.get("flinkConfiguration").and_then(Value::as_object).into_iter().flatten();
    let conf = conf.filter_map(|(key, v)| {
        let message = in_configuration(key, v)?;
        Some(SpecError { path: format!("flinkConfiguration/{key}"), message: message.to_owned() })
    });
    let args = value.pointer("/artifact/args").and_then(Value::as_array).into_iter().flatten();
    let args: Vec<&str> = args.filter_map(Value::as_str).collect();
    let found = (0..args.len()).filter_map(|i| {
        let message = in_argument(args[i], args.get(i + 1).copied())?;
        Some(SpecError { path: format!("artifact/args/{i}"), message: message.to_owned() })
    });
    conf.chain(found).collect()
}

/// What to write instead of a secret.
const REFER: &str = "a literal secret is not stored; write ${file:NAME} (a file below the manager's secrets-dir) or ${env:NAME}";

/// What to write instead of a value with a secret in it.
const REFER_WHOLLY: &str = "a password inside a value is not stored; write the whole value as ${file:NAME} (a file \
    below the manager's secrets-dir) or ${env:NAME}";

fn in_configuration(key: &str, value: &Value) -> Option<&'static str> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Null | Value::Bool(_) => return None,
        other => other.to_string(),
    };
    match () {
        () if is_sensitive(key) && can_be_secret(&text) => Some(REFER),
        () if holds_secret(&text) => Some(REFER_WHOLLY),
        () => None,
    }
}

fn in_argument(arg: &str, next: Option<&str>) -> Option<&'static str> {
    let is_literal = match arg.split_once('=') {
        Some((flag, v)) => is_sensitive(flag) && can_be_secret(v),
        None => {
            arg.starts_with('-')
                && is_sensitive(arg)
                && next.is_some_and(|v| can_be_secret(v) && !is_option(v))
        }
    };
    match () {
        () if is_literal => Some(REFER),
        () if holds_secret(arg) => Some(REFER_WHOLLY),
        () => None,
    }
}

/// Whether what follows a flag is the next flag, rather than its value: `--rate`, `-r`, `-rate`. A secret may begin with a
/// dash too; it has something in it that names of options do not have.
fn is_option(arg: &str) -> bool {
    let (name, has_digits) = match (arg.strip_prefix("--"), arg.strip_prefix('-')) {
        (Some(long), _) => (long, true),
        (None, Some(short)) => (short, false),
        (None, None) => return false,
    };
    let name = name.split('=').next().unwrap_or(name);
    name.is_empty()
        || name.starts_with(|c: char| c.is_ascii_alphabetic())
            && name.chars().all(|c| {
                c.is_ascii_alphabetic() || matches!(c, '-' | '_' | '.') || (has_digits && c.is_ascii_digit())
            })
}

/// A URL with a password, or with a parameter that is one; the configuration of a login.
fn holds_secret(text: &str) -> bool {
    has_password(text) || has_secret_parameter(text)
}

/// `scheme://user:password@host`.
fn has_password(text: &str) -> bool {
    text.split("://").skip(1).any(|rest| {
        let end = rest.find(|c: char| c.is_whitespace() || "/?#\"'".contains(c)).unwrap_or(rest.len());
        let user = rest[..end].rsplit_once('@').map(|(user, _)| user);
        user.and_then(|u| u.split_once(':')).is_some_and(|(_, password)| !password.is_empty())
    })
}

/// `jdbc:…?user=u&password=p`, `jdbc:…;password=p`, `LoginModule required password="p";`.
fn has_secret_parameter(text: &str) -> bool {
    let has_parameters = ["://", "jdbc:", "LoginModule"].iter().any(|mark| text.contains(mark));
    let parameters = text.split(|c: char| c.is_whitespace() || "?&;".contains(c)).skip(1);
    has_parameters
        && parameters.filter_map(|p| p.split_once('=')).any(|(key, v)| is_sensitive(key) && can_be_secret(v))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    fn found(spec: &Value) -> Vec<String> {
        literal_secrets(spec).into_iter().map(|e| e.path).collect()
    }

    #[rstest]
    #[case::after_a_flag(&["--db-password", "x"], &[0])]
    #[case::with_the_flag(&["--rate=5", "--api-key=y"], &[1])]
    #[case::it_begins_with_a_dash(&["--password", "-s3cret"], &[0])]
    #[case::and_with_two(&["--password", "--Tr0ub4dor&3"], &[0])]
    #[case::in_capitals(&["--PASSWORD=x"], &[0])]
    #[case::a_property(&["-Ddb.password=x"], &[0])]
    #[case::a_parameter(&["--url=jdbc:mysql://h/db?user=u&password=x"], &[0])]
    #[case::the_first_parameter(&["jdbc:mysql://h/db?password=x"], &[0])]
    #[case::between_semicolons(&["--url", "jdbc:sqlserver://h:1;user=u;password=x;a=b"], &[1])]
    #[case::of_a_user(&["--url=jdbc:mysql://u:p@h/db"], &[0])]
    #[case::with_an_at(&["amqp://u:p@ss@h"], &[0])]
    #[case::without_a_user(&["redis://:p@h:6379"], &[0])]
    #[case::in_the_second_of_two(&["http://h,http://u:p@h"], &[0])]
    #[case::of_a_login(&["--jaas", "org.x.PlainLoginModule required username=\"u\" password=\"p\";"], &[1])]
    #[case::a_reference_inside_is_not_resolved(&["--url=jdbc:mysql://u:${file:pw}@h/db"], &[0])]
    fn literal_secrets_in_arguments_are_found(#[case] args: &[&str], #[case] expected: &[usize]) {
        let expected: Vec<String> = expected.iter().map(|i| format!("artifact/args/{i}")).collect();
        assert_eq!(found(&json!({ "artifact": { "args": args } })), expected);
    }

    #[rstest]
    #[case::references(&["--db-password", "${env:DB}", "--token=${file:t}", "--url=${file:url}"])]
    #[case::a_column(&["--token-column=name"])]
    #[case::a_file(&["--password-file", "/run/secrets/db", "--tokenFile=/x", "--secret_path=/x"])]
    #[case::switches(&["--use-token=true", "--use-token", "false"])]
    #[case::a_flag_without_a_value(&["--ask-password", "--rate", "5", "--read-token", "-r", "5", "--token", "-rate"])]
    #[case::from_the_standard_input(&["--password", "-"])]
    #[case::at_the_end(&["--password"])]
    #[case::an_empty_one(&["--password="])]
    #[case::words(&["the", "secret", "sauce", "password"])]
    #[case::addresses(&["http://h:8081/a@b", "s3://bucket/x:y@z", "abfs://container@account/x", "http://[::1]:80"])]
    #[case::a_user_alone(&["jdbc:mysql://u@h/db?user=u&useSSL=true"])]
    #[case::about_a_secret(&["--url=https://h/x?token-type=a&tokenUrl=b"])]
    #[case::a_query(&["--query=select * from t where token='x'"])]
    fn what_only_looks_like_one_passes(#[case] args: &[&str]) {
        assert_eq!(found(&json!({ "artifact": { "args": args } })), [""; 0]);
    }

    #[rstest]
    #[case::by_its_key("s3.secret-key", json!("abc"), true)]
    #[case::a_number("s3.secret-key", json!(5), true)]
    #[case::a_reference("s3.secret-key", json!("${file:s3}"), false)]
    #[case::removed("s3.secret-key", json!(null), false)]
    #[case::a_switch("security.delegation.tokens.enabled", json!("true"), false)]
    #[case::a_pause("security.delegation.tokens.renewal.retry.backoff", json!("1 h"), false)]
    #[case::a_url("metrics.reporter.influx.url", json!("http://u:p@h:8086"), true)]
    #[case::a_url_without("metrics.reporter.influx.url", json!("http://h:8086"), false)]
    fn literal_secrets_in_the_configuration_are_found(
        #[case] key: &str,
        #[case] value: Value,
        #[case] expected: bool,
    ) {
        let path = format!("flinkConfiguration/{key}");
        let expected: Vec<String> = expected.then_some(path).into_iter().collect();
        assert_eq!(found(&json!({ "flinkConfiguration": { key: value } })), expected);
    }

    #[test]
    fn the_form_to_use_is_named() {
        for arg in ["--password=x", "jdbc:mysql://u:p@h/db"] {
            let found = literal_secrets(&json!({ "artifact": { "args": [arg] } }));
            assert!(found[0].message.contains("${file:NAME}"), "{found:?}");
        }
    }
}
