//! How a run begins, or goes on after a restart.

use std::sync::Arc;

use windlass_api::Kind;
use windlass_api::Resource as _;
use windlass_api::reasons::labels;
use windlass_api::reasons::pipeline_run;
use windlass_api::tekton::PipelineRun;
use windlass_api::tekton::PipelineSpec;
use windlass_api::tekton::pipelinerun::PipelineRunStatus;
use windlass_engine::NodeId;
use windlass_engine::Phase;
use windlass_engine::params::USER_ERROR;
use windlass_runtime::client::Result;

use super::apply;
use super::children::Parent;
use super::prepare;
use super::reconcile::Pass;
use super::reconcile::PipelineRuns;
use super::status;
use super::tracker::Tracker;
use super::tracker::Work;
use super::validate::Refusal;
use crate::definitions::Definition;
use crate::metadata::add_missing;
use crate::provenance;

impl PipelineRuns {
    /// Makes a tracker: for a new run from its pipeline, for one that was started before also from its children.
    /// `newest` becomes the run as it is now, if that changed.
    pub(super) async fn track(
        &self,
        run: &PipelineRun,
        status: &mut PipelineRunStatus,
        newest: &mut Option<Arc<PipelineRun>>,
    ) -> Result<std::result::Result<Tracker, Refusal>> {
        if prepare::awaits_pipeline(run) {
            self.announce(run, status, pipeline_run::RESOLVING_PIPELINE_REF)
                .await?;
        }
        let definition = match prepare::find(&self.definitions, run).await? {
            Ok(definition) => definition,
            Err(refusal) => return Ok(Err(refusal)),
        };
        if prepare::awaits_tasks(run, &definition.spec) {
            self.announce(run, status, pipeline_run::RESOLVING_TASK_REF)
                .await?;
        }
        *newest = self.hand_on(run, &definition).await?;
        let source = definition.ref_source.clone();
        let noted = status.provenance.as_ref();
        status.provenance = Some(provenance::provenance(noted, source, &self.flags));
        let fail_fast = self.config.fail_fast;
        let tracker = match prepare::complete(&self.definitions, run, &definition, fail_fast).await? {
            Ok(tracker) => match self.nests_itself(run, &tracker).await? {
                None => Ok(tracker),
                Some(refusal) => Err(refusal),
            },
            Err(refusal) => Err(refusal),
        };
        if status.pipeline_spec.is_none() {
            status.pipeline_spec = Some(match &tracker {
                Ok(tracker) => Arc::clone(&tracker.knowledge.spec),
                // It shows what was to be run.
                Err(_) => Arc::new(definition.spec),
            });
        }
        Ok(tracker)
    }

    /// Shows that the run waits for a definition, as that may take long.
    async fn announce(
        &self,
        run: &PipelineRun,
        status: &mut PipelineRunStatus,
        reason: &'static str,
    ) -> Result<()> {
        let PipelineRun { metadata, .. } = run;
        let message = format!(
            "PipelineRun {}/{} awaiting remote resource",
            metadata.namespace, metadata.name
        );
        status::ongoing(status, reason, &message, self.clock.now());
        apply::write_status(self.client.as_ref(), run, status.clone()).await
    }

    /// Puts the children that exist into a tracker that was just made.
    pub(super) async fn resume(&self, pass: &mut Pass<'_>) -> Result<()> {
        let run = pass.run;
        for kind in [Kind::TaskRun, Kind::CustomRun, Kind::PipelineRun] {
            let list = self.client.list(kind, Some(&run.metadata.namespace)).await?;
            for object in &list.objects {
                pass.tracker.note(object);
            }
        }
        pass.tracker.recall(run);
        pass.tracker.settle_all(false);
        let phase = pass.tracker.progress.phase(self.directive(pass), pass.now);
        if !matches!(phase, Phase::Forward | Phase::Finally) {
            pass.tracker.settle_all(true);
        }
        Ok(())
    }

    async fn nests_itself(&self, run: &PipelineRun, tracker: &Tracker) -> Result<Option<Refusal>> {
        for work in &tracker.knowledge.work {
            let Work::Pipeline(Some(pipeline)) = work else {
                continue;
            };
            let own = *pipeline == tracker.pipeline_name;
            if own || prepare::is_cycle(&self.definitions, run, pipeline).await? {
                let message = format!("{USER_ERROR}cycle detected: pipeline {pipeline:?} runs itself");
                return Ok(Some(Refusal::new(pipeline_run::CREATE_RUN_FAILED, message)));
            }
        }
        Ok(None)
    }

    /// Hands labels and annotations of the pipeline on to the run, and returns it if that changed it.
    async fn hand_on(
        &self,
        run: &PipelineRun,
        definition: &Definition<PipelineSpec>,
    ) -> Result<Option<Arc<PipelineRun>>> {
        let mut labels = definition.labels.clone();
        labels.insert(labels::PIPELINE.to_owned(), definition.name.clone());
        let change = |run: &mut PipelineRun| {
            let labels = add_missing(&mut run.metadata.labels, &labels);
            add_missing(&mut run.metadata.annotations, &definition.annotations) || labels
        };
        if !change(&mut run.clone()) {
            return Ok(None);
        }
        let changed = |run: &mut PipelineRun| {
            change(run);
        };
        self.client.modify::<PipelineRun>(&run.key(), changed).await
    }

    /// Puts back what children do not say of themselves: which guards let them run, and how they are shown.
    pub(super) fn recover(&self, pass: &mut Pass<'_>) {
        let knowledge = &pass.tracker.knowledge;
        let mut final_records = knowledge.records.iter().skip(knowledge.spec.tasks.len());
        if final_records.any(|record| !record.children.is_empty()) {
            pass.tracker.begin_finally(pass.now);
        }
        for index in 0..pass.tracker.knowledge.records.len() {
            let node = NodeId::new(u32::try_from(index).unwrap_or(u32::MAX));
            let knowledge = &pass.tracker.knowledge;
            if knowledge
                .record(node)
                .is_none_or(|record| record.children.is_empty())
            {
                continue;
            }
            let parent = Parent {
                run: pass.run,
                knowledge,
                workspaces: &[],
                default_timeout: self.config.default_timeout,
                max_combinations: self.config.max_matrix_combinations,
            };
            let (guards, names) = (knowledge.guards(node), parent.display_names(node));
            let Some(record) = pass.tracker.knowledge.record_mut(node) else {
                continue;
            };
            record.when = guards;
            for (name, display_name) in names {
                let child = record.children.iter_mut().find(|child| child.name == name);
                if let Some(child) = child {
                    child.display_name = display_name;
                }
            }
        }
    }
}
