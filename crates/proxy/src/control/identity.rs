//! Keeps an SVID in force: gets it, renews it, follows the mesh's trust bundle. Keys are made here and never leave.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rcgen::KeyPair;
use tokio::sync::watch;
use weft_core::Rng;
use weft_proto::v1;

use super::hub::Hub;
use super::join::{Joiner, NotSigned, service_account};
use super::log;
use super::renewal::Life;
use super::state::StoredIdentity;
use crate::config::Config;
use crate::shared::Command;
use crate::timestamp;
use crate::tls::{Identity, TlsError};

/// Without an SVID this workload is nobody: asked for more often than a renewal.
const FIRST_RETRY: Duration = Duration::from_secs(2);
/// Tools that renew files (certbot, Vault agents) do so hours before the end.
const FILES_INTERVAL: Duration = Duration::from_secs(10);

/// The task's own memory: what is in force, and what is needed to make the next one.
struct Keeper {
    hub: Arc<Hub>,
    joiner: Joiner,
    stored: StoredIdentity,
    life: Option<Life>,
    rng: Rng,
    /// The last failure, so that it is told once.
    failed: Option<String>,
    /// The bundle under which our certificate was not valid: one renewal for each.
    refused_roots: Vec<Vec<u8>>,
}

pub async fn run(hub: Arc<Hub>, joiner: Joiner, seed: u64) {
    let stored = hub.state.as_ref().and_then(|s| s.read_identity()).unwrap_or_default();
    let mut keeper =
        Keeper { hub, joiner, stored, life: None, rng: Rng::new(seed), failed: None, refused_roots: vec![] };
    keeper.resume();
    let mut config = keeper.hub.config.subscribe();
    let mut due = keeper.due();
    loop {
        tokio::select! {
            () = tokio::time::sleep(until(due)) => due = keeper.renew().await,
            () = keeper.hub.renew_now.notified() => due = keeper.renew().await,
            changed = config.changed() => if changed.is_ok() && !keeper.follow_roots(&mut config) {
                due = keeper.renew().await;
            },
        }
    }
}

fn until(unix_ms: i64) -> Duration {
    Duration::from_millis((unix_ms - timestamp::now_ms()).max(0) as u64)
}

impl Keeper {
    /// Takes up what the state directory kept.
    fn resume(&mut self) {
        if self.stored.chain.is_empty() {
            return;
        }
        match self.usable(&self.stored) {
            Ok(identity) => self.put_in_force(identity),
            Err(why) => {
                log::warn(&format!("the SVID in the state directory is not used: {why}"));
                self.stored = StoredIdentity::default();
            }
        }
    }

    fn due(&mut self) -> i64 {
        let now = timestamp::now_ms();
        self.life.map_or(now, |life| life.renew_at(now, &mut self.rng))
    }

    /// When the next attempt is.
    async fn renew(&mut self) -> i64 {
        match self.sign().await {
            Ok(identity) => {
                let until = timestamp::text(identity.not_after);
                log::info(&format!("identity {} is in force until {until}", identity.spiffe));
                self.failed = None;
                self.put_in_force(identity);
                self.due()
            }
            Err(NotSigned { refused: Some(words), .. }) if self.life.is_none() => {
                // Nobody yet, and the controller has said that it stays so: the app must not run as if it were somebody.
                self.hub.engine.send(Command::Refused(words));
                timestamp::now_ms() + FIRST_RETRY.as_millis() as i64
            }
            Err(not) => self.retry(not.why),
        }
    }

    fn retry(&mut self, why: String) -> i64 {
        let now = timestamp::now_ms();
        let left = match self.life {
            Some(life) if life.expired(now) => "it has expired".to_owned(),
            Some(life) => format!("it is valid until {}", timestamp::text(life.not_after / 1000)),
            None => "there is none yet".to_owned(),
        };
        if self.failed.as_ref() != Some(&why) {
            self.hub.event("certificate", &self.hub.workload_key(), &format!("no new SVID ({left}): {why}"));
            self.failed = Some(why);
        }
        match self.life {
            Some(life) => life.retry_at(now, &mut self.rng),
            None => now + (FIRST_RETRY.as_millis() as f64 * (0.5 + self.rng.unit() / 2.0)) as i64,
        }
    }

    async fn sign(&mut self) -> Result<Identity, NotSigned> {
        let key = self.next_key()?;
        let held = self.hub.identity.borrow().clone();
        let signed = self.joiner.sign(&key, held.as_ref(), timestamp::now()).await?;
        if !signed.warning.is_empty() {
            self.hub.event("clock", &self.hub.workload_key(), &signed.warning);
        }
        let stored = StoredIdentity {
            key_pkcs8: key.serialize_der(),
            chain: signed.chain,
            roots: signed.roots,
            received_ms: timestamp::now_ms(),
        };
        let identity = self.usable(&stored)?;
        self.stored = stored;
        self.save();
        Ok(identity)
    }

    /// A new key for each certificate. Only a first one is used again until it is answered: the controller takes a
    /// token twice from the same key, in case its answer was lost.
    fn next_key(&mut self) -> Result<KeyPair, String> {
        if self.stored.chain.is_empty() && !self.stored.key_pkcs8.is_empty() {
            if let Ok(key) = KeyPair::try_from(self.stored.key_pkcs8.as_slice()) {
                return Ok(key);
            }
        }
        let key = KeyPair::generate().map_err(|e| format!("no key could be made: {e}"))?;
        if self.stored.chain.is_empty() {
            self.stored.key_pkcs8 = key.serialize_der();
            self.save();
        }
        Ok(key)
    }

    fn save(&self) {
        let Some(state) = &self.hub.state else { return };
        if let Err(e) = state.write_identity(&self.stored) {
            log::warn(&format!("the SVID could not be kept for a restart: {e}"));
        }
    }

    fn usable(&self, stored: &StoredIdentity) -> Result<Identity, String> {
        let identity =
            Identity::from_der(&stored.key_pkcs8, &stored.chain, &stored.roots).map_err(|e| e.to_string())?;
        let workload = &self.joiner.workload;
        let suffix = format!("/ns/{}/sa/{}", workload.namespace, service_account(workload));
        match identity.spiffe.strip_prefix(&*format!("spiffe://{}", identity.trust_domain)) {
            Some(path) if path == suffix => Ok(identity),
            _ => Err(format!("it is for {}, and this workload is {suffix}", identity.spiffe)),
        }
    }

    fn put_in_force(&mut self, identity: Identity) {
        self.life = Some(Life { received: self.stored.received_ms, not_after: identity.not_after * 1000 });
        self.hub.push_identity(identity);
        self.hub.redial(&self.joiner);
    }

    /// Takes the mesh's roots. False: our certificate is under none of them, and a new one is needed.
    fn follow_roots(&mut self, config: &mut watch::Receiver<Arc<Config>>) -> bool {
        let mesh = config.borrow_and_update().mesh.clone();
        if self.stored.chain.is_empty() || mesh.roots.is_empty() || same_set(&mesh.roots, &self.stored.roots) {
            return true;
        }
        let next = StoredIdentity { roots: mesh.roots.clone(), ..self.stored.clone() };
        match self.usable(&next) {
            Ok(identity) => {
                log::info(&format!("the trust bundle has {} roots now", next.roots.len()));
                self.stored = next;
                self.save();
                self.put_in_force(identity);
                true
            }
            Err(_) if same_set(&mesh.roots, &self.refused_roots) => true,
            Err(why) => {
                self.refused_roots = mesh.roots.clone();
                self.hub.event("trust-bundle", "mesh", &format!("not taken yet: {why}"));
                false
            }
        }
    }
}

fn same_set(a: &[Vec<u8>], b: &[Vec<u8>]) -> bool {
    a.len() == b.len() && a.iter().all(|root| b.contains(root))
}

/// From the launch's files; None: it names none.
pub fn from_files(launch: &v1::Launch) -> Option<Result<Identity, TlsError>> {
    (!launch.key_file.is_empty())
        .then(|| Identity::from_pem_files(&launch.key_file, &launch.certificate_file, &launch.roots_file))
}

/// Follows files that somebody else renews.
pub async fn follow_files(hub: Arc<Hub>, joiner: Option<Joiner>) {
    let mut seen = stamps(&hub.launch);
    if let Some(joiner) = &joiner {
        hub.redial(joiner);
    }
    loop {
        tokio::time::sleep(FILES_INTERVAL).await;
        let now = stamps(&hub.launch);
        if now == seen {
            continue;
        }
        seen = now;
        match from_files(&hub.launch) {
            Some(Ok(identity)) => {
                log::info(&format!("{} changed: in force", hub.launch.certificate_file));
                hub.push_identity(identity);
                joiner.iter().for_each(|joiner| hub.redial(joiner));
            }
            Some(Err(why)) => hub.event("certificate", &hub.launch.certificate_file, &format!("not taken: {why}")),
            None => return,
        }
    }
}

fn stamps(launch: &v1::Launch) -> Vec<Option<SystemTime>> {
    let files = [&launch.key_file, &launch.certificate_file, &launch.roots_file];
    files.into_iter().map(|file| std::fs::metadata(file).and_then(|m| m.modified()).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bundles_are_sets() {
        let bundle = |all: &[u8]| all.iter().map(|n| vec![*n]).collect::<Vec<_>>();
        assert!(same_set(&bundle(&[1, 2]), &bundle(&[2, 1])));
        assert!(!same_set(&bundle(&[1]), &bundle(&[2])));
        assert!(!same_set(&bundle(&[1]), &bundle(&[1, 2])));
    }
}
