#include "api/mlflow/registry_json.h"

#include "api/mlflow/entity_json.h"
#include "net/http_message.h"

namespace tenure::api::mlflow {

void append_model_version(std::string& out, const tracking::ModelVersion& version) {
  ObjectText object(out);
  object.text("name", version.name);
  object.text("version", std::to_string(version.version));
  object.integer("creation_timestamp", version.created_ms);
  object.integer("last_updated_timestamp", version.updated_ms);
  object.text_if_any("user_id", version.user);
  object.text("current_stage", version.stage);
  object.text("description", version.description);
  object.text("source", version.source);
  object.text("run_id", version.run_id);
  object.text("status", version.status);
  object.text_if_any("status_message", version.status_message);
  object.pairs_if_any("tags", version.tags);
  object.text("run_link", version.run_link);
  object.list_if_any("aliases", version.aliases, [](std::string& text, const std::string& alias) {
    net::append_json_string(text, alias);
  });
  object.end();
}

void append_registered_model(std::string& out, const tracking::RegisteredModel& model,
                             std::span<const tracking::ModelVersion> latest) {
  ObjectText object(out);
  object.text("name", model.name);
  object.integer("creation_timestamp", model.created_ms);
  object.integer("last_updated_timestamp", model.updated_ms);
  object.text_if_any("description", model.description);
  object.list_if_any("latest_versions", latest, append_model_version);
  object.pairs_if_any("tags", model.tags);
  object.list_if_any("aliases", model.aliases, [](std::string& text, const auto& alias) {
    ObjectText pair(text);
    pair.text("alias", alias.first);
    pair.text("version", std::to_string(alias.second));
    pair.end();
  });
  object.end();
}

}  // namespace tenure::api::mlflow
