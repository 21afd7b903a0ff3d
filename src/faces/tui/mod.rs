//! The console: a pure loop over the manager's API.
//!
//! ```text
//!            ┌────────────── Msg ───────────────┐
//!   keys ────┤   update(&mut Model, Msg)        ├──▶ Vec<Effect> ──▶ client, clipboard, editor
//!   manager ─┤   view(&Model, area, &mut Buffer)├──▶ Buffer ──▶ Screen ──▶ terminal
//!   clock ───┘                                  └
//! ```
//!
//! The model knows no terminal and no socket; only [`terminal`] knows the terminal, only [`effects`] asks the manager.

pub mod command;
pub mod data;
pub mod decode;
pub mod diagnostic;
pub mod effects;
pub mod history;
pub mod input;
pub mod keymap;
pub mod layout;
pub mod list;
pub mod model;
pub mod msg;
pub mod overlay;
pub mod pages;
pub mod paint;
mod run;
pub mod say;
pub mod screen;
pub mod terminal;
pub mod theme;
pub mod update;
mod verbs;
pub mod view;

pub use effects::Reconnect;
pub use run::{ConsoleOptions, run};
