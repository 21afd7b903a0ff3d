//! One integration binary, many modules: real Flink, the fake Flink, the store, the console.
