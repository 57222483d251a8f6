//! Disks that can be made to fail: a small tmpfs, an ext4 and a btrfs on a file of their own.
//! Everything is undone when the volume is dropped. The loop devices go with their mounts.
//! What is recorded on them is left to `disk`.

use std::path::{Path, PathBuf};

use crate::Error;
use crate::system::{call, folder, need, need_file_system, need_program, need_root};
use crate::undo::Guard;

/// A mounted file system of its own.
pub struct Volume {
    /// Where it is mounted.
    pub path: PathBuf,
    ballast: PathBuf,
    // In the order in which they are undone: unmounted, then removed.
    _mount: Guard,
    _folder: Guard,
}

/// A disk that hangs until this is dropped.
pub struct Hang(#[allow(dead_code)] Guard);

fn text(path: &Path) -> Result<&str, Error> {
    path.to_str().ok_or_else(|| Error::setup("mount a disk", format!("{} is not UTF-8", path.display())))
}

impl Volume {
    /// A file system in memory of so many KiB.
    ///
    /// # Errors
    /// When this machine cannot.
    pub fn tmpfs(kib: u64) -> Result<Self, Error> {
        Self::mount(|_, path| {
            need(&["mount", "-t", "tmpfs", "-o", &format!("size={kib}k"), "tmpfs", path], "a tmpfs cannot be mounted")
        })
    }

    /// An ext4 of 32 MiB, which becomes read-only at the first error, as a disk with a fault does.
    ///
    /// # Errors
    /// When this machine cannot.
    pub fn ext4() -> Result<Self, Error> {
        need_program("mkfs.ext4", "e2fsprogs")?;
        need_file_system("ext4")?;
        Self::mount(|image, path| {
            call(&["truncate", "-s", "32M", image])?;
            call(&["mkfs.ext4", "-q", "-F", "-m", "0", image])?;
            need(&["mount", "-o", "loop,errors=remount-ro", image, path], "no loop device can be mounted")
        })
    }

    /// A btrfs that allows so many KiB in its folder `quota`: the limits of btrfs hold for root too, which those of
    /// ext4 do not (CAP_SYS_RESOURCE).
    ///
    /// # Errors
    /// When this machine cannot.
    pub fn with_quota(kib: u64) -> Result<Self, Error> {
        need_program("mkfs.btrfs", "btrfs-progs")?;
        need_file_system("btrfs")?;
        let volume = Self::mount(|image, path| {
            call(&["truncate", "-s", "256M", image])?;
            call(&["mkfs.btrfs", "-q", image])?;
            need(&["mount", "-o", "loop", image, path], "no loop device can be mounted")
        })?;
        let path = text(&volume.path)?;
        let quota = format!("{path}/quota");
        call(&["btrfs", "subvolume", "create", &quota])?;
        need(&["btrfs", "quota", "enable", path], "this kernel's btrfs has no quota")?;
        call(&["btrfs", "qgroup", "limit", &format!("{kib}K"), &quota])?;
        Ok(volume)
    }

    fn mount(mount: impl FnOnce(&str, &str) -> Result<String, Error>) -> Result<Self, Error> {
        need_root()?;
        need_program("mount", "mount")?;
        let (outer, guard) = folder()?;
        let path = crate::system::subfolder(&outer, "disk")?;
        let image = outer.join("image");
        // Lazily: whatever still writes there must not keep the mount.
        let unmount = Guard::call(&["umount", "--lazy", text(&path)?]);
        mount(text(&image)?, text(&path)?)?;
        Ok(Self { ballast: path.join("ballast"), path, _mount: unmount, _folder: guard })
    }

    /// Fills it but for so many KiB.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn fill_but(&self, kib: u64) -> Result<(), Error> {
        let free = call(&["stat", "-f", "-c", "%a %S", text(&self.path)?])?;
        let mut numbers = free.split_whitespace().filter_map(|word| word.parse::<u64>().ok());
        let free = numbers.next().unwrap_or(0) * numbers.next().unwrap_or(0);
        let length = free.saturating_sub(kib << 10).to_string();
        call(&["fallocate", "-l", &length, text(&self.ballast)?]).map(drop)
    }

    /// Makes room again.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn make_room(&self) -> Result<(), Error> {
        if self.ballast.exists() {
            return std::fs::remove_file(&self.ballast).map_err(|e| Error::io("remove a file", &self.ballast, e));
        }
        call(&["mount", "-o", "remount,size=64m", text(&self.path)?]).map(drop)
    }

    /// Lets the kernel find an error on it: it becomes read-only at once, open files and all.
    ///
    /// # Errors
    /// When the kernel does not offer that.
    pub fn break_it(&self) -> Result<(), Error> {
        let device = call(&["findmnt", "-n", "-o", "SOURCE", text(&self.path)?])?;
        let name = device.rsplit('/').next().unwrap_or_default();
        let trigger = PathBuf::from(format!("/sys/fs/ext4/{name}/trigger_fs_error"));
        std::fs::write(&trigger, "chaos").map_err(|error| {
            Error::Missing(format!("this kernel lets no error happen: {}: {error}", trigger.display()))
        })
    }

    /// Lets all writes to it hang until the value is dropped.
    ///
    /// # Errors
    /// When this machine cannot.
    pub fn hang(&self) -> Result<Hang, Error> {
        need_program("fsfreeze", "util-linux")?;
        let path = text(&self.path)?;
        let guard = Guard::call(&["fsfreeze", "--unfreeze", path]);
        need(&["fsfreeze", "--freeze", path], "the disk cannot be made to hang")?;
        Ok(Hang(guard))
    }
}
