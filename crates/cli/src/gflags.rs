//! Rewrites options as gxe takes them (gflags: one dash or two, `-run`, `-norun`) into clap's spelling.
//! Only the spelling changes; nothing is dropped, and nothing is judged.
//! It leaves which options exist, and what their values mean, to `gxe`.

use std::ffi::OsString;

/// Boolean options, which gflags also takes as `-name` and `-noname`.
const BOOLEANS: [&str; 1] = ["run"];

/// `arguments`, each option with two dashes and each negated boolean as `--name=false`.
///
/// What follows a bare `--` stays as it is, and so do one-letter options, `-h` above all.
pub fn normalize(arguments: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut options_ended = false;
    let rewrite = |argument: OsString| {
        options_ended |= argument == "--";
        // An option's name is ASCII; an argument in another encoding can only be a value.
        match argument.to_str() {
            Some(text) if !options_ended => option(text).map_or(argument, OsString::from),
            _ => argument,
        }
    };
    arguments.into_iter().map(rewrite).collect()
}

/// The rewritten option; `None` if `text` is none or needs no rewriting.
fn option(text: &str) -> Option<String> {
    let long = text.strip_prefix("--").or_else(|| {
        let short = text.strip_prefix('-')?;
        let word = short.len() > 1 && short.starts_with(|c: char| c.is_ascii_alphabetic());
        // `-h=x` would be a one-letter option.
        (word && !short[1..].starts_with('=')).then_some(short)
    })?;
    let negated = long.strip_prefix("no").filter(|name| BOOLEANS.contains(name));
    Some(match negated {
        Some(name) => format!("--{name}=false"),
        None => format!("--{long}"),
    })
}

/// Reads a boolean in gflags' words, of any case.
///
/// # Errors
/// Names the words.
pub fn boolean(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "1" | "t" | "true" | "y" | "yes" => Ok(true),
        "0" | "f" | "false" | "n" | "no" => Ok(false),
        _ => Err("allowed: true or false".into()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn normalized(arguments: &[&str]) -> Vec<String> {
        normalize(arguments.iter().map(OsString::from))
            .into_iter()
            .map(|argument| argument.into_string().unwrap())
            .collect()
    }

    #[test]
    fn one_dash_is_as_good_as_two() {
        for (given, wanted) in [
            ("-app=x", "--app=x"),
            ("--app=x", "--app=x"),
            ("-app", "--app"),
            ("-run", "--run"),
            ("-norun", "--run=false"),
            ("--norun", "--run=false"),
            ("-nonsense", "--nonsense"),
            ("-app=a=-b", "--app=a=-b"),
            // Not options: values, one-letter options, standard input.
            ("x", "x"),
            ("-1", "-1"),
            ("-h", "-h"),
            ("-h=1", "-h=1"),
            ("-", "-"),
            ("", ""),
        ] {
            assert_eq!(normalized(&[given]), [wanted]);
        }
    }

    #[test]
    fn after_two_dashes_nothing_is_an_option() {
        assert_eq!(normalized(&["-app", "x", "--", "-app"]), ["--app", "x", "--", "-app"]);
    }

    #[test]
    fn booleans_in_gflags_words() {
        for text in ["1", "t", "true", "TRUE", "y", "Yes"] {
            assert_eq!(boolean(text), Ok(true));
        }
        for text in ["0", "f", "False", "n", "no"] {
            assert_eq!(boolean(text), Ok(false));
        }
        for text in ["", "2", "on", "truee"] {
            assert!(boolean(text).unwrap_err().contains("true or false"));
        }
    }

    proptest! {
        #[test]
        fn normalizing_twice_changes_nothing(arguments in prop::collection::vec("-{0,3}[a-z0-9=]{0,6}", 0..6)) {
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            let once = normalized(&arguments);
            prop_assert_eq!(once.len(), arguments.len());
            prop_assert_eq!(normalized(&once.iter().map(String::as_str).collect::<Vec<_>>()), once);
        }
    }
}
