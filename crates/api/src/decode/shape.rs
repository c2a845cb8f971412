//! What a type accepts, compiled from its JSON Schema.

use std::collections::HashMap;

use serde_json::Map;
use serde_json::Value;

/// Index of a shape in its [`Shapes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ShapeId(usize);

/// What a value must look like.
#[derive(Debug)]
pub(super) enum Shape {
    /// Anything at all; the type itself decides.
    Any,
    Bool,
    Integer {
        min: Option<i64>,
        max: Option<u64>,
    },
    Number,
    Text {
        /// The only values, when there are few.
        allowed: Option<Box<[Box<str>]>>,
    },
    List(ShapeId),
    /// A free map of text to something.
    Map(ShapeId),
    Object(Fields),
    /// One of several; `null` never is among them.
    Union(Box<[ShapeId]>),
    /// The same as another: what a named definition stands for.
    Same(ShapeId),
}

/// Follows names to what they stand for. A name that stands for itself takes anything.
fn resolve(shapes: &[Shape], mut id: ShapeId) -> ShapeId {
    for _ in 0..shapes.len() {
        match shapes.get(id.0) {
            Some(Shape::Same(other)) => id = *other,
            _ => return id,
        }
    }
    ANY
}

/// The fields of a closed object.
#[derive(Debug, Default)]
pub(super) struct Fields {
    exact: HashMap<Box<str>, ShapeId>,
    /// Lower case to the exact spelling.
    folded: HashMap<Box<str>, Box<str>>,
    pub(super) required: Vec<Box<str>>,
}

impl Fields {
    pub(super) fn exact(&self, name: &str) -> Option<ShapeId> {
        self.exact.get(name).copied()
    }

    /// The exact spelling of a field that is given in another case.
    pub(super) fn folded(&self, name: &str) -> Option<&str> {
        self.folded
            .get(name.to_ascii_lowercase().as_str())
            .map(AsRef::as_ref)
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.exact.keys().map(AsRef::as_ref)
    }

    fn insert(&mut self, name: &str, shape: ShapeId) {
        self.folded.insert(name.to_ascii_lowercase().into(), name.into());
        self.exact.insert(name.into(), shape);
    }
}

/// All shapes of a type. Types that contain themselves are cycles of ids.
#[derive(Debug)]
pub(super) struct Shapes {
    shapes: Vec<Shape>,
    root: ShapeId,
}

impl Shapes {
    /// Compiles a root schema with its `$defs`.
    pub(super) fn compile(schema: &Value) -> Self {
        let mut compiler = Compiler {
            root: schema,
            shapes: vec![Shape::Any],
            by_reference: HashMap::new(),
        };
        let root = compiler.compile(schema);
        let mut shapes = Self {
            shapes: compiler.shapes,
            root,
        };
        shapes.admit_type_meta();
        shapes
    }

    pub(super) fn root(&self) -> ShapeId {
        self.root
    }

    pub(super) fn get(&self, id: ShapeId) -> &Shape {
        self.shapes
            .get(resolve(&self.shapes, id).0)
            .unwrap_or(&Shape::Any)
    }

    /// Any object with `metadata` may say its `apiVersion` and `kind`, which its Rust type need not hold.
    fn admit_type_meta(&mut self) {
        let text = ShapeId(self.shapes.len());
        let root = resolve(&self.shapes, self.root);
        if let Some(Shape::Object(fields)) = self.shapes.get_mut(root.0)
            && fields.exact("metadata").is_some()
        {
            for name in ["apiVersion", "kind"] {
                if fields.exact(name).is_none() {
                    fields.insert(name, text);
                }
            }
            self.shapes.push(Shape::Text { allowed: None });
        }
    }
}

/// The shape that takes anything always has this id.
const ANY: ShapeId = ShapeId(0);

struct Compiler<'a> {
    root: &'a Value,
    shapes: Vec<Shape>,
    by_reference: HashMap<&'a str, ShapeId>,
}

impl<'a> Compiler<'a> {
    fn add(&mut self, shape: Shape) -> ShapeId {
        self.shapes.push(shape);
        ShapeId(self.shapes.len() - 1)
    }

    fn compile(&mut self, schema: &'a Value) -> ShapeId {
        let Some(schema) = schema.as_object() else {
            return ANY;
        };
        if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
            return self.compile_reference(reference);
        }
        for word in ["anyOf", "oneOf"] {
            if let Some(alternatives) = schema.get(word).and_then(Value::as_array) {
                let shapes = alternatives
                    .iter()
                    .filter(|one| !is_null(one))
                    .map(|one| self.compile(one))
                    .collect();
                return self.union(shapes);
            }
        }
        if let Some([only]) = schema.get("allOf").and_then(Value::as_array).map(Vec::as_slice) {
            return self.compile(only);
        }
        match schema.get("type") {
            Some(Value::String(name)) => self.compile_type(name, schema),
            Some(Value::Array(names)) => {
                let names = names
                    .iter()
                    .filter_map(Value::as_str)
                    .filter(|&name| name != "null");
                let shapes = names.map(|name| self.compile_type(name, schema)).collect();
                self.union(shapes)
            }
            _ if schema.contains_key("properties") => self.compile_type("object", schema),
            _ => match texts(schema.get("enum").or_else(|| schema.get("const"))) {
                Some(allowed) => self.add(Shape::Text {
                    allowed: Some(allowed),
                }),
                None => ANY,
            },
        }
    }

    fn compile_reference(&mut self, reference: &'a str) -> ShapeId {
        if let Some(&known) = self.by_reference.get(reference) {
            return known;
        }
        let target = reference
            .strip_prefix('#')
            .and_then(|pointer| self.root.pointer(pointer));
        let Some(target) = target else { return ANY };
        // The place is taken before the target is compiled, because the target may contain itself.
        let place = self.add(Shape::Any);
        self.by_reference.insert(reference, place);
        let compiled = self.compile(target);
        if let Some(slot) = self.shapes.get_mut(place.0) {
            *slot = Shape::Same(compiled);
        }
        place
    }

    fn union(&mut self, shapes: Vec<ShapeId>) -> ShapeId {
        if shapes.contains(&ANY) {
            return ANY;
        }
        let all_texts: Option<Vec<_>> = shapes
            .iter()
            .map(|&id| match self.shapes.get(resolve(&self.shapes, id).0) {
                Some(Shape::Text {
                    allowed: Some(allowed),
                }) => Some(allowed.iter().cloned()),
                _ => None,
            })
            .collect();
        match (shapes.as_slice(), all_texts) {
            ([], _) => ANY,
            (&[only], _) => only,
            (_, Some(texts)) => {
                let allowed = texts.into_iter().flatten().collect();
                self.add(Shape::Text {
                    allowed: Some(allowed),
                })
            }
            _ => self.add(Shape::Union(shapes.into())),
        }
    }

    fn compile_type(&mut self, name: &str, schema: &'a Map<String, Value>) -> ShapeId {
        let shape = match name {
            "boolean" => Shape::Bool,
            "number" => Shape::Number,
            "integer" => integer(schema),
            "string" => Shape::Text {
                allowed: texts(schema.get("enum").or_else(|| schema.get("const"))),
            },
            "array" => match schema.get("items") {
                Some(items) => Shape::List(self.compile(items)),
                None => Shape::List(ANY),
            },
            "object" => return self.compile_object(schema),
            _ => return ANY,
        };
        self.add(shape)
    }

    fn compile_object(&mut self, schema: &'a Map<String, Value>) -> ShapeId {
        let additional = schema.get("additionalProperties");
        let is_open = schema.get("x-kubernetes-preserve-unknown-fields") == Some(&Value::Bool(true));
        let properties = schema.get("properties").and_then(Value::as_object);
        let shape = match (properties, additional) {
            (None, None) => Shape::Map(ANY),
            (None, Some(values)) if *values != Value::Bool(false) => Shape::Map(self.compile(values)),
            // Some fields and anything else besides: the type itself decides.
            (Some(_), _) if is_open => Shape::Map(ANY),
            (Some(_), Some(values)) if *values != Value::Bool(false) => Shape::Map(ANY),
            (properties, _) => {
                let mut fields = Fields::default();
                for (name, property) in properties.into_iter().flatten() {
                    let shape = self.compile(property);
                    fields.insert(name, shape);
                }
                fields.required = texts(schema.get("required")).unwrap_or_default().into_vec();
                Shape::Object(fields)
            }
        };
        self.add(shape)
    }
}

fn is_null(schema: &Value) -> bool {
    schema.get("type").and_then(Value::as_str) == Some("null")
}

/// The texts of an array of texts, or of a single one; `null` is passed over.
fn texts(value: Option<&Value>) -> Option<Box<[Box<str>]>> {
    match value? {
        Value::String(text) => Some(Box::new([text.as_str().into()])),
        Value::Array(items) => items
            .iter()
            .filter(|item| !item.is_null())
            .map(|item| item.as_str().map(Into::into))
            .collect(),
        _ => None,
    }
}

fn integer(schema: &Map<String, Value>) -> Shape {
    let (min, max) = match schema.get("format").and_then(Value::as_str) {
        Some("int8") => (i64::from(i8::MIN), i8::MAX.unsigned_abs().into()),
        Some("int16") => (i64::from(i16::MIN), i16::MAX.unsigned_abs().into()),
        Some("int32") => (i64::from(i32::MIN), i32::MAX.unsigned_abs().into()),
        Some("int64" | "int") => (i64::MIN, i64::MAX.unsigned_abs()),
        Some("uint8") => (0, u8::MAX.into()),
        Some("uint16") => (0, u16::MAX.into()),
        Some("uint32") => (0, u32::MAX.into()),
        Some("uint64" | "uint") => (0, u64::MAX),
        _ => {
            let min = schema.get("minimum").and_then(Value::as_i64);
            return Shape::Integer {
                min,
                max: schema.get("maximum").and_then(Value::as_u64),
            };
        }
    };
    Shape::Integer {
        min: Some(min),
        max: Some(max),
    }
}
