//! A bounded, repeatable number of mutations of a corpus: the short run of fuzzing that CI makes, without nightly.
//! Each file of a corpus is checked as it is, then cut, spliced and garbled by a generator with a fixed seed.
//! It leaves what is checked to the caller, and the search for new paths to libFuzzer.

use std::path::Path;

use proptest::{
    prelude::*,
    sample::{Index, select},
    test_runner::{Config, TestRng, TestRunner},
};

/// Words that parsers look for, or trip over.
const WORDS: &[&[u8]] = &[
    b"\"",
    b"\\",
    b"{",
    b"}",
    b"[",
    b"]",
    b"=",
    b";",
    b",",
    b":",
    b"#",
    b"\n",
    b"\r\n",
    b"\0",
    b"-",
    b"0",
    b"1",
    b"-1",
    b"99999999999999999999",
    b"1e400",
    b"null",
    b"true",
    b"\xff",
    b"\xed\xa0\x80",
    b"\xef\xbb\xbf",
    b"\\ud800",
    b"60Z",
    b"+02:00",
    b"9999-12-31T23:59:60Z",
    b"&a ",
    b"*a",
    b"!!x ",
    b"- ",
    b"---\n",
    b"enable",
    b"[source0]",
    b"[sensor0]",
];

#[derive(Debug, Clone)]
enum Step {
    Cut(Index, Index),
    Insert(Index, &'static [u8]),
    Change(Index, u8),
    Repeat(Index, Index, usize),
    Splice(Index, Index, Index),
}

fn step() -> impl Strategy<Value = Step> {
    let at = any::<Index>;
    prop_oneof![
        1 => (at(), at()).prop_map(|(a, b)| Step::Cut(a, b)),
        3 => (at(), select(WORDS)).prop_map(|(a, word)| Step::Insert(a, word)),
        2 => (at(), any::<u8>()).prop_map(|(a, byte)| Step::Change(a, byte)),
        1 => (at(), at(), 1_usize..200).prop_map(|(a, b, times)| Step::Repeat(a, b, times)),
        1 => (at(), at(), at()).prop_map(|(a, b, c)| Step::Splice(a, b, c)),
    ]
}

impl Step {
    fn apply(&self, data: &mut Vec<u8>, corpus: &[Vec<u8>]) {
        /// Longer than this, a text is no more likely to find anything.
        const MOST: usize = 256 * 1024;
        let range = |a: &Index, b: &Index, length: usize| {
            let (a, b) = (a.index(length + 1), b.index(length + 1));
            a.min(b)..a.max(b)
        };
        match self {
            Self::Cut(a, b) => drop(data.drain(range(a, b, data.len()))),
            Self::Insert(a, word) => {
                let at = a.index(data.len() + 1);
                drop(data.splice(at..at, word.iter().copied()));
            }
            Self::Change(a, byte) => {
                if !data.is_empty() {
                    let at = a.index(data.len());
                    data[at] = *byte;
                }
            }
            Self::Repeat(a, b, times) => {
                let range = range(a, b, data.len());
                let piece = data[range.clone()].repeat((*times).min(MOST / (range.len() + 1)));
                drop(data.splice(range, piece));
            }
            Self::Splice(a, b, c) => {
                let other = &corpus[c.index(corpus.len())];
                data.truncate(a.index(data.len() + 1));
                data.extend_from_slice(&other[b.index(other.len() + 1)..]);
            }
        }
        data.truncate(MOST);
    }
}

/// Checks every file in `folder`, then `count` mutations of them, the same in every run.
pub fn run(folder: &Path, count: u32, check: fn(&[u8])) {
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let corpus: Vec<Vec<u8>> = paths.iter().map(|path| std::fs::read(path).unwrap()).collect();
    assert!(corpus.len() >= 5, "{} has {} files", folder.display(), corpus.len());
    corpus.iter().for_each(|data| check(data));

    let config = Config { cases: count, failure_persistence: None, ..Config::default() };
    let rng = TestRng::deterministic_rng(config.rng_algorithm);
    let mutated = (any::<Index>(), prop::collection::vec(step(), 1..6));
    let outcome = TestRunner::new_with_rng(config, rng).run(&mutated, |(seed, steps)| {
        let mut data = corpus[seed.index(corpus.len())].clone();
        steps.iter().for_each(|step| step.apply(&mut data, &corpus));
        check(&data);
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{}: {error}", folder.display());
    }
}
