//! The state directory: what a proxy needs to start again while no controller is alive (R10).
//!
//! Each file is one line "weft-state 1 <SHA-256 of the rest>" and then a protobuf message. A file that does not match
//! is set aside as `<name>.corrupt` and counts as absent: a bad disk must not keep a workload down.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use prost::Message;
use weft_proto::v1;

use super::log;

const MAGIC: &str = "weft-state 1 ";
const PROGRAM: &str = "program";
const IDENTITY: &str = "identity";
/// As for launch files.
const MAX_FILE: u64 = 256 << 20;

/// Key, SVID and bundle, in one file so that they always belong together.
#[derive(Clone, PartialEq, Message)]
pub struct StoredIdentity {
    #[prost(bytes = "vec", tag = "1")]
    pub key_pkcs8: Vec<u8>,
    /// Leaf first; empty while the first certificate has not come: a token may be shown again with the same key.
    #[prost(bytes = "vec", repeated, tag = "2")]
    pub chain: Vec<Vec<u8>>,
    #[prost(bytes = "vec", repeated, tag = "3")]
    pub roots: Vec<Vec<u8>>,
    /// Unix milliseconds, by our clock.
    #[prost(int64, tag = "4")]
    pub received_ms: i64,
}

/// The last good resources.
#[derive(Clone, PartialEq, Message)]
pub struct StoredProgram {
    /// "<namespace>/<name>": a directory that was given to another workload is not believed.
    #[prost(string, tag = "1")]
    pub workload: String,
    #[prost(message, repeated, tag = "2")]
    pub resources: Vec<v1::Resource>,
    #[prost(int64, tag = "3")]
    pub saved_ms: i64,
}

#[derive(Clone, Debug)]
pub struct StateDir {
    dir: PathBuf,
}

impl StateDir {
    /// Made when absent, closed to others in any case. Who owns it could put a key of their own into it: refused.
    pub fn open(dir: &Path) -> io::Result<StateDir> {
        DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        let (owner, us) = (fs::metadata(dir)?.uid(), rustix::process::geteuid().as_raw());
        if owner != us {
            return Err(io::Error::other(format!("belongs to user {owner}, not to {us}")));
        }
        fs::set_permissions(dir, fs::Permissions::from_mode(0o700))?;
        Ok(StateDir { dir: dir.to_owned() })
    }

    pub fn read_identity(&self) -> Option<StoredIdentity> {
        self.read(IDENTITY)
    }

    pub fn write_identity(&self, identity: &StoredIdentity) -> io::Result<()> {
        self.write(IDENTITY, identity)
    }

    pub fn read_program(&self) -> Option<StoredProgram> {
        self.read(PROGRAM)
    }

    pub fn write_program(&self, program: &StoredProgram) -> io::Result<()> {
        self.write(PROGRAM, program)
    }

    fn read<M: Message + Default>(&self, name: &str) -> Option<M> {
        let path = self.dir.join(name);
        let bytes = match read_bounded(&path) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return None,
            Err(e) => {
                log::warn(&format!("{}: cannot be read ({e}); starting without it", path.display()));
                return None;
            }
        };
        let message = body(&bytes).and_then(|body| M::decode(body).ok());
        if message.is_none() {
            let aside = self.dir.join(format!("{name}.corrupt"));
            let moved = fs::rename(&path, &aside).map_or_else(|e| e.to_string(), |()| aside.display().to_string());
            log::warn(&format!("{}: damaged, set aside ({moved}); starting without it", path.display()));
        }
        message
    }

    /// Readers see the old file or the new one, after a power failure too.
    fn write(&self, name: &str, message: &impl Message) -> io::Result<()> {
        let body = message.encode_to_vec();
        let temporary = self.dir.join(format!("{name}.new"));
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
        file.set_permissions(fs::Permissions::from_mode(0o600))?;
        file.write_all(format!("{MAGIC}{}\n", digest(&body)).as_bytes())?;
        file.write_all(&body)?;
        file.sync_all()?;
        fs::rename(&temporary, self.dir.join(name))?;
        File::open(&self.dir)?.sync_all()
    }
}

fn read_bounded(path: &Path) -> io::Result<Vec<u8>> {
    if fs::metadata(path)?.len() > MAX_FILE {
        return Err(io::Error::other("larger than 256 MiB"));
    }
    fs::read(path)
}

fn body(bytes: &[u8]) -> Option<&[u8]> {
    let rest = bytes.strip_prefix(MAGIC.as_bytes())?;
    let (line, body) = (rest.get(..64)?, rest.get(64..)?.strip_prefix(b"\n")?);
    (line == digest(body).as_bytes()).then_some(body)
}

fn digest(bytes: &[u8]) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
    digest.as_ref().iter().map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A directory that goes when the test ends.
    struct Temporary(PathBuf);

    impl Temporary {
        fn new(name: &str) -> Temporary {
            let dir = std::env::temp_dir().join(format!("weft-state-{name}-{}", std::process::id()));
            let _ = fs::remove_dir_all(&dir);
            Temporary(dir)
        }
    }

    impl Drop for Temporary {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn identity() -> StoredIdentity {
        StoredIdentity { key_pkcs8: vec![1], chain: vec![vec![2]], roots: vec![vec![3], vec![4]], received_ms: 5 }
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn what_was_written_is_read_and_nobody_else_reads_it() {
        let temporary = Temporary::new("round");
        let state = StateDir::open(&temporary.0).unwrap();
        assert_eq!(state.read_identity(), None);
        state.write_identity(&identity()).unwrap();
        state.write_identity(&identity()).unwrap();
        assert_eq!(state.read_identity(), Some(identity()));
        assert_eq!((mode(&temporary.0), mode(&temporary.0.join("identity"))), (0o700, 0o600));
        let program = StoredProgram { workload: "a/b".into(), saved_ms: 1, ..Default::default() };
        state.write_program(&program).unwrap();
        assert_eq!(StateDir::open(&temporary.0).unwrap().read_program(), Some(program));
    }

    #[test]
    fn a_damaged_file_is_set_aside_whatever_the_damage() {
        let temporary = Temporary::new("damage");
        let state = StateDir::open(&temporary.0).unwrap();
        state.write_identity(&identity()).unwrap();
        let path = temporary.0.join("identity");
        let whole = fs::read(&path).unwrap();
        for at in 0..whole.len() {
            let mut bent = whole.clone();
            bent[at] ^= 0x20;
            fs::write(&path, &bent).unwrap();
            assert_eq!(state.read_identity(), None, "byte {at}");
            assert_eq!(fs::read(temporary.0.join("identity.corrupt")).unwrap(), bent);
            fs::write(&path, &whole[..at]).unwrap();
            assert_eq!(state.read_identity(), None, "cut at {at}");
        }
        fs::write(&path, &whole).unwrap();
        assert_eq!(state.read_identity(), Some(identity()));
    }

    #[test]
    fn a_directory_of_somebody_else_is_not_used() {
        let temporary = Temporary::new("owner");
        fs::create_dir_all(&temporary.0).unwrap();
        // Only root can give one away; to anybody else the root directory is somebody else's.
        let given = std::os::unix::fs::chown(&temporary.0, Some(12_345), None);
        let theirs = if given.is_ok() { temporary.0.as_path() } else { Path::new("/") };
        assert!(StateDir::open(theirs).unwrap_err().to_string().contains("belongs to user "));
    }

    #[test]
    fn an_open_directory_is_closed() {
        let temporary = Temporary::new("modes");
        fs::create_dir_all(&temporary.0).unwrap();
        fs::set_permissions(&temporary.0, fs::Permissions::from_mode(0o755)).unwrap();
        StateDir::open(&temporary.0).unwrap();
        assert_eq!(mode(&temporary.0), 0o700);
    }
}
