//! The console: screens, key flows, hostile text, the terminal itself.

mod cards;
mod flows;
mod home;
mod hostile;
mod screen;
mod support;
mod svg;
mod world;
