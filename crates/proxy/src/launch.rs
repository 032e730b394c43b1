//! What a process is told at its start: `v1::Program` or `v1::Launch` from a file, and the contract's messages as JSON.
//!
//! A file whose first byte (after white space) is `{` is protobuf JSON, anything else is protobuf binary.

use std::fmt;
use std::path::Path;

use prost::Message;
use prost_reflect::{DescriptorPool, DeserializeOptions, DynamicMessage, MessageDescriptor, SerializeOptions};
use weft_proto::v1;

/// A program of 100,000 routes has about 50 MB; what is larger is not one.
const MAX_FILE: u64 = 256 << 20;

/// "FILE: what is wrong", with the line for JSON.
#[derive(Debug, PartialEq, Eq)]
pub struct LaunchError(pub String);

impl fmt::Display for LaunchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for LaunchError {}

pub fn read_program(file: &Path) -> Result<v1::Program, LaunchError> {
    let program: v1::Program = read(file, "weft.v1.Program")?;
    check(file, program.launch.as_ref().unwrap_or(&v1::Launch::default()), "launch.")?;
    Ok(program)
}

pub fn read_launch(file: &Path) -> Result<v1::Launch, LaunchError> {
    let launch: v1::Launch = read(file, "weft.v1.Launch")?;
    check(file, &launch, "")?;
    if launch.app.is_none() && launch.inbound.is_empty() && launch.outbound.is_empty() {
        // An empty file is a valid message: what a full disk left of a launch must not run nothing for ever.
        return Err(LaunchError(format!("{}: there is nothing to run: no app and no listener", file.display())));
    }
    Ok(launch)
}

/// Writes messages of the contract as protobuf JSON. The descriptors take a megabyte: keep it only while it is used.
pub struct JsonWriter(DescriptorPool);

impl JsonWriter {
    pub fn new() -> JsonWriter {
        JsonWriter(descriptors())
    }

    /// `name` is its full one ("weft.v1.Frontend"); field names are as in the .proto files.
    pub fn json(&self, message: &impl Message, name: &str) -> serde_json::Value {
        let options = SerializeOptions::new().use_proto_field_name(true);
        let dynamic = DynamicMessage::decode(descriptor(&self.0, name), message.encode_to_vec().as_slice());
        let dynamic = dynamic.expect("a message decodes as what it was encoded from");
        dynamic.serialize_with_options(serde_json::value::Serializer, &options).unwrap_or(serde_json::Value::Null)
    }
}

impl Default for JsonWriter {
    fn default() -> Self {
        JsonWriter::new()
    }
}

fn read<M: Message + Default>(file: &Path, name: &str) -> Result<M, LaunchError> {
    let refuse = |what: String| LaunchError(format!("{}: {what}", file.display()));
    let size = std::fs::metadata(file).map_err(|e| refuse(format!("cannot be read ({e})")))?.len();
    if size > MAX_FILE {
        return Err(refuse(format!("has {} MiB; a program has at most {}", size >> 20, MAX_FILE >> 20)));
    }
    let bytes = std::fs::read(file).map_err(|e| refuse(format!("cannot be read ({e})")))?;
    decode(&bytes, name).map_err(refuse)
}

fn decode<M: Message + Default>(bytes: &[u8], name: &str) -> Result<M, String> {
    let short = name.rsplit('.').next().unwrap_or(name);
    if bytes.iter().find(|b| !b.is_ascii_whitespace()) != Some(&b'{') {
        return M::decode(bytes).map_err(|e| format!("neither protobuf JSON nor a binary weft.v1.{short} ({e})"));
    }
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let options = DeserializeOptions::new().deny_unknown_fields(true);
    let dynamic = DynamicMessage::deserialize_with_options(descriptor(&descriptors(), name), &mut json, &options)
        .map_err(|e| format!("not a weft.v1.{short}: {e}"))?;
    json.end().map_err(|e| format!("more than one JSON value: {e}"))?;
    M::decode(dynamic.encode_to_vec().as_slice()).map_err(|e| format!("not a weft.v1.{short}: {e}"))
}

fn descriptors() -> DescriptorPool {
    DescriptorPool::decode(weft_proto::DESCRIPTORS).expect("our own descriptors")
}

fn descriptor(pool: &DescriptorPool, name: &str) -> MessageDescriptor {
    pool.get_message_by_name(name).expect("a message of the contract")
}

/// What would otherwise be found out only when it is used: fields are named as in the .proto files.
fn check(file: &Path, launch: &v1::Launch, prefix: &str) -> Result<(), LaunchError> {
    let refuse = |field: &str, what: String| Err(LaunchError(format!("{}: {prefix}{field}: {what}", file.display())));
    let addresses = launch
        .inbound
        .iter()
        .enumerate()
        .flat_map(|(i, l)| [(format!("inbound[{i}].address"), &l.address), (format!("inbound[{i}].app"), &l.app)])
        .chain(launch.outbound.iter().enumerate().map(|(i, l)| (format!("outbound[{i}].address"), &l.address)))
        .chain([("admin".to_owned(), &launch.admin)]);
    for (field, address) in addresses {
        if !address.is_empty() && address.parse::<std::net::SocketAddr>().is_err() {
            return refuse(&field, format!("{address:?} is not <ip>:<port>, e.g. \"127.0.0.1:8080\""));
        }
    }
    let files = [&launch.key_file, &launch.certificate_file, &launch.roots_file];
    if files.iter().any(|f| f.is_empty()) && files.iter().any(|f| !f.is_empty()) {
        return refuse(
            "key_file",
            "key_file, certificate_file and roots_file belong together: give all or none".into(),
        );
    }
    if let Some(workload) = launch.workload.as_ref().filter(|_| launch.controller.is_some()) {
        if workload.namespace.is_empty() || workload.name.is_empty() {
            return refuse("workload", "namespace and name are needed to register with a controller".into());
        }
    } else if launch.controller.is_some() {
        return refuse("workload", "is needed to register with a controller".into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn launch(text: &str) -> Result<v1::Launch, String> {
        let launch = decode(text.as_bytes(), "weft.v1.Launch")?;
        check(Path::new("F"), &launch, "").map_err(|e| e.0)?;
        Ok(launch)
    }

    #[test]
    fn json_and_binary_say_the_same() {
        let text = r#" {"admin": "127.0.0.1:0", "drain_ms": 5, "workload": {"name": "a", "labels": {"k": "v"}},
                        "outbound": [{"address": "127.0.0.1:1", "env": "x"}], "access_log": "ACCESS_LOG_ALL"}"#;
        let parsed = launch(text).unwrap();
        assert_eq!((parsed.drain_ms, parsed.outbound[0].env.as_str()), (5, "x"));
        assert_eq!(parsed.access_log(), v1::AccessLog::All);
        assert_eq!(decode::<v1::Launch>(&parsed.encode_to_vec(), "weft.v1.Launch").unwrap(), parsed);
        let again = JsonWriter::new().json(&parsed, "weft.v1.Launch").to_string();
        assert!(again.contains("\"drain_ms\":\"5\""), "{again}");
        assert_eq!(launch(&again).unwrap(), parsed);
        assert_eq!(launch("{}").unwrap(), v1::Launch::default());
    }

    #[test]
    fn what_is_wrong_is_named_by_field() {
        let cases = [
            (r#"{"admn": ""}"#, "admn"),
            (r#"{"admin": 3}"#, "line 1 column 11"),
            (r#"{"admin": "localhost"}"#, r#"F: admin: "localhost" is not <ip>:<port>"#),
            (r#"{"inbound": [{"address": "0.0.0.0:1"}, {"app": ":80"}]}"#, "F: inbound[1].app"),
            (r#"{"key_file": "k"}"#, "certificate_file and roots_file belong together"),
            (r#"{"controller": {"address": "x"}}"#, "F: workload: is needed"),
            (r#"{"controller": {"address": "x"}, "workload": {"name": "a"}}"#, "namespace and name are needed"),
            (r#"{} {}"#, "more than one JSON value"),
            ("junk", "neither protobuf JSON nor a binary weft.v1.Launch"),
        ];
        for (text, says) in cases {
            let error = launch(text).expect_err(text);
            assert!(error.contains(says), "{text}: {error}");
        }
    }

    #[test]
    fn a_launch_of_nothing_is_refused() {
        let error = read_launch(Path::new("/dev/null")).unwrap_err().to_string();
        assert!(error.starts_with("/dev/null: there is nothing to run"), "{error}");
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = read_program(Path::new("/nonexistent/p.json")).unwrap_err().to_string();
        assert!(error.starts_with("/nonexistent/p.json: cannot be read"), "{error}");
    }
}
