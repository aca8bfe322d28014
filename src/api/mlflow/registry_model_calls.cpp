#include <map>

#include "api/mlflow/entity_json.h"
#include "api/mlflow/registry_calls.h"
#include "api/mlflow/registry_json.h"
#include "api/mlflow/search_fields.h"
#include "tracking/search/searches.h"

namespace tenure::api::mlflow {
namespace {

using core::Result;
using net::Request;
using tracking::ModelVersion;
using tracking::RegisteredModel;

/// {"registered_model": ...} with what is newest in its stages.
Result<> append_one(const MlflowServices& services, const Result<RegisteredModel>& model,
                    std::string& out) {
  if (!model) return model.error();
  auto latest = services.registry.latest_of_models({&model->name, 1});
  if (!latest) return std::move(latest).error();
  ObjectText answer(out);
  append_registered_model(answer.key("registered_model"), *model, (*latest)[model->name]);
  answer.end();
  return {};
}

}  // namespace

tracking::Change change_of(const Request& request) {
  return {
      .actor = std::string(request.principal.empty() ? tracking::kUnknownActor : request.principal),
      .reason = {}};
}

Result<> create_registered_model(const MlflowServices& services, const Request& request,
                                 std::string& out) {
  FieldReader in(Message::read(request));
  const std::string name = in.required_text("name");
  const std::map<std::string, std::string> tags = in.pairs("tags");
  const std::string description = in.text("description");
  if (in.has_failed()) return in.error();
  const auto model = services.registry.create_model(name, description, tags, change_of(request));
  if (!model) return model.error();
  ObjectText answer(out);
  append_registered_model(answer.key("registered_model"), *model, {});
  answer.end();
  return {};
}

Result<> get_registered_model(const MlflowServices& services, const Request& request,
                              std::string& out) {
  FieldReader in(Message::read(request));
  const std::string name = in.required_text("name");
  if (in.has_failed()) return in.error();
  return append_one(services, services.registry.get_model(name), out);
}

Result<> rename_registered_model(const MlflowServices& services, const Request& request,
                                 std::string& out) {
  FieldReader in(Message::read(request));
  const std::string name = in.required_text("name");
  const std::string new_name = in.required_text("new_name");
  if (in.has_failed()) return in.error();
  return append_one(services, services.registry.rename_model(name, new_name, change_of(request)),
                    out);
}

Result<> update_registered_model(const MlflowServices& services, const Request& request,
                                 std::string& out) {
  FieldReader in(Message::read(request));
  const std::string name = in.required_text("name");
  const std::string description = in.text("description");
  if (in.has_failed()) return in.error();
  return append_one(services,
                    services.registry.describe_model(name, description, change_of(request)), out);
}

Result<> delete_registered_model(const MlflowServices& services, const Request& request,
                                 std::string&) {
  FieldReader in(Message::read(request));
  const std::string name = in.required_text("name");
  if (in.has_failed()) return in.error();
  return services.registry.remove_model(name, change_of(request));
}

Result<> search_registered_models(const MlflowServices& services, const Request& request,
                                  std::string& out) {
  constexpr std::int64_t kPage = 100;
  FieldReader in(Message::read(request, {"order_by"}));
  const tracking::SearchQuery query = read_search(in, kPage);
  if (in.has_failed()) return in.error();
  const auto page = tracking::search_registered_models(services.database, query);
  if (!page) return page.error();
  std::vector<std::string> names;
  names.reserve(page->items.size());
  for (const RegisteredModel& model : page->items) names.push_back(model.name);
  auto latest = services.registry.latest_of_models(names);
  if (!latest) return std::move(latest).error();
  ObjectText answer(out);
  answer.list_if_any("registered_models", page->items,
                     [&](std::string& text, const RegisteredModel& model) {
                       append_registered_model(text, model, (*latest)[model.name]);
                     });
  answer.text_if_any("next_page_token", page->next_page_token);
  answer.end();
  return {};
}

Result<> get_latest_versions(const MlflowServices& services, const Request& request,
                             std::string& out) {
  FieldReader in(Message::read(request, {"stages"}));
  const std::string name = in.required_text("name");
  const std::vector<std::string> stages = in.texts("stages");
  if (in.has_failed()) return in.error();
  const auto versions = services.registry.latest_versions(name, stages);
  if (!versions) return versions.error();
  ObjectText answer(out);
  answer.list_if_any("model_versions", *versions, append_model_version);
  answer.end();
  return {};
}

Result<> set_registered_model_tag(const MlflowServices& services, const Request& request,
                                  std::string&) {
  FieldReader in(Message::read(request));
  const std::string name = in.required_text("name");
  const std::string key = in.required_text("key");
  const std::string value = in.text("value");
  if (in.has_failed()) return in.error();
  return services.registry.set_model_tag(name, key, value, change_of(request));
}

Result<> delete_registered_model_tag(const MlflowServices& services, const Request& request,
                                     std::string&) {
  FieldReader in(Message::read(request));
  const std::string name = in.required_text("name");
  const std::string key = in.required_text("key");
  if (in.has_failed()) return in.error();
  return services.registry.delete_model_tag(name, key, change_of(request));
}

Result<> set_registered_model_alias(const MlflowServices& services, const Request& request,
                                    std::string&) {
  FieldReader in(Message::read(request));
  const std::string name = in.required_text("name");
  const std::string alias = in.required_text("alias");
  const std::int64_t version = version_in(in);
  if (in.has_failed()) return in.error();
  return services.registry.set_alias(name, alias, version, change_of(request));
}

Result<> delete_registered_model_alias(const MlflowServices& services, const Request& request,
                                       std::string&) {
  FieldReader in(Message::read(request));
  const std::string name = in.required_text("name");
  const std::string alias = in.required_text("alias");
  if (in.has_failed()) return in.error();
  return services.registry.delete_alias(name, alias, change_of(request));
}

Result<> get_version_by_alias(const MlflowServices& services, const Request& request,
                              std::string& out) {
  FieldReader in(Message::read(request));
  const std::string name = in.required_text("name");
  const std::string alias = in.required_text("alias");
  if (in.has_failed()) return in.error();
  const auto version = services.registry.get_by_alias(name, alias);
  if (!version) return version.error();
  ObjectText answer(out);
  append_model_version(answer.key("model_version"), *version);
  answer.end();
  return {};
}

}  // namespace tenure::api::mlflow
