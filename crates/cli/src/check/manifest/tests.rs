//! Each rule with a manifest that breaks it and nothing else.
use super::*;

const GOOD: &str = "\
name: MyExtension
extension_library: build/libgxf_my.so
uuid: 11111111-2222-3333-4444-555555555555
version: 1.0.0
license_file: LICENSE
priority: 1
platform: {arch: x86_64, os: linux, distribution: ubuntu_22.04}
compute: {cuda: null, cudnn: null, tensorrt: null, deepstream: null, triton: null, vpi: null}
dependencies:
- {extension: StandardExtension, uuid: 8ec2d5d6-b5df-48bf-8dee-0252606fdd7e, version: 2.7.0}
";

fn findings(text: &str) -> Vec<String> {
    read(text).1.iter().map(ToString::to_string).collect()
}

/// `GOOD` with the line that begins with `key` replaced; it must give exactly one finding with all `words`.
fn bad(key: &str, line: &str, words: &[&str]) {
    let text: String = GOOD
        .lines()
        .map(|each| if each.starts_with(key) { line } else { each })
        .filter(|each| !each.is_empty())
        .map(|each| format!("{each}\n"))
        .collect();
    assert_ne!(text, GOOD, "{key}");
    let found = findings(&text);
    assert_eq!(found.len(), 1, "{line:?}: {found:#?}");
    assert!(found[0].contains("(needed: "), "{found:?}");
    for word in words {
        assert!(found[0].contains(word), "{line:?}: '{word}' is not in {found:?}");
    }
}

/// `GOOD` with one more line.
fn more(line: &str, words: &[&str]) {
    let found = findings(&format!("{GOOD}{line}\n"));
    assert_eq!(found.len(), 1, "{line:?}: {found:#?}");
    assert!(words.iter().all(|word| found[0].contains(word)), "{line:?}: {found:?}");
}

#[test]
fn a_good_manifest_has_no_findings() {
    assert_eq!(findings(GOOD), Vec::<String>::new());
    let full = format!(
        "{}labels: [a, b]\nheaders: [a/b.h]\nnamespace: mine\npython_alias: null\nurl: ignored\nbrief: \" words \"\n",
        GOOD.replace("cuda: null", "cuda: \"12.6\"").replace("priority: 1", "priority: '100'")
    );
    let (manifest, found) = read(&full);
    assert_eq!(found, []);
    assert_eq!(manifest.name.as_deref(), Some("MyExtension"));
    assert_eq!(manifest.arch.as_deref(), Some("x86_64"));
    assert_eq!(manifest.dependencies[0].version.as_deref(), Some("2.7.0"));
    let files: Vec<_> = manifest.files.iter().map(|(key, path)| (*key, path.as_str())).collect();
    let wanted = [("extension_library", "build/libgxf_my.so"), ("license_file", "LICENSE"), ("headers", "a/b.h")];
    assert_eq!(files, wanted);
    assert_eq!(manifest.texts, [("brief", "words".to_owned())]);
}

#[test]
fn what_is_no_manifest_is_one_finding() {
    for text in ["", "[]", "words", "a: [", "name: a\nname: b\n"] {
        assert_eq!(findings(text).len(), 1, "{text:?}");
    }
}

#[test]
fn every_required_key_is_missed() {
    for key in ["name", "extension_library", "uuid", "version", "license_file", "priority", "platform", "compute"] {
        bad(key, "", &[key, "missing"]);
    }
}

#[test]
fn names() {
    for name in ["my-ext", "my ext", "my.ext", "1ext", "_ext", "\u{e4}xt", "''", "\"a\\n\""] {
        bad("name", &format!("name: {name}"), &["name", "letters, digits and underscores"]);
    }
    bad("name", &format!("name: {}", "a".repeat(257)), &["256"]);
    bad("name", "name: 5", &["number"]);
    bad("name", "name: [a]", &["no text"]);
}

#[test]
fn uuids() {
    for uuid in [
        "11111111-2222-3333-4444-55555555555",
        "11111111-2222-3333-4444-5555555555555",
        "AAAAAAAA-2222-3333-4444-555555555555",
        "g1111111-2222-3333-4444-555555555555",
        "111111112222333344445555555555555555",
    ] {
        bad("uuid", &format!("uuid: \"{uuid}\""), &["uuid", "8-4-4-4-12"]);
    }
}

#[test]
fn versions() {
    for version in ["\"1.0\"", "1.0.0.0", "01.0.0", "1.00.0", "1.0.0-rc1", "1.0.0+a", "v1.0.0", "\"\"", "1.0."] {
        bad("version", &format!("version: {version}"), &["version", "three numbers"]);
    }
    bad("version", "version: 1.0", &["1.0 for a number", "quotes"]);
}

#[test]
fn licenses() {
    bad("license_file", "license_file: LICENSE.txt", &["would not be published", "LICENSE"]);
    for none in ["", " null", " None"] {
        bad("license_file", &format!("license_file:{none}"), &["there is none"]);
    }
}

#[test]
fn priorities() {
    for priority in ["101", "-1", "1.5", "high", "'+1'", "null"] {
        bad("priority", &format!("priority: {priority}"), &["0 to 100"]);
    }
}

#[test]
fn platforms() {
    bad("platform", "platform: {os: linux, distribution: ubuntu_22.04}", &["platform.arch", "missing"]);
    bad("platform", "platform: {arch: arm64, os: linux, distribution: rhel9}", &["platform.arch", "aarch64"]);
    bad("platform", "platform: {arch: aarch64, os: windows, distribution: rhel9}", &["platform.os", "qnx"]);
    bad(
        "platform",
        "platform: {arch: aarch64_sbsa, os: linux, distribution: ubuntu_24.04}",
        &["platform.distribution", "ubuntu_22.04 or qnx_sdp_7.1 or rhel9"],
    );
    bad("platform", "platform: x86_64", &["no map"]);
}

#[test]
fn compute() {
    let with = |line: &str| format!("compute: {{cuda: null, cudnn: null, tensorrt: null, deepstream: null, {line}}}");
    bad("compute", &with("triton: null"), &["compute.vpi", "missing"]);
    bad("compute", &with("triton: null, vpi: null, opencv: null"), &["compute.opencv", "refuses"]);
    bad("compute", &with("triton: null, vpi: 12.10"), &["compute.vpi", "quotes"]);
    bad("compute", &with("triton: null, vpi: newest"), &["compute.vpi", "no version"]);
    bad("compute", &with("triton: null, vpi: [1]"), &["compute.vpi", "no version"]);
    bad("compute", "compute: null", &["no map"]);
}

#[test]
fn dependencies() {
    let one = "- {extension: StandardExtension, uuid: 8ec2d5d6-b5df-48bf-8dee-0252606fdd7e, version: 2.7.0}";
    bad("- {", "- StandardExtension", &["dependencies[0]", "no map"]);
    bad("- {", "- {extension: StandardExtension}", &["dependencies[0].version", "missing"]);
    bad("- {", "- {extension: StandardExtension, version: 2.7}", &["dependencies[0].version", "number"]);
    bad("- {", "- {version: 2.7.0}", &["names no extension"]);
    bad("- {", "- {uuid: StandardExtension, version: 2.7.0}", &["dependencies[0].uuid", "8-4-4-4-12"]);
    bad("- {", &format!("{one}\n{one}"), &["dependencies[1]", "twice"]);
    let null = GOOD.replace(&format!("dependencies:\n{one}\n"), "dependencies:\n");
    assert!(findings(&null)[0].contains("no list"), "{:?}", findings(&null));
    // By name alone, and none at all: both are allowed.
    let named = GOOD.replace(", uuid: 8ec2d5d6-b5df-48bf-8dee-0252606fdd7e", "");
    assert_eq!(findings(&named), Vec::<String>::new());
    assert_eq!(findings(&GOOD.replace(&format!("dependencies:\n{one}\n"), "")), Vec::<String>::new());
}

#[test]
fn lists_and_folders() {
    more("labels: recording", &["labels", "no list"]);
    more("labels: [1]", &["labels", "no list of texts"]);
    for key in FILE_LISTS {
        more(&format!("{key}: a.h"), &[key, "no list"]);
        more(&format!("{key}: [[a]]"), &[key, "no text"]);
    }
    more("namespace: [a]", &["namespace", "no text"]);
    more("python_alias: 5", &["python_alias", "no text"]);
}
