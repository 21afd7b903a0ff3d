//! What a console shows first: a window of rows, totals, and one deployment in full.

use super::{
    Caller, Manager, ManagerResult, SnapshotQuery, SnapshotSort, ports::store::EventQuery,
    query::DEFAULT_LIMIT, view, world::DeploymentEntry,
};
use crate::{
    contract::{
        model,
        watch::{Detail, Snapshot},
    },
    domain::{event::Severity, ids::DeploymentName},
};

impl Manager {
    /// A window: slim rows, totals, one full model.
    pub async fn snapshot(&self, q: &SnapshotQuery, who: &Caller) -> ManagerResult<Snapshot> {
        let limit = q.limit.unwrap_or(DEFAULT_LIMIT) as usize;
        let now = self.inner.now();
        let (mut snapshot, select) = {
            let w = self.inner.world();
            let fits = |e: &&DeploymentEntry| {
                q.filter.as_ref().is_none_or(|f| e.row.name.to_string().contains(f.as_str()))
            };
            let mut all: Vec<&DeploymentEntry> = w.deployments.values().filter(fits).collect();
            // They come by name, and a stable sort keeps that among equals.
            match q.sort {
                SnapshotSort::Name => {}
                SnapshotSort::Health => all.sort_by_cached_key(|e| view::health_of(e, &w)),
                SnapshotSort::Target => all.sort_by_cached_key(|e| e.target()),
            }
            let select = q.select.clone().or_else(|| all.first().map(|e| e.row.name.clone()));
            let snapshot = Snapshot {
                at: self.inner.hub.position(),
                now,
                actor: who.actor.clone(),
                read_only: self.inner.settings.read_only,
                totals: view::totals(&w),
                applications: w.applications.keys().filter_map(|n| view::application(n, &w)).collect(),
                rows: all.iter().take(limit).map(|e| view::row(e, &w)).collect(),
                total_rows: u32::try_from(all.len()).unwrap_or(u32::MAX),
                targets: w.targets.values().map(|t| view::target(t, &w, &self.inner.trust)).collect(),
                unmanaged: w.targets.values().flat_map(|t| view::unmanaged(t, &w)).collect(),
                selected: None,
                events: vec![],
            };
            (snapshot, select)
        };
        snapshot.selected = select.and_then(|name| self.detail(&name)).map(Box::new);
        snapshot.events = self.newest_events().await?;
        Ok(snapshot)
    }

    /// The newest events of everything, oldest first, without their details.
    async fn newest_events(&self) -> ManagerResult<Vec<model::Event>> {
        // A busy job's checkpoints would leave no room for what happened: the newest of everything, and the newest of the rest.
        let mut events = Vec::new();
        for severity in [None, Some(Severity::Info)] {
            let q = EventQuery { limit: 100, severity, ..EventQuery::default() };
            events.extend(self.inner.deps.store.events(&q).await?.into_iter().map(view::event));
        }
        events.sort_by_key(|e: &model::Event| e.seq);
        events.dedup_by_key(|e| e.seq);
        // Two hundred stack traces are megabytes; the log has them.
        events.iter_mut().for_each(|e| e.details = serde_json::Value::Null);
        Ok(events)
    }

    /// One deployment with what its tabs show first.
    #[must_use]
    pub fn detail(&self, name: &DeploymentName) -> Option<Detail> {
        let w = self.inner.world();
        let e = w.deployments.get(name)?;
        Some(Detail {
            deployment: view::deployment(e, &w, self.inner.now()),
            savepoints: e.savepoints.iter().map(|s| view::savepoint(s, &w)).collect(),
            operation: e.operation.as_ref().and_then(|id| w.operations.get(id)).map(view::operation),
        })
    }
}
