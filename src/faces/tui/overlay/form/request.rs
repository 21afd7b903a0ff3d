//! What the form asks for.

use super::{
    FROM, Form,
    words::{config_changes, parse_config, split_args},
};
use crate::{contract::intent, domain::spec::UpgradeStrategy, faces::tui::msg::Request};

impl Form {
    /// What the form says, as a request: only what differs from the base; all of it where the base knows no program yet, as
    /// after an adoption.
    pub fn request(&self) -> Result<Request, String> {
        let base = self.base.as_deref().filter(|b| b.artifact.sha256.is_some());
        let artifact = self.artifact.value();
        let args = split_args(self.args.as_str())?;
        let parallelism: u32 = self
            .parallelism
            .as_str()
            .trim()
            .parse()
            .ok()
            .filter(|n| *n > 0)
            .ok_or("parallelism is a number, 1 or more")?;
        let entry = self.entry_class.value();
        let lines: Vec<String> = self.config.lines().to_vec();
        Ok(Request::Upgrade(
            self.deployment.clone(),
            Box::new(intent::Upgrade {
                artifact,
                version_label: self.version.value(),
                entry_class: entry.filter(|e| base.and_then(|b| b.artifact.entry_class.as_ref()) != Some(e)),
                args: Some(args).filter(|a| base.is_none_or(|b| b.artifact.args != *a)),
                parallelism: Some(parallelism).filter(|p| base.is_none_or(|b| b.parallelism != *p)),
                flink_configuration: config_changes(&self.config_base, &parse_config(&lines)?),
                upgrade_strategy: self
                    .strategy
                    .checked_sub(1)
                    .and_then(|i| UpgradeStrategy::ALL.get(i).copied()),
                from: FROM.get(self.from).and_then(|(word, _)| word.map(|w| w.to_string())),
                allow_non_restored_state: self.drop_state,
                ..Default::default()
            }),
        ))
    }
}
