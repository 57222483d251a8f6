//! Tests of `gxe`'s options as a user types them, through the whole command line.
//! What the options then do is tested with the real binary and the real runtime in `tests/gxe.rs`.
//! Single words and values are tested in `gflags` and `parameter_override`.

use std::ffi::OsString;

use clap::Parser;

use super::*;
use crate::{Command, CommandLine};

fn parse(arguments: &[&str]) -> Result<Options, clap::Error> {
    let command_line = ["smart-record", "gxe"].iter().chain(arguments).map(OsString::from);
    let Command::Gxe(options) = CommandLine::try_parse_from(gflags::normalize(command_line))?.command else {
        panic!("another command")
    };
    Ok(options)
}

fn options(arguments: &[&str]) -> Options {
    parse(arguments).unwrap_or_else(|error| panic!("{arguments:?}: {error}"))
}

fn refused(arguments: &[&str]) -> String {
    match parse(arguments) {
        Ok(options) => panic!("{arguments:?} was read as {options:?}"),
        Err(error) => crate::first_paragraph(&error),
    }
}

#[test]
fn gflags_four_spellings() {
    for spelling in [&["-app=x"][..], &["--app=x"], &["-app", "x"], &["--app", "x"]] {
        assert_eq!(options(spelling).app, "x");
    }
    for spelling in ["-app_root=/r", "--app_root=/r", "--app-root=/r"] {
        assert_eq!(options(&[spelling]).app_root.as_deref(), Some(Path::new("/r")));
    }
}

#[test]
fn what_is_left_out_is_gxes_default() {
    let options = options(&[]);
    assert!(options.run);
    assert_eq!(options.severity, -1);
    assert!(options.graph_files().is_empty() && options.param.is_empty());
    assert!(options.log_file_path.is_none() && options.gxf_root.is_none());
}

#[test]
fn run_is_a_gflags_boolean() {
    for (argument, run) in
        [("-run", true), ("--run=true", true), ("-run=false", false), ("--run=0", false), ("-norun", false)]
    {
        assert_eq!(options(&[argument]).run, run, "{argument}");
    }
    assert!(refused(&["-run=maybe"]).contains("allowed: true or false"));
    // gflags, too, reads a value of a boolean only after "=".
    assert!(refused(&["-run", "false"]).contains("'false'"));
}

#[test]
fn of_an_option_given_twice_the_last_counts_and_params_add_up() {
    let options = options(&[
        "-app",
        "a",
        "-severity=1",
        "-app=b",
        "-severity",
        "5",
        "--param=e/c/k=1",
        "-param=e/c/l=2,3",
        "--param",
        "e/c/m=4",
    ]);
    assert_eq!((options.app.as_str(), options.severity), ("b", 5));
    let params: Vec<&str> = options.param.iter().map(ParameterOverride::as_str).collect();
    assert_eq!(params, ["e/c/k=1", "e/c/l=2,3", "e/c/m=4"]);
}

#[test]
fn files_are_lists() {
    let files = |arguments: &[&str]| {
        let files = options(arguments).graph_files();
        files.iter().map(|file| file.display().to_string()).collect::<Vec<_>>()
    };
    assert_eq!(files(&["-app=a.yaml,b.yaml,"]), ["a.yaml", "b.yaml"]);
    assert_eq!(files(&["-app=a.yaml,/b.yaml", "-graph_directory=g"]), ["g/a.yaml", "g//b.yaml"]);
    assert_eq!(pieces("m,n").collect::<Vec<_>>(), ["m", "n"]);
}

#[test]
fn what_is_refused_in_one_line() {
    for (arguments, words) in [
        (&["-severity=6"][..], "6 is not in -1..=5"),
        (&["-severity=high"], "invalid digit"),
        (&["-nonsense"], "--nonsense"),
        (&["stray"], "'stray'"),
        (&["--param=a/b=1"], "'a/b' does not name one parameter"),
        (&["-app"], "a value is required"),
    ] {
        let error = refused(arguments);
        assert!(error.contains(words), "{error:?} does not say {words:?}");
        assert!(!error.contains('\n') && error.ends_with("(see --help)"), "{error:?}");
    }
}
