//! A join token, as far as the joining side reads it: "weft1." and base64url of JSON.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

const PREFIX: &str = "weft1.";
/// Any honest token is under 600 bytes.
const MAX_TEXT: usize = 4096;

/// What it says about its controller; who it is for is the controller's business.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    pub text: String,
    /// "host:port"
    pub controller: String,
    /// "host:port" of the listener for joining.
    pub join: String,
    /// SHA-256 (hex) of the DER root.
    pub root: String,
}

impl Token {
    pub fn read(file: &Path) -> Result<Token, String> {
        let text = std::fs::read_to_string(file).map_err(|e| format!("token file {}: {e}", file.display()))?;
        Token::parse(text.trim()).map_err(|why| format!("token file {}: {why}", file.display()))
    }

    pub fn parse(text: &str) -> Result<Token, String> {
        let body = text.strip_prefix(PREFIX).filter(|_| text.len() <= MAX_TEXT);
        let body = body.ok_or("this is not a join token: it does not begin with weft1.")?;
        let json = URL_SAFE_NO_PAD.decode(body.trim_end_matches('=')).ok();
        let fields: Option<serde_json::Value> = json.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let fields = fields.ok_or("this is not a join token: it is cut off or changed")?;
        let field = |name: &str| fields.get(name).and_then(|v| v.as_str()).unwrap_or_default().to_owned();
        Ok(Token { text: text.into(), controller: field("controller"), join: field("join"), root: field("root") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_where_the_controller_is() {
        let json = r#"{"id":"1","secret":"s","controller":"h:1","join":"h:2","root":"ab","more":[1]}"#;
        let text = format!("weft1.{}", URL_SAFE_NO_PAD.encode(json));
        let token = Token::parse(&text).unwrap();
        assert_eq!((token.controller.as_str(), token.join.as_str(), token.root.as_str()), ("h:1", "h:2", "ab"));
        assert_eq!(token.text, text);
    }

    #[test]
    fn anything_else_is_none() {
        for bad in ["", "weft2.e30", "weft1.###", "weft1.AAAA", &format!("weft1.{}", "A".repeat(5000))] {
            assert!(Token::parse(bad).is_err(), "{bad}");
        }
        let missing = Token::read(Path::new("/nonexistent/token")).unwrap_err();
        assert!(missing.starts_with("token file /nonexistent/token:"), "{missing}");
    }
}
