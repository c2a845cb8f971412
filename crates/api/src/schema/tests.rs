use std::collections::BTreeMap;

use schemars::JsonSchema;

use super::KindSchema;
use super::document;

/// Turns things.
#[derive(JsonSchema)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "only its schema is read")]
struct Widget {
    /// What is wanted.
    #[serde(default)]
    spec: Spec,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    /// A field that is called like a keyword.
    properties: Option<u8>,
}

#[derive(JsonSchema, Default)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "only its schema is read")]
struct Spec {
    parts: Option<Vec<Spec>>,
}

mod older {
    use schemars::JsonSchema;

    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "only its schema is read")]
    pub(super) struct Widget {
        spec: Spec,
    }

    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "only its schema is read")]
    struct Spec {
        pieces: Vec<Spec>,
    }
}

#[expect(clippy::too_many_lines, reason = "a whole document")]
#[test]
fn kinds_are_joined_and_closed() {
    let kinds = [
        KindSchema::of::<Widget>("example.com/v1", "Widget"),
        KindSchema::of::<older::Widget>("v0", "Widget"),
    ];
    let schema = document("https://example.com/widgets.json", &kinds);
    insta::assert_snapshot!(serde_json::to_string_pretty(&schema).unwrap(), @r##"
    {
      "$schema": "https://json-schema.org/draft/2020-12/schema",
      "$id": "https://example.com/widgets.json",
      "title": "Windlass objects",
      "description": "Any object that `windlass run`, `windlass validate` and the API accept.",
      "type": "object",
      "required": [
        "apiVersion",
        "kind"
      ],
      "properties": {
        "apiVersion": {
          "description": "Group and version of the kind.",
          "enum": [
            "example.com/v1",
            "v0",
            "v1"
          ]
        },
        "kind": {
          "description": "What the object is.",
          "type": "string"
        }
      },
      "allOf": [
        {
          "if": {
            "properties": {
              "apiVersion": {
                "const": "example.com/v1"
              },
              "kind": {
                "const": "Widget"
              }
            },
            "required": [
              "apiVersion",
              "kind"
            ]
          },
          "then": {
            "$ref": "#/$defs/example.com.v1.Widget"
          }
        },
        {
          "if": {
            "properties": {
              "apiVersion": {
                "const": "v0"
              },
              "kind": {
                "const": "Widget"
              }
            },
            "required": [
              "apiVersion",
              "kind"
            ]
          },
          "then": {
            "$ref": "#/$defs/v0.Widget"
          }
        },
        {
          "if": {
            "properties": {
              "apiVersion": {
                "const": "v1"
              },
              "kind": {
                "const": "List"
              }
            },
            "required": [
              "apiVersion",
              "kind"
            ]
          },
          "then": {
            "$ref": "#/$defs/v1.List"
          }
        },
        {
          "if": {
            "properties": {
              "apiVersion": {
                "const": "example.com/v1"
              }
            },
            "required": [
              "apiVersion"
            ]
          },
          "then": {
            "properties": {
              "kind": {
                "enum": [
                  "Widget"
                ]
              }
            }
          }
        },
        {
          "if": {
            "properties": {
              "apiVersion": {
                "const": "v0"
              }
            },
            "required": [
              "apiVersion"
            ]
          },
          "then": {
            "properties": {
              "kind": {
                "enum": [
                  "Widget"
                ]
              }
            }
          }
        },
        {
          "if": {
            "properties": {
              "apiVersion": {
                "const": "v1"
              }
            },
            "required": [
              "apiVersion"
            ]
          },
          "then": {
            "properties": {
              "kind": {
                "enum": [
                  "List"
                ]
              }
            }
          }
        }
      ],
      "$defs": {
        "Spec": {
          "type": "object",
          "properties": {
            "parts": {
              "type": [
                "array",
                "null"
              ],
              "items": {
                "$ref": "#/$defs/Spec"
              }
            }
          },
          "additionalProperties": false
        },
        "example.com.v1.Widget": {
          "type": "object",
          "properties": {
            "spec": {
              "$ref": "#/$defs/Spec",
              "description": "What is wanted."
            },
            "labels": {
              "type": "object",
              "additionalProperties": {
                "type": "string"
              },
              "default": {}
            },
            "properties": {
              "type": [
                "integer",
                "null"
              ],
              "format": "uint8",
              "minimum": 0,
              "maximum": 255,
              "description": "A field that is called like a keyword."
            },
            "apiVersion": {
              "const": "example.com/v1"
            },
            "kind": {
              "const": "Widget"
            }
          },
          "description": "Turns things.",
          "title": "Widget",
          "additionalProperties": false
        },
        "v0.Widget.Spec": {
          "type": "object",
          "properties": {
            "pieces": {
              "type": "array",
              "items": {
                "$ref": "#/$defs/v0.Widget.Spec"
              }
            }
          },
          "required": [
            "pieces"
          ],
          "additionalProperties": false
        },
        "v0.Widget": {
          "type": "object",
          "properties": {
            "spec": {
              "$ref": "#/$defs/v0.Widget.Spec"
            },
            "apiVersion": {
              "const": "v0"
            },
            "kind": {
              "const": "Widget"
            }
          },
          "required": [
            "spec"
          ],
          "title": "Widget",
          "additionalProperties": false
        },
        "v1.List": {
          "title": "List",
          "description": "Several objects in one document.",
          "type": "object",
          "properties": {
            "apiVersion": {
              "const": "v1"
            },
            "kind": {
              "const": "List"
            },
            "metadata": {
              "type": "object"
            },
            "items": {
              "description": "The objects.",
              "type": "array",
              "items": {
                "$ref": "#"
              }
            }
          },
          "required": [
            "items"
          ],
          "additionalProperties": false
        }
      }
    }
    "##);
}
