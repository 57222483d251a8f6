//! The names of a new extension, all made of one: crate, library, extension, types, what Composer shows.
//! Checked so that cargo, GXF, the registry and Composer take each of them.
//! It leaves putting them into files to `new_extension`.

/// Longest name in bytes: with `Ext`, and as Composer shows it, it stays within the tools' 30.
const LONGEST: usize = 26;

/// There is a libgxf_NAME.so: this project's, or NVIDIA's (source: the wheels of holoscan 1.0.3 to 4.6.0). A process that
/// has loaded one library of a name may take it for the other.
const TAKEN: [&str; 25] = [
    "app",
    "behavior_tree",
    "core",
    "cuda",
    "holoscan_wrapper",
    "holoscan_wrapper_lib",
    "http",
    "logger",
    "multimedia",
    "network",
    "npp",
    "nvds_cloud_msg",
    "nvds_smart_record",
    "pubsub",
    "python_codelet",
    "rmm",
    "sample",
    "serialization",
    "std",
    "stream",
    "stream_playback",
    "stream_playback_lib",
    "ucx",
    "ucx_holoscan",
    "ucx_holoscan_lib",
];

/// One name in all its forms.
#[derive(Debug)]
pub(super) struct Names(String);

impl Names {
    /// Checks a name.
    ///
    /// # Errors
    /// What is wrong with it, what is allowed, and a name that would be.
    pub(super) fn of(name: &str) -> Result<Self, String> {
        if let Some(reason) = mistake(name) {
            let example = suggestion(name).map(|better| format!("; for example {better}")).unwrap_or_default();
            return Err(format!(
                "NAME {}: {reason} (needed: lower-case letters, digits, '_' and '-', a letter first, at most {LONGEST} \
                 bytes{example})",
                gxf::quoted(name)
            ));
        }
        let names = Self(name.to_owned());
        if name == "gxf" {
            return Err("NAME gxf: extensions are written with a crate of this name (needed: another name)".to_owned());
        }
        if TAKEN.contains(&names.snake().as_str()) {
            let library = names.snake();
            return Err(format!("NAME {name}: there is a libgxf_{library}.so already (needed: another name)"));
        }
        Ok(names)
    }

    /// Of the crate: as it was given.
    pub(super) fn package(&self) -> &str {
        &self.0
    }

    /// Of the library behind `libgxf_`, and of the types' namespace: `door_watch`.
    pub(super) fn snake(&self) -> String {
        self.0.replace('-', "_")
    }

    /// What GXF and the registry call the extension: `DoorWatchExt`.
    pub(super) fn extension(&self) -> String {
        self.words().collect::<String>() + "Ext"
    }

    /// What Composer shows: `Door Watch`.
    pub(super) fn title(&self) -> String {
        self.words().collect::<Vec<_>>().join(" ")
    }

    fn words(&self) -> impl Iterator<Item = String> {
        self.0.split(is_separator).map(|word| {
            let mut letters = word.chars();
            letters.next().map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + letters.as_str())
        })
    }
}

fn is_separator(character: char) -> bool {
    character == '_' || character == '-'
}

/// Why a name is none.
fn mistake(name: &str) -> Option<String> {
    let Some(first) = name.chars().next() else { return Some("it is empty".to_owned()) };
    if !first.is_ascii_lowercase() {
        return Some("it does not begin with a lower-case letter".to_owned());
    }
    let is_allowed =
        |character: &char| character.is_ascii_lowercase() || character.is_ascii_digit() || is_separator(*character);
    if let Some(other) = name.chars().find(|character| !is_allowed(character)) {
        return Some(format!("there is {} in it", gxf::quoted(&other.to_string())));
    }
    if name.split(is_separator).any(str::is_empty) {
        return Some("'_' and '-' stand between letters and digits".to_owned());
    }
    (name.len() > LONGEST).then(|| format!("it has {} bytes", name.len()))
}

/// The nearest name that is allowed, if there is one.
fn suggestion(name: &str) -> Option<String> {
    let words: Vec<String> = name
        .split(|character: char| !character.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_ascii_lowercase)
        .collect();
    let joined = words.join("_");
    let from_a_letter = joined.trim_start_matches(|character: char| !character.is_ascii_lowercase());
    let short: String = from_a_letter.chars().take(LONGEST).collect();
    let name = short.trim_end_matches('_');
    (!name.is_empty()).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_name_becomes_all() {
        for (name, snake, extension, title) in [
            ("door_watch", "door_watch", "DoorWatchExt", "Door Watch"),
            ("door-watch-2", "door_watch_2", "DoorWatch2Ext", "Door Watch 2"),
            ("x", "x", "XExt", "X"),
        ] {
            let names = Names::of(name).unwrap();
            assert_eq!(
                (names.package(), names.snake(), names.extension(), names.title()),
                (name, snake.to_owned(), extension.to_owned(), title.to_owned())
            );
        }
    }

    #[test]
    fn the_longest_name_fits_the_tools() {
        let name = "a".repeat(LONGEST);
        let names = Names::of(&name).unwrap();
        assert!(names.title().len() <= 30 && names.extension().len() <= 30);
        // The longest default of an author.
        assert!(format!("The authors of {name}").len() <= 64);
    }

    #[test]
    fn a_bad_name_is_told_with_a_better_one() {
        for (name, reason, better) in [
            ("Door Watch", "it does not begin with a lower-case letter", "door_watch"),
            ("door.watch", "there is '.' in it", "door_watch"),
            ("2doors", "it does not begin with a lower-case letter", "doors"),
            ("türe", "in it", "t_re"),
            ("-door", "it does not begin with a lower-case letter", "door"),
            ("door_", "between letters and digits", "door"),
            ("door_-watch", "between letters and digits", "door_watch"),
            ("../door", "it does not begin with a lower-case letter", "door"),
            ("a_name_of_twenty_seven_bytes", "it has 28 bytes", "a_name_of_twenty_seven_byt"),
        ] {
            let error = Names::of(name).unwrap_err();
            assert!(error.contains(reason), "{error}");
            assert!(error.ends_with(&format!("; for example {better})")), "{error}");
            assert!(Names::of(better).is_ok(), "{better}");
        }
        for (name, reason) in [
            ("", "it is empty"),
            ("42", "it does not begin with a lower-case letter"),
            ("gxf", "extensions are written with a crate of this name"),
            ("python-codelet", "there is a libgxf_python_codelet.so already"),
        ] {
            let error = Names::of(name).unwrap_err();
            assert!(error.contains(reason) && error.contains("needed:") && !error.contains("for example"), "{error}");
        }
    }
}
