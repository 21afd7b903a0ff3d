//! Flink's REST API, for Flink 1.16 to 2.3: the implementation of the ports [`Cluster`] and [`ClusterFactory`].
//!
//! ```text
//!  Cluster (client) ── what a call means: routes, bodies, answers ── dto, metrics, upload
//!        │
//!  Http (http)      ── how it travels: addresses, tries, circuit, time limits, credentials, caps
//!        │
//!  Links (tls)      ── one pair of connections per TLS and proxy identity, shared by all targets
//! ```
//!
//! A request that changes something travels on a connection of its own and is sent once: a failure before the connection
//! stood is known to have had no effect, everything later *may* have had one. A request that only reads may be repeated.
//!
//! [`Cluster`]: crate::manager::ports::cluster::Cluster
//! [`ClusterFactory`]: crate::manager::ports::ClusterFactory

mod auth;
mod circuit;
mod client;
mod dto;
pub mod errors;
mod factory;
mod failure;
mod http;
mod json;
mod limits;
mod metrics;
mod run;
mod tls;
mod upload;

pub use factory::FlinkFactory;
pub use limits::Limits;
