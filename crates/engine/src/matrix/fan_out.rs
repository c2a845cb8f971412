//! The combinations of a matrix.

use std::collections::BTreeMap;
use std::collections::HashMap;

use windlass_api::references::ResultRef;
use windlass_api::references::expressions;
use windlass_api::tekton::Param;
use windlass_api::tekton::ParamType;
use windlass_api::tekton::ParamValue;
use windlass_api::tekton::pipeline::Matrix;

use super::error::Error;

/// How many combinations a matrix may have unless configured otherwise.
pub const DEFAULT_LIMIT: usize = 256;

/// One combination: values by name, which keeps them sorted.
type Combination<'a> = BTreeMap<&'a str, &'a str>;

/// All parameters that a matrix may give, those of `include` behind the others.
pub fn all_params(matrix: &Matrix) -> Vec<&Param> {
    matrix
        .params
        .iter()
        .chain(matrix.include.iter().flat_map(|include| &include.params))
        .collect()
}

/// Whether the matrix has an empty array, so that its task is skipped.
pub fn has_empty_array(matrix: &Matrix) -> bool {
    matrix
        .params
        .iter()
        .any(|param| matches!(&param.value, ParamValue::Array(items) if items.is_empty()))
}

/// How many combinations upstream counts, without making any; more than fit the machine count as many as fit.
pub fn count(matrix: &Matrix) -> usize {
    if matrix.params.is_empty() {
        return matrix.include.len();
    }
    let product = matrix
        .params
        .iter()
        .map(|param| elements(param).len())
        .filter(|length| *length > 0)
        .fold(1_usize, usize::saturating_mul);
    product.saturating_add(count_included(matrix))
}

/// An included combination counts as a new one for every parameter whose value the matrix lacks, up to the first value
/// it has.
fn count_included(matrix: &Matrix) -> usize {
    let fanned: HashMap<&str, &[String]> = matrix
        .params
        .iter()
        .map(|param| (param.name.as_str(), elements(param)))
        .collect();
    let mut count = 0;
    for include in &matrix.include {
        let known = include
            .params
            .iter()
            .filter_map(|param| Some((fanned.get(param.name.as_str())?, text(param))));
        count += known
            .take_while(|(items, value)| !items.iter().any(|item| item == value))
            .count();
    }
    count
}

/// The parameters of every run: each is a list sorted by name.
///
/// The first parameter varies fastest. An included combination extends those that it does not contradict; if no
/// combination shares a value with it, it is added as one more.
///
/// # Errors
///
/// More combinations than `limit`: those upstream counts before any is made, others when they would be added.
pub fn fan_out(matrix: &Matrix, limit: usize) -> Result<Vec<Vec<Param>>, Error> {
    let count = count(matrix);
    if count > limit {
        return Err(Error::TooMany { count, limit });
    }
    let included: Vec<Combination<'_>> = matrix
        .include
        .iter()
        .map(|include| {
            include
                .params
                .iter()
                .map(|param| (param.name.as_str(), text(param)))
                .collect()
        })
        .collect();
    if matrix.params.is_empty() {
        return Ok(included.into_iter().map(params).collect());
    }
    let mut combinations: Vec<Combination<'_>> = Vec::new();
    for param in &matrix.params {
        combinations = distribute(&combinations, param);
    }
    for combination in &mut combinations {
        for include in &included {
            if !contradicts(combination, include) {
                combination.extend(include);
            }
        }
    }
    for include in included {
        if !include.is_empty() && !combinations.iter().any(|other| shares_value(other, &include)) {
            if combinations.len() >= limit {
                let count = combinations.len() + 1;
                return Err(Error::TooMany { count, limit });
            }
            combinations.push(include);
        }
    }
    Ok(combinations.into_iter().map(params).collect())
}

/// Whether the matrix fans out arrays and includes strings, once results are put in. `task` names the pipeline task.
pub fn validate_types(task: &str, matrix: &Matrix) -> Result<(), Error> {
    let wrong = |param: &Param, expected: ParamType| Error::Type {
        task: task.to_owned(),
        param: param.name.clone(),
        expected: expected.as_str(),
        actual: param.value.kind().as_str(),
    };
    for param in matrix.include.iter().flat_map(|include| &include.params) {
        if param.value.kind() != ParamType::String {
            return Err(wrong(param, ParamType::String));
        }
    }
    for param in &matrix.params {
        if param.value.kind() != ParamType::Array && !awaits_result(&param.value) {
            return Err(wrong(param, ParamType::Array));
        }
    }
    Ok(())
}

fn awaits_result(value: &ParamValue) -> bool {
    value
        .as_str()
        .is_some_and(|text| expressions(text).any(|expression| ResultRef::looks_like(expression.body)))
}

fn elements(param: &Param) -> &[String] {
    match &param.value {
        ParamValue::Array(items) => items,
        ParamValue::String(_) | ParamValue::Object(_) => &[],
    }
}

fn text(param: &Param) -> &str {
    param.value.as_str().unwrap_or_default()
}

fn distribute<'a>(combinations: &[Combination<'a>], param: &'a Param) -> Vec<Combination<'a>> {
    let one = [Combination::new()];
    let combinations = if combinations.is_empty() {
        &one
    } else {
        combinations
    };
    elements(param)
        .iter()
        .flat_map(|value| {
            combinations.iter().map(|combination| {
                let mut extended = combination.clone();
                extended.insert(&param.name, value);
                extended
            })
        })
        .collect()
}

fn contradicts(combination: &Combination<'_>, include: &Combination<'_>) -> bool {
    include
        .iter()
        .any(|(name, value)| combination.get(name).is_some_and(|known| known != value))
}

fn shares_value(combination: &Combination<'_>, include: &Combination<'_>) -> bool {
    include
        .iter()
        .any(|(name, value)| combination.get(name) == Some(value))
}

fn params(combination: Combination<'_>) -> Vec<Param> {
    combination
        .into_iter()
        .map(|(name, value)| Param {
            name: name.to_owned(),
            value: ParamValue::from(value),
        })
        .collect()
}
