//! A cgroup v2 of the app's own: what tells its connections from those of other processes with the same uid, and what
//! ends all of them at once. Everything is asked of the kernel's own files; no manager is talked to.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, kill_process};

/// How often a name that is still in use is replaced by the next one.
const NAMES: u32 = 16;

#[derive(Debug)]
pub struct Compartment {
    directory: PathBuf,
    id: u64,
}

impl Compartment {
    /// A new one below the cgroup that this process is in. Fails where the process may not have one, before anything
    /// depends on it; the error says what was missing.
    pub fn create(name: &str) -> io::Result<Compartment> {
        let mounts = fs::read_to_string("/proc/self/mountinfo")?;
        let groups = fs::read_to_string("/proc/self/cgroup")?;
        let parent = own_directory(&mounts, &groups)
            .ok_or_else(|| io::Error::new(io::ErrorKind::Unsupported, "no cgroup v2 hierarchy is mounted"))?;
        let directory = make_directory(&parent, name).map_err(|e| told(&parent, e))?;
        match Self::usable(&parent, &directory).and_then(|()| Self::open(&directory)) {
            Ok(compartment) => Ok(compartment),
            Err(e) => {
                let _ = fs::remove_dir(&directory);
                Err(told(&parent, e))
            }
        }
    }

    pub fn open(directory: &Path) -> io::Result<Compartment> {
        // The inode of the directory is the id that the kernel gives its sockets (since Linux 5.5).
        Ok(Compartment { directory: directory.to_owned(), id: fs::metadata(directory)?.ino() })
    }

    /// To move a process, the kernel wants write permission here and in the common ancestor. Opening asks for it.
    fn usable(parent: &Path, directory: &Path) -> io::Result<()> {
        for place in [parent, directory] {
            OpenOptions::new().write(true).open(place.join("cgroup.procs"))?;
        }
        match fs::read_to_string(directory.join("cgroup.type")) {
            Ok(kind) if kind.trim() != "domain" => {
                Err(io::Error::new(io::ErrorKind::Unsupported, "a threaded cgroup takes no processes"))
            }
            _ => Ok(()),
        }
    }

    pub fn id(&self) -> u64 {
        self.id
    }

    pub fn path(&self) -> &Path {
        &self.directory
    }

    /// Moves the calling process in.
    pub fn join(&self) -> io::Result<()> {
        fs::write(self.directory.join("cgroup.procs"), "0")
    }

    /// SIGKILL to all that is in it. Waits until the kernel is done, at most `wait_ms`.
    pub fn kill(&self, wait_ms: u32) {
        if fs::write(self.directory.join("cgroup.kill"), "1").is_err() {
            self.kill_one_by_one();
        }
        self.wait_until_empty(wait_ms);
    }

    pub fn kill_and_remove(&self, wait_ms: u32) -> io::Result<()> {
        self.kill(wait_ms);
        match fs::remove_dir(&self.directory) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(told(&self.directory, e)),
            _ => Ok(()),
        }
    }

    /// Before Linux 5.14. Two rounds, since the first may race with a fork.
    fn kill_one_by_one(&self) {
        for _ in 0..2 {
            let members = fs::read_to_string(self.directory.join("cgroup.procs")).unwrap_or_default();
            for pid in members.lines().filter_map(|line| Pid::from_raw(line.parse().ok()?)) {
                let _ = kill_process(pid, Signal::KILL);
            }
        }
    }

    fn wait_until_empty(&self, wait_ms: u32) {
        let events = self.directory.join("cgroup.events");
        let Ok(file) = fs::File::open(&events) else { return };
        let timeout = Timespec { tv_sec: i64::from(wait_ms / 1000), tv_nsec: i64::from(wait_ms % 1000) * 1_000_000 };
        // Each change of the file wakes the poll once; "populated" is the only value here that changes at an end.
        while fs::read_to_string(&events).is_ok_and(|text| text.lines().any(|l| l == "populated 1")) {
            match poll(&mut [PollFd::new(&file, PollFlags::PRI)], Some(&timeout)) {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
        }
    }
}

/// A name may be left over from a supervisor that was killed: an empty one is taken over, else the next name is tried.
fn make_directory(parent: &Path, name: &str) -> io::Result<PathBuf> {
    let mut last = None;
    for number in 0..NAMES {
        let directory = parent.join(if number == 0 { name.to_owned() } else { format!("{name}.{number}") });
        match fs::create_dir(&directory) {
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => last = Some(e),
            Err(e) => return Err(e),
            Ok(()) => return Ok(directory),
        }
        if fs::remove_dir(&directory).is_ok() && fs::create_dir(&directory).is_ok() {
            return Ok(directory);
        }
    }
    Err(last.unwrap_or_else(|| io::ErrorKind::AlreadyExists.into()))
}

fn told(place: &Path, e: io::Error) -> io::Error {
    io::Error::new(e.kind(), format!("{}: {e}", place.display()))
}

/// Where this process's cgroup v2 is seen in the file system, from /proc/self/mountinfo and /proc/self/cgroup.
fn own_directory(mounts: &str, groups: &str) -> Option<PathBuf> {
    let own = groups.lines().find_map(|line| line.strip_prefix("0::"))?;
    mounts.lines().find_map(|line| {
        let (left, right) = line.split_once(" - ")?;
        if right.split(' ').next()? != "cgroup2" {
            return None;
        }
        let mut fields = left.split(' ').skip(3);
        let (root, mounted) = (unescape(fields.next()?), unescape(fields.next()?));
        // In a container the mount may show only a part of the tree.
        let below = Path::new(own).strip_prefix(&root).ok()?;
        if below.components().any(|part| part.as_os_str() == "..") {
            return None;
        }
        Some(if below.as_os_str().is_empty() { PathBuf::from(mounted) } else { Path::new(&mounted).join(below) })
    })
}

/// mountinfo writes space, tab, newline and backslash as three octal digits.
fn unescape(text: &str) -> String {
    [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")]
        .iter()
        .fold(text.to_owned(), |t, (from, to)| t.replace(from, to))
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    const HYBRID: &str = "\
        25 20 0:22 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n\
        26 25 0:23 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu\n\
        35 25 0:32 / /sys/fs/cgroup/unified rw,relatime shared:9 - cgroup2 cgroup2 rw\n";

    #[test]
    fn finds_the_own_directory() {
        let unified = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";
        let container = "30 23 0:26 /docker/a /sys/fs/cgroup ro - cgroup2 cgroup rw\n";
        let spaced = "30 23 0:26 / /mnt/my\\040groups rw - cgroup2 cgroup rw\n";
        for (mounts, groups, expected) in [
            (HYBRID, "1:cpu:/\n0::/\n", Some("/sys/fs/cgroup/unified")),
            (unified, "0::/user.slice/app\n", Some("/sys/fs/cgroup/user.slice/app")),
            (container, "0::/docker/a\n", Some("/sys/fs/cgroup")),
            (container, "0::/docker/a/b\n", Some("/sys/fs/cgroup/b")),
            (container, "0::/elsewhere\n", None),
            (unified, "0::/../other\n", None),
            (spaced, "0::/x\n", Some("/mnt/my groups/x")),
            (HYBRID, "1:cpu:/\n", None),
            ("", "0::/\n", None),
        ] {
            assert_eq!(own_directory(mounts, groups), expected.map(PathBuf::from), "{mounts}{groups}");
        }
    }

    #[test]
    fn a_name_in_use_gives_the_next_name_and_a_leftover_is_taken_over() {
        let parent = std::env::temp_dir().join(format!("weft-cgroup-{}", std::process::id()));
        fs::create_dir_all(parent.join("left-over")).unwrap();
        fs::create_dir_all(parent.join("busy/child")).unwrap();
        assert_eq!(make_directory(&parent, "new").unwrap(), parent.join("new"));
        assert_eq!(make_directory(&parent, "left-over").unwrap(), parent.join("left-over"));
        assert_eq!(make_directory(&parent, "busy").unwrap(), parent.join("busy.1"));
        fs::remove_dir_all(&parent).unwrap();
    }

    #[test]
    fn refuses_where_there_is_nothing_to_write_to() {
        let error = Compartment::usable(Path::new("/proc/self"), Path::new("/proc/self")).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }

    /// Needs a cgroup v2 that this process may divide (root, or a delegated one): says so where there is none.
    #[test]
    fn what_joined_it_has_its_id_and_ends_with_it() {
        let compartment = match Compartment::create(&format!("weft-test-{}", std::process::id())) {
            Ok(compartment) => compartment,
            Err(e) => return eprintln!("not tested, no cgroup of our own: {e}"),
        };
        let procs = compartment.path().join("cgroup.procs");
        let script = format!("echo $$ > {} && echo joined && exec cat", procs.display());
        let (input, output) = (Stdio::piped(), Stdio::piped());
        let mut child = Command::new("sh").args(["-c", &script]).stdin(input).stdout(output).spawn().unwrap();
        let mut line = String::new();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(child.stdout.take().unwrap()), &mut line).unwrap();
        assert_eq!(line, "joined\n");
        assert_eq!(fs::read_to_string(&procs).unwrap().trim(), child.id().to_string());
        assert_eq!(Compartment::open(compartment.path()).unwrap().id(), compartment.id());
        compartment.kill_and_remove(2000).unwrap();
        assert_eq!(std::os::unix::process::ExitStatusExt::signal(&child.wait().unwrap()), Some(9));
        assert!(!compartment.path().exists());
    }
}
