#include "api/mlflow/graphql/graphql_http.h"

#include <vector>

#include "api/mlflow/entity_json.h"
#include "api/mlflow/field_reader.h"
#include "api/mlflow/graphql/document.h"
#include "api/mlflow/graphql/projection.h"
#include "api/mlflow/graphql/root_fields.h"

namespace tenure::api::mlflow {
namespace {

using core::Result;
using graphql::Field;

void append_errors(ObjectText& body, const std::vector<std::string>& errors) {
  if (errors.empty()) {
    body.key("errors") += "null";
    return;
  }
  body.list_if_any("errors", errors, [](std::string& out, const std::string& error) {
    net::append_json_string(out, error);
  });
}

/// A query that cannot be answered at all.
void append_refusal(const core::Error& error, std::string& out) {
  out.clear();
  ObjectText body(out);
  body.key("data") += "null";
  append_errors(body, {error.message});
  body.end();
}

/// One root field. What the domain refuses makes the field null and is told beside the data; a
/// field that does not exist makes the whole query wrong.
Result<> append_root_field(const MlflowServices& services, const Field& root, std::string& out,
                           std::vector<std::string>& errors) {
  if (root.name == "__typename") {
    out += "\"Query\"";
    return {};
  }
  auto value = graphql::resolve(services, root);
  if (value) return graphql::append_projected(out, *value, root);
  if (!graphql::is_root_field(root.name)) return std::move(value).error();
  out += "null";
  errors.push_back(value.error().message);
  return {};
}

Result<> append_data(const MlflowServices& services, const std::vector<Field>& roots,
                     std::string& out) {
  std::vector<std::string> errors;
  ObjectText body(out);
  ObjectText data(body.key("data"));
  for (const Field& root : roots) {
    if (auto done = append_root_field(services, root, data.key(root.key), errors); !done)
      return done;
  }
  data.end();
  append_errors(body, errors);
  body.end();
  return {};
}

}  // namespace

Result<> answer_graphql(const MlflowServices& services, const net::Request& request,
                        std::string& out) {
  auto message = Message::read(request);
  if (!message) return std::move(message).error();
  FieldReader in(*message);
  const std::string query = in.required_text("query");
  const std::string operation = in.text("operationName");
  if (in.has_failed()) return in.error();
  auto variables = message->object("variables");
  if (!variables) return std::move(variables).error();
  auto roots = graphql::parse_query(query, operation, variables->fields());
  if (!roots) {
    append_refusal(roots.error(), out);
    return {};
  }
  if (auto done = append_data(services, *roots, out); !done) append_refusal(done.error(), out);
  return {};
}

}  // namespace tenure::api::mlflow
