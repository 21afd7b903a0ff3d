//! The console: screens, key flows, hostile text, the terminal itself.

mod acts;
mod attention;
mod canned;
mod cards;
mod counted;
mod flows;
mod home;
mod honest;
mod hostile;
mod keys;
mod light;
mod live;
mod night;
mod palette;
mod panics;
mod pty;
mod safe;
mod screen;
mod support;
mod svg;
pub mod terminal;
mod told;
mod unanswered;
mod unmanaged;
mod vanished;
mod words;
mod world;
