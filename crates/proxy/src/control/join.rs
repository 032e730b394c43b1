//! How a process without an SVID gets its first one, and how it renews it: the proofs, in order of preference.

use std::path::Path;
use std::sync::Arc;

use rcgen::{CertificateParams, KeyPair};
use tonic::{Code, Status};
use weft_proto::v1;
use weft_proto::v1::identity_client::IdentityClient;

use super::channel::{Address, why};
use super::token::Token;
use crate::timestamp;
use crate::tls::{self, Identity};

/// What a process asks a signature for, and with what it can prove that it may.
pub struct Joiner {
    pub workload: v1::Workload,
    /// None: only in the token.
    pub address: Option<Address>,
    pub root_sha256: String,
    pub token_file: String,
}

/// Why there is no certificate.
#[derive(Debug)]
pub struct NotSigned {
    pub why: String,
    /// The controller has judged the proof: asking again with the same one is in vain. Its words, with its hint on a line
    /// of its own.
    pub refused: Option<String>,
}

impl From<String> for NotSigned {
    fn from(why: String) -> Self {
        NotSigned { why, refused: None }
    }
}

impl From<Status> for NotSigned {
    fn from(status: Status) -> Self {
        let judged = is_about_the_proof(&status) || status.code() == Code::InvalidArgument;
        NotSigned { why: why(&status), refused: judged.then(|| status.message().to_owned()) }
    }
}

/// A refusal that another proof might overcome.
fn is_about_the_proof(status: &Status) -> bool {
    matches!(status.code(), Code::Unauthenticated | Code::PermissionDenied)
}

impl Joiner {
    pub fn new(launch: &v1::Launch) -> Result<Joiner, String> {
        let controller = launch.controller.clone().unwrap_or_default();
        let address = match controller.address.as_str() {
            "" => None,
            text => Some(Address::parse(text)?),
        };
        let workload = launch.workload.clone().unwrap_or_default();
        Ok(Joiner { workload, address, root_sha256: controller.root_sha256, token_file: controller.token_file })
    }

    /// The controller's own listener, for those that have an SVID.
    pub fn controller(&self) -> Result<Address, String> {
        match (&self.address, self.token()) {
            (Some(address), _) => Ok(address.clone()),
            (None, Some(token)) => Address::parse(&token?.controller),
            (None, None) => Err("the launch names no controller and no token".into()),
        }
    }

    /// The unix socket; else the SVID held, while it is valid; else the token.
    pub async fn sign(
        &self,
        key: &KeyPair,
        held: Option<&Arc<Identity>>,
        now: i64,
    ) -> Result<v1::SignResponse, NotSigned> {
        let controller = self.controller()?;
        if let Address::Unix(_) = controller {
            return Ok(self.ask(&controller, None, key, "").await?);
        }
        let Some(svid) = held.filter(|svid| now < svid.not_after) else { return self.sign_by_token(key).await };
        let tls = svid.controller_client().map_err(|e| e.to_string())?;
        match self.ask(&controller, Some(tls), key, "").await {
            Err(status) if is_about_the_proof(&status) && self.token().is_some() => self
                .sign_by_token(key)
                .await
                .map_err(|e| format!("the SVID held was refused ({}), and so was the token ({})", why(&status), e.why))
                .map_err(NotSigned::from),
            other => Ok(other?),
        }
    }

    async fn sign_by_token(&self, key: &KeyPair) -> Result<v1::SignResponse, NotSigned> {
        let token = self.token().ok_or_else(|| {
            "nothing to prove who this is: no SVID held, no token file, and the controller is not on a unix socket \
             (weft token create makes a token)"
                .to_owned()
        })??;
        let (join, root) = self.join_place(&token)?;
        let tls = tls::join_config(&root).map_err(|e| e.to_string())?;
        Ok(self.ask(&join, Some(tls), key, &token.text).await?)
    }

    /// What the launch says goes before what the token says.
    fn join_place(&self, token: &Token) -> Result<(Address, String), String> {
        let named = self.address.as_ref().filter(|a| **a != Address::Tcp(token.controller.clone()));
        let join = match named {
            Some(address) => address.join(),
            None if token.join.is_empty() => Address::parse(&token.controller)?.join(),
            None => Address::parse(&token.join)?,
        };
        let root = if self.root_sha256.is_empty() { &token.root } else { &self.root_sha256 };
        Ok((join, root.clone()))
    }

    /// Read each time: a new token may be put there while the process waits for one.
    fn token(&self) -> Option<Result<Token, String>> {
        (!self.token_file.is_empty()).then(|| Token::read(Path::new(&self.token_file)))
    }

    async fn ask(
        &self,
        address: &Address,
        tls: Option<rustls::ClientConfig>,
        key: &KeyPair,
        token: &str,
    ) -> Result<v1::SignResponse, Status> {
        let request = v1::SignRequest {
            csr: request(key).map_err(Status::internal)?,
            token: token.to_owned(),
            namespace: self.workload.namespace.clone(),
            service_account: service_account(&self.workload).to_owned(),
            workload: self.workload.name.clone(),
            unix_seconds: timestamp::now(),
        };
        // A channel of its own: the connection's certificate is the proof, and an old connection has an old one.
        let channel = address.channel(tls.map(Arc::new));
        Ok(IdentityClient::new(channel).sign(request).await?.into_inner())
    }
}

/// Defaults to the service's name, and for a pure client to the workload's.
pub fn service_account(workload: &v1::Workload) -> &str {
    let service = workload.service.rsplit('/').next().unwrap_or_default();
    [workload.service_account.as_str(), service, workload.name.as_str()]
        .into_iter()
        .find(|s| !s.is_empty())
        .unwrap_or("")
}

/// PKCS#10; only its public key is used.
fn request(key: &KeyPair) -> Result<Vec<u8>, String> {
    let signed = CertificateParams::default().serialize_request(key).map_err(|e| format!("signing request: {e}"))?;
    Ok(signed.der().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joiner(address: &str, root: &str) -> Joiner {
        let controller = v1::Controller { address: address.into(), root_sha256: root.into(), token_file: "".into() };
        Joiner::new(&v1::Launch { controller: Some(controller), ..Default::default() }).unwrap()
    }

    fn token(controller: &str, join: &str) -> Token {
        Token { text: "weft1.x".into(), controller: controller.into(), join: join.into(), root: "aa".into() }
    }

    #[test]
    fn the_launch_goes_before_the_token() {
        let place = |j: Joiner, t: Token| j.join_place(&t).unwrap();
        let tcp = |text: &str| Address::Tcp(text.into());
        assert_eq!(place(joiner("", ""), token("c:1", "j:9")), (tcp("j:9"), "aa".into()));
        assert_eq!(place(joiner("", ""), token("c:1", "")), (tcp("c:2"), "aa".into()));
        assert_eq!(place(joiner("c:1", "bb"), token("c:1", "j:9")), (tcp("j:9"), "bb".into()));
        assert_eq!(place(joiner("d:5", ""), token("c:1", "j:9")), (tcp("d:6"), "aa".into()));
    }

    #[test]
    fn the_account_defaults_to_the_services_name() {
        let workload = |account: &str, service: &str| v1::Workload {
            name: "w-0".into(),
            service: service.into(),
            service_account: account.into(),
            ..Default::default()
        };
        assert_eq!(service_account(&workload("a", "ns/s")), "a");
        assert_eq!(service_account(&workload("", "ns/s")), "s");
        assert_eq!(service_account(&workload("", "")), "w-0");
    }

    #[tokio::test]
    async fn without_any_proof_it_says_what_to_do() {
        let key = KeyPair::generate().unwrap();
        let error = joiner("127.0.0.1:1", "").sign(&key, None, 0).await.unwrap_err();
        assert!(error.why.contains("weft token create") && error.refused.is_none(), "{error:?}");
    }

    #[test]
    fn a_judgement_is_told_from_an_accident() {
        let refused = |status: Status| NotSigned::from(status).refused;
        let used = Status::permission_denied("the token was used already\nhint: make another");
        assert_eq!(refused(used).as_deref(), Some("the token was used already\nhint: make another"));
        assert!(refused(Status::unauthenticated("no such token")).is_some());
        for accident in [Status::unavailable("gone"), Status::internal("a defect"), Status::resource_exhausted("full")]
        {
            assert_eq!(refused(accident), None);
        }
    }

    #[test]
    fn a_signing_request_is_made() {
        assert!(request(&KeyPair::generate().unwrap()).unwrap().len() > 100);
    }
}
