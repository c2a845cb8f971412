//! Matrices, and tasks that use the results of matrices.

use std::collections::HashMap;

use super::flags::Stability;
use super::params::given_twice;
use super::place::Place;
use super::violation::Check;
use super::violation::INVALID_VARIABLE;
use super::violation::OUT_OF_BOUNDS;
use super::violation::Violation;
use crate::references::ResultIndex;
use crate::references::ResultRef;
use crate::references::param_texts;
use crate::references::pipeline_task_params;
use crate::tekton::ParamValue;
use crate::tekton::PipelineTask;
use crate::tekton::pipeline::Matrix;

impl Check<'_> {
    pub(super) fn matrices(&mut self, at: &Place<'_>, tasks: &[PipelineTask]) {
        for (index, task) in tasks.iter().enumerate() {
            if let Some(matrix) = &task.matrix {
                self.matrix(&at.index(index), task, matrix);
            }
        }
        let matrixed: HashMap<&str, &PipelineTask> = tasks
            .iter()
            .filter(|task| is_matrixed(task))
            .map(|task| (task.name.as_str(), task))
            .collect();
        if matrixed.is_empty() {
            return;
        }
        for (index, task) in tasks.iter().enumerate() {
            let at = at.index(index);
            let texts = pipeline_task_params(task).flat_map(|param| param_texts(&param.value));
            for reference in texts.flat_map(ResultRef::in_text) {
                if let Some(producer) = matrixed.get(reference.task) {
                    self.matrixed_result(&at.field("params"), reference, producer);
                }
            }
        }
    }

    fn matrix(&mut self, at: &Place<'_>, task: &PipelineTask, matrix: &Matrix) {
        let matrix_at = at.field("matrix");
        if is_matrixed(task) {
            self.feature(&matrix_at, "matrix", Stability::Beta);
            let (count, most) = (count_combinations(matrix), self.flags.max_matrix_combinations);
            if count > most {
                let message = format!("expected 0 <= {count} <= {most}");
                let violation = Violation::new(OUT_OF_BOUNDS, &matrix_at, message);
                self.add(violation.hint(format!("a matrix may have {most} combinations")));
            }
            let include_at = matrix_at.field("include");
            for (index, include) in matrix.include.iter().enumerate() {
                self.unique_task_params(&include_at.index(index).field("params"), &include.params);
            }
            self.unique_task_params(&matrix_at.field("params"), &matrix.params);
        }
        let all = matrix
            .params
            .iter()
            .chain(matrix.include.iter().flat_map(|include| &include.params));
        let names: std::collections::HashSet<&str> = all.map(|param| param.name.as_str()).collect();
        for param in &task.params {
            if names.contains(param.name.as_str()) {
                self.add(given_twice(at, &param.name));
            }
        }
    }

    fn matrixed_result(&mut self, at: &Place<'_>, reference: ResultRef<'_>, producer: &PipelineTask) {
        let ResultRef {
            task,
            result,
            index,
            key,
            ..
        } = reference;
        if index != Some(ResultIndex::All) {
            let suffix = match (index, key) {
                (Some(ResultIndex::At(at)), _) => format!("[{at}]"),
                (_, Some(key)) => format!(".{key}"),
                _ => String::new(),
            };
            let message = format!(
                "A matrixed pipelineTask can only be consumed in aggregate using [*] notation, but is currently set to \
                 tasks.{task}.results.{result}{suffix}"
            );
            let violation = Violation::new(INVALID_VARIABLE, at, message).pathless();
            self.add(violation.hint(format!("use $(tasks.{task}.results.{result}[*])")));
            return;
        }
        let declared = producer.task_spec.iter().flat_map(|spec| &spec.results);
        for declared in declared.filter(|declared| declared.name == result && declared.r#type != "string") {
            let value = format!(
                "Matrixed PipelineTasks emitting results must have an underlying type string, but result {result} has \
                 type {} in pipelineTask",
                declared.r#type
            );
            self.add(Violation::invalid(at, value));
        }
    }
}

pub(super) fn is_matrixed(task: &PipelineTask) -> bool {
    task.matrix
        .as_ref()
        .is_some_and(|matrix| !matrix.params.is_empty() || !matrix.include.is_empty())
}

/// How many combinations a matrix has before its variables are replaced; saturates.
fn count_combinations(matrix: &Matrix) -> usize {
    if matrix.params.is_empty() {
        return matrix.include.len();
    }
    let arrays: HashMap<&str, &[String]> = matrix
        .params
        .iter()
        .filter_map(|param| match &param.value {
            ParamValue::Array(items) => Some((param.name.as_str(), items.as_slice())),
            ParamValue::String(_) | ParamValue::Object(_) => None,
        })
        .collect();
    let product = matrix.params.iter().fold(1_usize, |count, param| {
        let len = arrays.get(param.name.as_str()).map_or(0, |items| items.len());
        count.saturating_mul(len.max(1))
    });
    // An included combination that contradicts the product is a combination of its own.
    matrix.include.iter().fold(product, |count, include| {
        let known = include
            .params
            .iter()
            .filter_map(|param| Some((arrays.get(param.name.as_str())?, &param.value)));
        let contradicting = known.take_while(|(items, value)| {
            let text = value.as_str().unwrap_or_default();
            !items.iter().any(|item| item == text)
        });
        count.saturating_add(contradicting.count())
    })
}
