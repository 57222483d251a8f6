//! `smart-record package`: makes the folder and the archive of an extension that NVIDIA's registry tool is run in.
//! The same files give the same bytes: no times, no users, one order. What is packed has passed the manifest's rules.
//! It leaves rewriting the manifest to `manifest`, the archive to `archive`, and building and the SBOM to scripts/package.

mod archive;
mod manifest;

use std::{
    collections::HashSet,
    fs, io,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

use crate::{check, error::Error};

/// What the package calls the software bill of materials.
const SBOM: &str = "sbom.cdx.json";
/// What it calls the checksums of all other files.
const SUMS: &str = "SHA256SUMS";

const HELP: &str = "\
Example:
  smart-record package extension.yaml -o dist --sbom sbom.cdx.json
  cd dist/MyExtension-1.0.0-linux-x86_64 && sha256sum -c SHA256SUMS && registry extn add -m extension.yaml

The folder has the library, LICENSE, headers/ and the other files of the manifest, extension.yaml for the GXF release that the
manifest is written for, an extension-gxf-VERSION.yaml for each other one, and SHA256SUMS. Beside it lies the same as .tar.gz.

Exit status: 0, or 1 if the manifest or a file that it names is not in order, or nothing could be written.";

/// What to pack, and where to.
#[derive(Debug, clap::Args)]
#[command(after_long_help = HELP)]
pub struct Options {
    /// The extension's manifest; paths in it are relative to the current folder.
    manifest: PathBuf,
    /// Where the folder and the archive go.
    #[arg(short, long, value_name = "DIR", default_value = "dist")]
    output: PathBuf,
    /// This library in place of the one that the manifest names.
    #[arg(long, value_name = "FILE.so")]
    library: Option<PathBuf>,
    /// The library's architecture, in place of the manifest's: x86_64, aarch64, aarch64_sbsa.
    #[arg(long, value_name = "NAME")]
    arch: Option<String>,
    /// A software bill of materials to pack, too.
    #[arg(long, value_name = "FILE")]
    sbom: Option<PathBuf>,
}

/// Makes the package and prints where it is.
///
/// # Errors
/// [`Error::NotInOrder`] with the first finding, [`Error::NameTwice`]; or a file cannot be read or written.
pub fn run(options: &Options) -> Result<(), Error> {
    let source = &options.manifest;
    let unreadable = |path: &Path| {
        let path = path.to_owned();
        |source| Error::Unreadable { path, source }
    };
    let text = fs::read_to_string(source).map_err(unreadable(source))?;
    let read = manifest::Packed::read(&text, options.arch.as_deref())
        .map_err(|finding| Error::NotInOrder { path: source.clone(), finding })?;
    if let Some(name) = twice(names(&read, options.sbom.is_some())) {
        return Err(Error::NameTwice { path: source.clone(), name });
    }
    let name = read.folder_name();
    let folder = options.output.join(&name);
    let unwritable = |path: &Path| {
        let path = path.to_owned();
        |source| Error::Unwritable { path, source }
    };
    // Nothing of an earlier package may stay in it.
    match fs::remove_dir_all(&folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(unwritable(&folder)(error)),
        _ => fs::create_dir_all(&folder).map_err(unwritable(&folder))?,
    }
    let mut files = Vec::new();
    for (from, to) in read.files() {
        let from = match &options.library {
            Some(library) if to == read.library_name() => library.clone(),
            _ => PathBuf::from(from),
        };
        files.push((to, fs::read(&from).map_err(unreadable(&from))?));
    }
    if let Some(sbom) = &options.sbom {
        files.push((SBOM.into(), fs::read(sbom).map_err(unreadable(sbom))?));
    }
    files.extend(read.manifests().into_iter().map(|(name, text)| (name, text.into_bytes())));
    files.sort();
    files.push((SUMS.into(), sums(&files).into_bytes()));
    for (path, data) in &files {
        let path = folder.join(path);
        let parent = path.parent().unwrap_or(&folder);
        fs::create_dir_all(parent).map_err(unwritable(parent))?;
        fs::write(&path, data).map_err(unwritable(&path))?;
    }
    let packed = archive::tar_gz(&name, &files).map_err(unwritable(&folder))?;
    let archive = options.output.join(format!("{name}.tar.gz"));
    fs::write(&archive, packed).map_err(unwritable(&archive))?;
    println!("{}\n{}", folder.display(), archive.display());
    Ok(())
}

/// The names of all files of the package: those that the manifest names, and those that are made.
fn names(read: &manifest::Packed, sbom: bool) -> impl Iterator<Item = String> {
    let made = read.manifests().into_iter().map(|(name, _)| name).chain(sbom.then(|| SBOM.to_owned()));
    read.files().map(|(_, to)| to).chain(made).chain([SUMS.to_owned()])
}

/// The first name that comes a second time.
fn twice(mut names: impl Iterator<Item = String>) -> Option<String> {
    let mut seen = HashSet::new();
    names.find(|name| !seen.insert(name.clone()))
}

/// In the form of sha256sum.
fn sums(files: &[(String, Vec<u8>)]) -> String {
    files
        .iter()
        .map(|(path, data)| {
            let sum: String = Sha256::digest(data).iter().map(|byte| format!("{byte:02x}")).collect();
            format!("{sum}  {path}\n")
        })
        .collect()
}

/// What is wrong with a manifest and the files that it names, apart from the library.
fn findings(text: &str) -> (check::manifest::Manifest, Vec<check::finding::Finding>) {
    let (manifest, mut findings) = check::manifest::read(text);
    findings.extend(check::files::rules(&manifest, true));
    (manifest, findings)
}
