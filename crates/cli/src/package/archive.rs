//! An archive whose bytes depend on nothing but names and contents of its files.
//! It leaves what is in it, and in which order, to the caller.
//! No time, user or mode of this machine gets in.

use std::io;

use flate2::{Compression, GzBuilder};
use tar::{Builder, EntryType, Header};

/// The files in a folder called `root`, as .tar.gz.
///
/// # Errors
/// A name is too long for an archive.
pub(super) fn tar_gz(root: &str, files: &[(String, Vec<u8>)]) -> io::Result<Vec<u8>> {
    // The header's time stays 0, and its system "unknown", whatever this machine is.
    let packer = GzBuilder::new().mtime(0).operating_system(255).write(Vec::new(), Compression::best());
    let mut archive = Builder::new(packer);
    for (path, data) in files {
        let mut header = Header::new_gnu();
        header.set_entry_type(EntryType::Regular);
        header.set_size(data.len() as u64);
        header.set_mode(if path.ends_with(".so") { 0o755 } else { 0o644 });
        header.set_mtime(0);
        header.set_uid(0);
        header.set_gid(0);
        archive.append_data(&mut header, format!("{root}/{path}"), data.as_slice())?;
    }
    archive.into_inner()?.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_files_give_the_same_bytes() {
        let files = vec![("a/b.so".to_owned(), vec![1; 100_000]), ("c".to_owned(), b"words".to_vec())];
        let once = tar_gz("root", &files).unwrap();
        assert_eq!(once, tar_gz("root", &files).unwrap());
        let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(once.as_slice()));
        let entries: Vec<_> = archive
            .entries()
            .unwrap()
            .map(|entry| {
                let entry = entry.unwrap();
                (entry.path().unwrap().display().to_string(), entry.header().mode().unwrap(), entry.size())
            })
            .collect();
        assert_eq!(entries, [("root/a/b.so".into(), 0o755, 100_000), ("root/c".into(), 0o644, 5)]);
    }
}
