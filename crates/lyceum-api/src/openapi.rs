//! The OpenAPI document of every address, made from `routes/described.txt`, which a test compares with the routes.

use std::sync::OnceLock;

use lyceum_core::RepoKind;
use serde_json::{Map, Value, json};

/// What each route is for; its head tells the format.
const DESCRIBED: &str = include_str!("routes/described.txt");

/// What the parts of addresses are called, what they mean, and an example of each.
const PARAMETERS: &[(&str, &str, &str)] = &[
    ("archive", "Revision and format, such as `main.zip` or `main.tar.gz`", "main.zip"),
    ("attachment", "Name of the attachment, as uploading it answered", "ATTACHMENT"),
    ("branch", "Name of the branch", "new-branch"),
    ("comment", "Id of the comment", "COMMENT"),
    ("comparison", "Two revisions: `main..v1.0`, or `main...v1.0` from where they part", "main..main"),
    ("delivery", "Number of the delivery", "1"),
    ("group", "Number of the resource group", "1"),
    (
        "hash",
        "Xet hash, 64 hexadecimal digits",
        "0000000000000000000000000000000000000000000000000000000000000000",
    ),
    ("instance", "Id of the hub, as in the addresses that it gives out", "INSTANCE"),
    ("item", "Id of the item", "ITEM"),
    ("kind", "What the repository holds", "models"),
    ("lock", "Number of the lock", "1"),
    ("name", "Name of the repository", "example"),
    ("namespace", "Name of the user or organisation", "ada"),
    ("number", "Number of the discussion, or of the part", "1"),
    (
        "oid",
        "SHA-256, 64 hexadecimal digits",
        "0000000000000000000000000000000000000000000000000000000000000000",
    ),
    ("path", "Path of the file or folder; slashes stay as they are", "README.md"),
    ("prefix", "Namespace of hashes", "default"),
    ("publisher", "Number of the publisher", "1"),
    ("revision", "Branch, tag or commit; a slash is written `%2F`", "main"),
    ("slug", "Last part of the collection's address", "COLLECTION"),
    ("state", "`pending`, `accepted` or `rejected`", "pending"),
    ("user", "Name of the user", "ada"),
    ("webhook", "Number of the webhook", "1"),
];

/// Who may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Access {
    Anyone,
    Reader,
    User,
    Signed,
}

/// A described route.
#[derive(Debug)]
struct Described {
    method: &'static str,
    path: &'static str,
    access: Access,
    summary: &'static str,
    group: &'static str,
    query: Option<&'static str>,
    body: Option<Value>,
    /// A body of lines of JSON.
    lines: Vec<&'static str>,
}

/// Returns the document; it is the same as long as the process runs.
pub fn openapi(version: &str) -> &'static Value {
    static DOCUMENT: OnceLock<Value> = OnceLock::new();
    DOCUMENT.get_or_init(|| document(version))
}

fn document(version: &str) -> Value {
    let described = described().expect("a test reads the list");
    let mut paths = Map::new();
    let mut groups: Vec<&str> = Vec::new();
    for route in &described {
        if !groups.contains(&route.group) {
            groups.push(route.group);
        }
        // Files of models stand at the root; those of other kinds below the name of the kind.
        let mut addresses = vec![route.path.to_owned()];
        if let Some(rest) = route.path.strip_prefix("/{kind}") {
            addresses.insert(0, rest.to_owned());
        }
        for address in addresses {
            let address = address.replace("{*", "{");
            let operations = paths.entry(address.clone()).or_insert_with(|| json!({}));
            operations[route.method.to_lowercase()] = operation(route, &address);
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Lyceum",
            "version": version,
            "description": "The interface for programs, compatible with the Hugging Face Hub's.",
        },
        "servers": [{ "url": "/" }],
        "tags": groups.iter().map(|group| json!({ "name": group })).collect::<Vec<_>>(),
        "paths": paths,
        "components": {
            "securitySchemes": {
                "token": { "type": "http", "scheme": "bearer", "description": "An access token" },
                "signed": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A token or an address that the answer to another request holds",
                },
            },
            "schemas": {
                "Error": {
                    "type": "object",
                    "properties": { "error": { "type": "string", "description": "What is wrong" } },
                    "required": ["error"],
                },
            },
            "responses": {
                "Error": {
                    "description": "It was refused",
                    "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Error" } } },
                },
            },
        },
    })
}

fn operation(route: &Described, address: &str) -> Value {
    let name = |part: &str| part.trim_matches(['{', '}']).replace(['.', '-'], "_");
    let mut words: Vec<String> = address.split('/').filter(|part| !part.is_empty()).map(name).collect();
    if address.ends_with('/') {
        words.push("root".to_owned());
    }
    let mut parameters: Vec<Value> = address.split('/').filter_map(parameter(address)).collect();
    for pair in route.query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
        let (name, example) = pair.split_once('=').unwrap_or((pair, ""));
        let schema = json!({ "type": "string" });
        parameters.push(json!({ "name": name, "in": "query", "schema": schema, "example": example }));
    }
    let security = match route.access {
        Access::Anyone => json!([]),
        Access::Reader => json!([{}, { "token": [] }]),
        Access::User => json!([{ "token": [] }]),
        Access::Signed => json!([{ "signed": [] }]),
    };
    let mut operation = json!({
        "operationId": format!("{}_{}", route.method.to_lowercase(), words.join("_")),
        "summary": route.summary,
        "tags": [route.group],
        "security": security,
        "parameters": parameters,
        "responses": {
            "2XX": { "description": "It was done" },
            "default": { "$ref": "#/components/responses/Error" },
        },
    });
    if let Some(example) = &route.body {
        let content = json!({ "schema": schema_of(example), "example": example });
        operation["requestBody"] = json!({ "required": true, "content": { "application/json": content } });
    }
    if !route.lines.is_empty() {
        let content = json!({ "schema": { "type": "string" }, "example": route.lines.join("\n") });
        operation["requestBody"] =
            json!({ "required": true, "content": { "application/x-ndjson": content } });
    }
    operation
}

/// Returns what makes a parameter of a part of an address.
fn parameter(address: &str) -> impl Fn(&str) -> Option<Value> {
    let below_api = address.starts_with("/api/");
    move |part| {
        let name = part.strip_prefix('{')?.strip_suffix('}')?;
        let (_, meaning, example) = PARAMETERS.iter().find(|(known, ..)| *known == name)?;
        let (mut schema, mut example) = (json!({ "type": "string" }), *example);
        if name == "kind" {
            let kinds = RepoKind::ALL.into_iter().filter(|kind| below_api || *kind != RepoKind::Model);
            schema["enum"] = kinds.map(RepoKind::plural).collect();
            example = if below_api { example } else { RepoKind::Dataset.plural() };
        }
        Some(json!({
            "name": name, "in": "path", "required": true, "description": meaning, "schema": schema, "example": example,
        }))
    }
}

/// Returns the schema of values that look like an example.
fn schema_of(example: &Value) -> Value {
    match example {
        Value::Null => json!({}),
        Value::Bool(_) => json!({ "type": "boolean" }),
        Value::Number(_) => json!({ "type": "integer" }),
        Value::String(_) => json!({ "type": "string" }),
        Value::Array(items) => {
            json!({ "type": "array", "items": items.first().map_or(json!({}), schema_of) })
        }
        Value::Object(fields) => {
            let properties: Map<String, Value> =
                fields.iter().map(|(name, value)| (name.clone(), schema_of(value))).collect();
            json!({ "type": "object", "properties": properties })
        }
    }
}

/// Reads the list; fails with the line that cannot be read.
fn described() -> Result<Vec<Described>, &'static str> {
    let mut routes: Vec<Described> = Vec::new();
    let mut group = "";
    for line in DESCRIBED.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let field = match line.split_at(1) {
            ("[", rest) => {
                group = rest.strip_suffix(']').ok_or(line)?;
                continue;
            }
            ("?", rest) => {
                routes.last_mut().ok_or(line)?.query = Some(rest.trim());
                continue;
            }
            ("<", rest) => {
                routes.last_mut().ok_or(line)?.lines.push(rest.trim());
                continue;
            }
            (">", rest) => {
                routes.last_mut().ok_or(line)?.body = Some(serde_json::from_str(rest).map_err(|_| line)?);
                continue;
            }
            _ => line.split(" | ").collect::<Vec<_>>(),
        };
        let [route, access, summary] = field[..] else {
            return Err(line);
        };
        let (method, path) = route.split_once(' ').ok_or(line)?;
        let access = match access {
            "anyone" => Access::Anyone,
            "reader" => Access::Reader,
            "user" => Access::User,
            "signed" => Access::Signed,
            _ => return Err(line),
        };
        routes.push(Described {
            method,
            path,
            access,
            summary,
            group,
            query: None,
            body: None,
            lines: Vec::new(),
        });
    }
    Ok(routes)
}

#[cfg(test)]
mod tests;
