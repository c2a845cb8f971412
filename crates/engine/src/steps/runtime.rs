//! Results of earlier steps, put in when a step is about to start.

use std::collections::BTreeMap;

use windlass_api::tekton::ParamValue;
use windlass_api::tekton::Step;
use windlass_api::tekton::WhenExpression;

use crate::substitution::MAX_EXPANSION;
use crate::substitution::variables;

/// Results of the steps that have ended, by the step's name and the result's; read with [`crate::results::from_file`].
pub type StepResults = BTreeMap<String, BTreeMap<String, ParamValue>>;

/// A result of an earlier step that cannot be put in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The step did not produce it.
    #[error("step \"{step}\" has no result \"{result}\"")]
    Missing {
        /// Name of the step.
        step: String,
        /// Name of the result.
        result: String,
    },
    /// The array is shorter.
    #[error("result \"{result}\" of step \"{step}\" has {size} elements and none at index {index}")]
    Index {
        /// Name of the step.
        step: String,
        /// Name of the result.
        result: String,
        /// The element.
        index: usize,
        /// How many there are.
        size: usize,
    },
    /// The reference has none of the known forms; the text is upstream's.
    #[error(
        "must be one of the form 1). \"steps.<stepName>.results.<resultName>\"; 2). \"steps.<stepName>.results.<objectResultName>.<individualAttribute>\""
    )]
    Malformed,
    /// A whole array is used beside other text; the text is upstream's.
    #[error(
        "value must be in \"$(steps.<step-name>.results.<result-name>[*])\" format, when using array results"
    )]
    NotIsolated,
    /// The values are too large.
    #[error("results of steps expand to more than {limit} bytes")]
    TooLarge {
        /// The bound, in bytes.
        limit: usize,
    },
}

/// A reference `steps.<step>.results.<result>`, with `[*]`, `[n]` or `.<key>` behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct StepReference<'a> {
    pub(super) step: &'a str,
    pub(super) result: &'a str,
    part: Part<'a>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part<'a> {
    Whole,
    All,
    At(usize),
    Key(&'a str),
}

impl<'a> StepReference<'a> {
    /// Reads a variable; `None` when it is not meant as such a reference.
    pub(super) fn parse(variable: &'a str) -> Option<Result<Self, Error>> {
        let rest = variable.strip_prefix("steps.")?;
        rest.contains(".results.")
            .then(|| Self::read(rest).ok_or(Error::Malformed))
    }

    fn read(rest: &'a str) -> Option<Self> {
        let mut words = rest.split('.');
        let (step, "results", word) = (words.next()?, words.next()?, words.next()?) else {
            return None;
        };
        let (result, part) = match (words.next(), words.next()) {
            (Some(key), None) => (word, Part::Key(key)),
            (None, _) => match word.strip_suffix(']').and_then(|word| word.rsplit_once('[')) {
                Some((name, "*")) => (name, Part::All),
                Some((name, index)) => (name, Part::At(index.parse().ok()?)),
                None => (word, Part::Whole),
            },
            _ => return None,
        };
        Some(Self { step, result, part })
    }
}

/// Whether a text uses results of earlier steps.
pub(super) fn uses_step_result(text: &str) -> bool {
    variables(text).any(|variable| StepReference::parse(variable).is_some())
}

/// Whether a step uses results of earlier steps where they are put in at run time.
pub fn uses_step_results(step: &Step) -> bool {
    let guards = step
        .when
        .iter()
        .flat_map(|when| when.values.iter().chain([&when.input, &when.cel]));
    step.command
        .iter()
        .chain(&step.args)
        .chain(step.env.iter().map(|variable| &variable.value))
        .chain(guards)
        .any(|text| uses_step_result(text))
}

/// The step with results of earlier steps put into its environment, guards, command and arguments.
///
/// As upstream, a value of another type than the reference asks for counts as empty, and so does an empty array that
/// stands alone in an argument.
///
/// # Errors
///
/// Upstream's runner logs these and goes on with the step as it is written; whoever starts the step may do the same.
pub fn expand_step(step: &Step, results: &StepResults) -> Result<Step, Error> {
    let mut step = step.clone();
    let mut pass = Pass { results, spent: 0 };
    for variable in &mut step.env {
        variable.value = pass.text(&variable.value)?;
    }
    for when in &mut step.when {
        *when = WhenExpression {
            input: pass.text(&when.input)?,
            operator: when.operator.clone(),
            values: pass.list(&when.values)?,
            cel: pass.text(&when.cel)?,
        };
    }
    step.command = pass.list(&step.command)?;
    step.args = pass.list(&step.args)?;
    Ok(step)
}

struct Pass<'a> {
    results: &'a StepResults,
    spent: usize,
}

impl<'a> Pass<'a> {
    fn list(&mut self, items: &[String]) -> Result<Vec<String>, Error> {
        let mut out = Vec::with_capacity(items.len());
        for item in items {
            match self.whole_array(item)? {
                Some(elements) => {
                    self.spend(
                        elements
                            .iter()
                            .map(|element| element.len() + size_of::<String>())
                            .sum(),
                    )?;
                    out.extend_from_slice(elements);
                }
                None => out.push(self.text(item)?),
            }
        }
        Ok(out)
    }

    /// The array that takes the place of an element; it must stand alone.
    fn whole_array(&self, item: &str) -> Result<Option<&'a [String]>, Error> {
        for variable in variables(item) {
            let Some(reference) = StepReference::parse(variable).transpose()? else {
                continue;
            };
            if reference.part != Part::All {
                continue;
            }
            if let ParamValue::Array(elements) = self.find(reference)?
                && !elements.is_empty()
            {
                // `$(` and `)` around the variable.
                let alone = item.len() == variable.len() + 3;
                return if alone {
                    Ok(Some(elements))
                } else {
                    Err(Error::NotIsolated)
                };
            }
        }
        Ok(None)
    }

    fn text(&mut self, text: &str) -> Result<String, Error> {
        let mut out = String::new();
        let mut rest = text;
        for variable in variables(text) {
            let Some(reference) = StepReference::parse(variable).transpose()? else {
                continue;
            };
            let value = self.string(reference)?;
            self.spend(value.len())?;
            if let Some((before, after)) = rest.split_once(format!("$({variable})").as_str()) {
                out.push_str(before);
                out.push_str(value);
                rest = after;
            }
        }
        out.push_str(rest);
        Ok(out)
    }

    fn string(&self, reference: StepReference<'_>) -> Result<&'a str, Error> {
        Ok(match (self.find(reference)?, reference.part) {
            (ParamValue::String(text), Part::Whole) => text,
            (ParamValue::Object(fields), Part::Key(key)) => fields.get(key).map_or("", String::as_str),
            (value, Part::At(index)) => {
                let elements = match value {
                    ParamValue::Array(elements) => elements.as_slice(),
                    ParamValue::String(_) | ParamValue::Object(_) => &[],
                };
                elements.get(index).ok_or_else(|| Error::Index {
                    step: reference.step.to_owned(),
                    result: reference.result.to_owned(),
                    index,
                    size: elements.len(),
                })?
            }
            _ => "",
        })
    }

    fn find(&self, reference: StepReference<'_>) -> Result<&'a ParamValue, Error> {
        self.results
            .get(reference.step)
            .and_then(|results| results.get(reference.result))
            .ok_or_else(|| Error::Missing {
                step: reference.step.to_owned(),
                result: reference.result.to_owned(),
            })
    }

    fn spend(&mut self, bytes: usize) -> Result<(), Error> {
        self.spent = self.spent.saturating_add(bytes);
        if self.spent > MAX_EXPANSION {
            return Err(Error::TooLarge { limit: MAX_EXPANSION });
        }
        Ok(())
    }
}
