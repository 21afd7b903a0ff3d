//! One integration binary, many modules: real Flink, the fake Flink, the store, the console.

#[cfg(test)]
mod cli;
#[cfg(test)]
mod cluster_contract;
#[cfg(test)]
mod config;
#[cfg(test)]
mod console;
#[cfg(test)]
mod demo;
#[cfg(test)]
mod demo_command;
#[cfg(test)]
mod edges;
#[cfg(test)]
mod fake;
#[cfg(test)]
mod flink_fixtures;
#[cfg(test)]
mod flink_http;
#[cfg(test)]
mod flink_proxy;
#[cfg(test)]
mod flink_real;
#[cfg(test)]
mod flink_tls;
#[cfg(test)]
mod kill;
#[cfg(test)]
mod manager;
#[cfg(test)]
mod places;
#[cfg(test)]
mod real;
#[cfg(test)]
mod server;
#[cfg(test)]
mod state_dir;
#[cfg(test)]
mod store_contract;
#[cfg(test)]
mod support;
#[cfg(test)]
mod tree;
