//! The program's own numbers for somebody who asks once. Who watches has them from the slow lane.

use std::{sync::Arc, time::Duration};

use indexmap::IndexMap;

use crate::{
    contract::model::MetricValue,
    domain::{
        ids::{DeploymentName, FlinkJobId},
        spec::OverviewMetric,
    },
    manager::{inner::Inner, ports::cluster::Cluster},
};

/// Numbers that are not older than this are not read again.
const FRESH: Duration = Duration::from_secs(5);
/// Who asks does not wait longer for numbers.
const PATIENCE: Duration = Duration::from_secs(2);
/// Flink fetches metrics when it is first asked for them, and has none until then.
const AGAIN: Duration = Duration::from_millis(300);

/// Reads the numbers of a deployment's live job, unless they are known. Without an answer they stay as they are.
pub async fn refresh(inner: &Arc<Inner>, name: &DeploymentName) {
    let Some((cluster, flink, wanted)) = due(inner, name) else { return };
    let sums = tokio::select! {
        sums = read(inner, &*cluster, &flink, &wanted) => sums,
        () = inner.deps.clock.sleep(PATIENCE) => None,
    };
    let Some(sums) = sums else { return };
    let now = inner.now();
    let mut world = inner.world_mut();
    let Some(e) = world.deployments.get_mut(name) else { return };
    if e.job.as_ref().is_some_and(|j| j.flink == flink) {
        e.sight.metrics = wanted
            .into_iter()
            .map(|m| MetricValue {
                value: sums.get(&m.metric).copied(),
                name: m.name,
                metric: m.metric,
                observed_at: Some(now),
            })
            .collect();
    }
}

fn due(inner: &Inner, name: &DeploymentName) -> Option<(Arc<dyn Cluster>, FlinkJobId, Vec<OverviewMetric>)> {
    let world = inner.world();
    let e = world.deployments.get(name)?;
    let wanted = e.spec.as_ref().map(|s| s.overview_metrics.clone()).filter(|m| !m.is_empty())?;
    let lives = e.sight.summary.as_ref().is_some_and(|s| s.tasks.all_running());
    let target = world.targets.get(&e.target()).filter(|t| lives && t.sight.reachable == Some(true))?;
    let fresh = e
        .sight
        .metrics
        .iter()
        .any(|m| m.value.is_some() && m.observed_at.is_some_and(|t| inner.now().since(t) < FRESH));
    let flink = e.job.as_ref().map(|j| j.flink.clone())?;
    Some((target.cluster.clone().ok()?, flink, wanted)).filter(|_| !fresh)
}

async fn read(
    inner: &Inner,
    cluster: &dyn Cluster,
    flink: &FlinkJobId,
    wanted: &[OverviewMetric],
) -> Option<IndexMap<String, f64>> {
    let names: Vec<String> = wanted.iter().map(|m| m.metric.clone()).collect();
    let sums = cluster.metric_sums(flink, &names).await.ok()?;
    if !sums.is_empty() {
        return Some(sums);
    }
    inner.deps.clock.sleep(AGAIN).await;
    cluster.metric_sums(flink, &names).await.ok()
}
