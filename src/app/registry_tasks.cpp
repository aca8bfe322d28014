#include "app/registry_tasks.h"

#include <optional>

#include <fmt/format.h>

#include "tracking/version_review.h"

namespace tenure::app {

core::Result<core::JsonObject> compare_models(Project& project, const std::string& model,
                                              const std::vector<std::string>& versions) {
  auto registry = project.registry();
  if (!registry) return std::move(registry).error();
  auto runs = project.runs();
  if (!runs) return std::move(runs).error();
  std::vector<std::int64_t> numbers;
  for (const std::string& version : versions) {
    auto number = tracking::find_version_number(**registry, model, version);
    if (!number) return std::move(number).error();
    numbers.push_back(*number);
  }
  return tracking::compare_versions(**registry, **runs, model, numbers);
}

core::Result<core::JsonObject> decide_on_model(Project& project, const std::string& model,
                                               const std::string& version,
                                               tracking::Decision decision,
                                               const std::string& reason) {
  auto registry = project.registry();
  if (!registry) return std::move(registry).error();
  auto runs = project.runs();
  if (!runs) return std::move(runs).error();
  auto number = tracking::find_version_number(**registry, model, version);
  if (!number) return std::move(number).error();
  return tracking::decide_on_version(**registry, **runs, model, *number, decision, project.actor(),
                                     reason);
}

core::Result<core::JsonObject> audit_model(Project& project, const std::string& model,
                                           const std::string& version, std::int64_t limit) {
  if (limit < 1) {
    return core::Error{core::ErrorCode::kInvalidArgument,
                       fmt::format("--limit: expected a number from 1 on, got {}", limit)};
  }
  auto registry = project.registry();
  if (!registry) return std::move(registry).error();
  std::optional<std::int64_t> of_version;
  if (!version.empty()) {
    auto number = tracking::find_version_number(**registry, model, version);
    if (!number) return std::move(number).error();
    of_version = *number;
  }
  return tracking::history_of_model(**registry, model, of_version, static_cast<std::size_t>(limit));
}

}  // namespace tenure::app
