//! The Application Manager: the only door for every face.
//!
//! ```text
//!   query ── read models      watch ── changes      submit ── plans and operations
//!                       │            │                      │
//!                       └────── world (in memory) ──────────┤
//!                                    ▲                      ▼
//!                    watcher (polls clusters)        runner (drives operations)
//!                                    └────── Store::commit ─┘
//! ```

pub mod ports;
