//! What a program is started with: whose child, which user, which signals.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::process::Command;

use rustix::process::{Gid, Signal, Uid, getpid, getppid, set_child_subreaper, set_parent_process_death_signal};
use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};

use crate::sys::Privileges;

/// Makes the calling process, which is about to `exec` the command, what `wanted` says. It must have one thread only:
/// Linux keeps uid and gid per thread.
pub fn drop_privileges(_command: &mut Command, wanted: Privileges) -> io::Result<()> {
    if let Some((uid, gid)) = wanted.user {
        let (uid, gid) = (Uid::from_raw(uid), Gid::from_raw(gid));
        set_thread_groups(&[gid])?;
        set_thread_res_gid(gid, gid, gid)?;
        set_thread_res_uid(uid, uid, uid)?;
    }
    // After the change of user, which clears it; `exec` keeps it.
    set_parent_process_death_signal(Some(Signal::KILL))?;
    let parent = getppid().map_or(0, |pid| pid.as_raw_nonzero().get());
    if i64::from(parent) != i64::from(wanted.parent) {
        return Err(io::Error::other("the supervisor has ended"));
    }
    Ok(())
}

/// Children whose parents end become this process's, which then hears of their end at once. Without it they are waited
/// for all the same, as long as the first process of the system takes to notice.
pub fn adopt_orphans() {
    // Any process id but 0 means yes; it cannot fail since Linux 3.4.
    let _ = set_child_subreaper(Some(getpid()));
}

/// Was the process started with this signal ignored (`nohup`)? Its children inherit that, unless somebody handles it.
pub fn ignores(signal: i32) -> bool {
    fs::read_to_string("/proc/self/status").is_ok_and(|status| ignored(&status).contains(&signal))
}

/// This very program, even when its file was replaced since: then its name in `top` is "exe".
pub fn own_binary() -> io::Result<PathBuf> {
    const RUNNING: &str = "/proc/self/exe";
    let (path, running) = (std::env::current_exe()?, fs::metadata(RUNNING)?);
    let same = fs::metadata(&path).is_ok_and(|file| (file.dev(), file.ino()) == (running.dev(), running.ino()));
    Ok(if same { path } else { PathBuf::from(RUNNING) })
}

fn ignored(status: &str) -> Vec<i32> {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok()).unwrap_or(0);
    (1..=64).filter(|signal| mask >> (signal - 1) & 1 == 1).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_mask_of_ignored_signals() {
        assert_eq!(ignored("Name:\tx\nSigIgn:\t0000000000001001\nSigCgt:\t00000001\n"), [1, 13]);
        assert!(ignored("Name:\tx\n").is_empty());
        // Rust's runtime ignores SIGPIPE.
        assert!(ignores(13));
        assert!(!ignores(15));
    }
}
