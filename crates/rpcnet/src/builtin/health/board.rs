//! [`Board`]: what the application has said, and what becomes of it while the server drains.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::status::HealthStatus;
use crate::error::RpcError;
use crate::server::WeakServer;
use crate::server::readiness::{News, Phase};

/// The statuses of a server.
#[derive(Debug)]
pub(super) struct Board {
    said: Mutex<Said>,
    /// Weak, since the server's own handlers hold the board.
    server: WeakServer,
}

#[derive(Debug)]
struct Said {
    overall: HealthStatus,
    services: BTreeMap<Box<str>, HealthStatus>,
}

impl Board {
    pub(super) fn new(server: WeakServer) -> Self {
        let said = Said {
            overall: HealthStatus::Serving,
            services: BTreeMap::new(),
        };
        Self {
            said: Mutex::new(said),
            server,
        }
    }

    /// Notes what the application says; the server as a whole has no name.
    pub(super) fn set(&self, service: &str, status: HealthStatus) -> Result<(), RpcError> {
        if service.len() > NAME_BYTES_MAX {
            return Err(RpcError::config(format!(
                "the name of a service has {} bytes, at most {NAME_BYTES_MAX} are allowed",
                service.len()
            )));
        }
        let mut said = self.said();
        if service.is_empty() {
            said.overall = status;
        } else if let Some(known) = said.services.get_mut(service) {
            *known = status;
        } else if said.services.len() < SERVICES_MAX {
            said.services.insert(service.into(), status);
        } else {
            return Err(RpcError::config(format!(
                "a status was set for {SERVICES_MAX} services already, which is the limit"
            )));
        }
        drop(said);
        if let Some(server) = self.server.upgrade() {
            server.stir();
        }
        Ok(())
    }

    /// The status of a service, or of the server; `None` where there is no such service.
    pub(super) fn status(&self, service: &str) -> Option<HealthStatus> {
        let said = {
            let said = self.said();
            match service {
                "" => Some(said.overall),
                _ => said.services.get(service).copied(),
            }
        };
        let offers = || {
            let server = self.server.upgrade();
            server.is_some_and(|server| server.offers(service))
        };
        let said = said.or_else(|| offers().then_some(HealthStatus::Serving))?;
        Some(match self.phase() {
            Phase::Open => said,
            Phase::Draining | Phase::Refusing => HealthStatus::Draining,
        })
    }

    /// Whether the server refuses calls, so that nobody new is told anything.
    pub(super) fn is_closed(&self) -> bool {
        self.phase() == Phase::Refusing
    }

    /// Changes from now on; `None` where the server is gone.
    pub(super) fn news(&self) -> Option<News> {
        self.server.upgrade().map(|server| server.news())
    }

    fn phase(&self) -> Phase {
        let server = self.server.upgrade();
        server.map_or(Phase::Refusing, |server| server.phase())
    }

    fn said(&self) -> MutexGuard<'_, Said> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Services for which a status can be set; further ones are refused.
pub(super) const SERVICES_MAX: usize = 1024;

/// Bytes of the name of a service for which a status is set.
pub(super) const NAME_BYTES_MAX: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::RpcConfig;
    use crate::server::RpcServer;

    fn board() -> (RpcServer, Board) {
        let server = RpcServer::new(RpcConfig::new("cert.pem", "127.0.0.1:0"));
        let board = Board::new(server.downgrade());
        (server, board)
    }

    #[test]
    fn what_was_said_last_is_shown() {
        let (_server, board) = board();
        assert_eq!(board.status(""), Some(HealthStatus::Serving));
        assert_eq!(board.status("Shop"), None);
        for status in [HealthStatus::NotServing, HealthStatus::Serving] {
            for service in ["", "Shop"] {
                board.set(service, status).expect("there is room");
                assert_eq!(board.status(service), Some(status));
            }
        }
    }

    #[test]
    fn the_server_and_its_services_are_apart() {
        let (_server, board) = board();
        board
            .set("Shop", HealthStatus::NotServing)
            .expect("there is room");
        assert_eq!(board.status(""), Some(HealthStatus::Serving));
        board.set("", HealthStatus::NotServing).expect("always");
        board.set("Shop", HealthStatus::Serving).expect("known");
        assert_eq!(board.status("Shop"), Some(HealthStatus::Serving));
    }

    #[test]
    fn beyond_the_limit_no_service_is_named_and_those_before_can_change() {
        let (_server, board) = board();
        for number in 0..SERVICES_MAX {
            let set = board.set(&number.to_string(), HealthStatus::Serving);
            set.expect("there is room");
        }
        let refused = board.set("one more", HealthStatus::Serving);
        assert!(matches!(refused, Err(RpcError::ConfigError(_))));
        assert_eq!(board.status("one more"), None);
        board.set("0", HealthStatus::NotServing).expect("known");
        assert_eq!(board.status("0"), Some(HealthStatus::NotServing));
        board.set("", HealthStatus::NotServing).expect("always");
    }

    #[test]
    fn a_name_may_be_as_long_as_the_limit() {
        let (_server, board) = board();
        let longest = "x".repeat(NAME_BYTES_MAX);
        board.set(&longest, HealthStatus::Serving).expect("fits");
        let refused = board.set(&(longest + "x"), HealthStatus::Serving);
        assert!(matches!(refused, Err(RpcError::ConfigError(_))));
    }

    #[test]
    fn a_server_that_is_gone_serves_nothing() {
        let (server, board) = board();
        drop(server);
        assert_eq!(board.status(""), Some(HealthStatus::Draining));
        assert!(board.is_closed() && board.news().is_none());
        board.set("", HealthStatus::Serving).expect("always");
    }
}
