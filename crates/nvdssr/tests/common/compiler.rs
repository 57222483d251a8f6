//! Compiles the C programs of tests/programs as their users would, all warnings being errors, and runs them.
//! The headers of GLib and GStreamer are the system's: their warnings are not ours.
//! Left to others: what the programs do.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::headers;
use super::library::FILE_NAME;

/// The folder of the C programs.
pub fn programs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/programs")
}

/// A compiler call in the making.
pub struct Compiler {
    command: Command,
    folder: PathBuf,
}

impl Compiler {
    /// C11 in this folder.
    pub fn c11(folder: &Path) -> Self {
        Self::new("gcc", &["-std=c11"], folder)
    }

    /// C++17 in this folder.
    pub fn cpp17(folder: &Path) -> Self {
        Self::new("g++", &["-x", "c++", "-std=c++17"], folder)
    }

    fn new(compiler: &str, language: &[&str], folder: &Path) -> Self {
        let mut command = Command::new(compiler);
        command.args(language).args(["-Wall", "-Wextra", "-pedantic", "-Werror", "-g"]);
        Self { command, folder: folder.into() }
    }

    /// Adds a flag.
    pub fn flag(mut self, flag: impl AsRef<OsStr>) -> Self {
        self.command.arg(flag);
        self
    }

    /// GStreamer, and our header.
    pub fn gstreamer(self) -> Self {
        let flags = pkg_config(&["--cflags", "gstreamer-1.0"], &[]);
        let mut compiler = flags.split_whitespace().fold(self, |compiler, flag| {
            compiler.flag(flag.strip_prefix("-I").map_or(flag.into(), |path| format!("-isystem{path}")))
        });
        compiler.command.arg("-I").arg(headers());
        compiler
    }

    /// Makes a program of tests/programs. Libraries come after it, as linkers want it.
    pub fn program(mut self, source: &str, name: &str, libraries: &[&str]) -> PathBuf {
        let program = self.folder.join(name);
        self.command.arg(programs().join(source)).arg("-o").arg(&program).args(libraries);
        run(&mut self.command);
        program
    }

    /// Links with a library that has the four functions and no SONAME, as NVIDIA's has none: the program then asks for
    /// libnvdsgst_smartrecord.so, whichever that is.
    pub fn program_of_nvidias_library(self, source: &str, name: &str) -> PathBuf {
        let stand_in = self.folder.join("stand-in");
        std::fs::create_dir_all(&stand_in).unwrap();
        let functions =
            "void NvDsSRCreate(void){} void NvDsSRStart(void){} void NvDsSRStop(void){} void NvDsSRDestroy(void){}";
        std::fs::write(stand_in.join("stand-in.c"), functions).unwrap();
        let library = stand_in.join("libnvdsgst_smartrecord.so");
        run(Command::new("gcc").args(["-shared", "-fPIC", "-o"]).arg(library).arg(stand_in.join("stand-in.c")));
        let gstreamer = pkg_config(&["--libs", "gstreamer-1.0"], &[]);
        let path = format!("-L{}", stand_in.display());
        let mut libraries = vec![path.as_str(), "-lnvdsgst_smartrecord"];
        libraries.extend(gstreamer.split_whitespace());
        self.gstreamer().program(source, name, &libraries)
    }

    /// Links with GStreamer alone: the program loads the library itself.
    pub fn program_that_loads(self, source: &str, name: &str) -> PathBuf {
        let gstreamer = pkg_config(&["--libs", "gstreamer-1.0"], &[]);
        let libraries: Vec<_> = gstreamer.split_whitespace().collect();
        self.flag("-DDLOPEN").gstreamer().program(source, name, &libraries)
    }
}

/// What pkg-config answers, with these variables in its environment.
pub fn pkg_config(arguments: &[&str], environment: &[(&str, &str)]) -> String {
    let output = run(Command::new("pkg-config").args(arguments).envs(environment.iter().copied()));
    String::from_utf8(output.stdout).unwrap()
}

/// Runs a command to its end; what it wrote is shown where it fails.
pub fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

/// Lets a program that is linked with libnvdsgst_smartrecord.so meet this library under that name.
pub fn meets(command: &mut Command, library: &Path, folder: &Path) {
    let place = folder.join(format!("with-{}", library.display().to_string().replace('/', "_")));
    std::fs::create_dir_all(&place).unwrap();
    let link = place.join(FILE_NAME);
    if !link.exists() {
        std::os::unix::fs::symlink(library, &link).unwrap();
    }
    command.env("LD_LIBRARY_PATH", place);
}
