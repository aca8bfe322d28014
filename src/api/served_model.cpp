#include "api/served_model.h"

#include <string>

#include <fmt/format.h>

#include "net/http_message.h"

namespace tenure::api {

core::Result<const serving::ModelSnapshot*> find_model(const Services& services,
                                                       serving::SnapshotCache& cache,
                                                       std::string_view name,
                                                       std::string_view version) {
  // A name without '%' needs no copy.
  std::string decoded;
  if (name.find('%') != std::string_view::npos) {
    decoded = net::percent_decode(name).value_or(std::string(name));
    name = decoded;
  }
  const serving::ModelSnapshot* snapshot = services.predictor.snapshot(cache);
  const std::string_view served = snapshot ? std::string_view(snapshot->name) : services.model;
  if (name != served)
    return core::Error{core::ErrorCode::kNotFound, fmt::format("Model with name {} does not exist; "
                                                               "this server has {}",
                                                               name, served)};
  if (snapshot == nullptr) {
    const std::string reason = services.watcher.status().last_error;
    return core::Error{core::ErrorCode::kUnavailable,
                       fmt::format("Model with name {} is not ready{}{}", name,
                                   reason.empty() ? "" : ": ", reason)};
  }
  if (!version.empty() && version != std::to_string(snapshot->version))
    return core::Error{core::ErrorCode::kNotFound,
                       fmt::format("Model {} has no version {} here; version {} is live", name,
                                   version, snapshot->version)};
  return snapshot;
}

}  // namespace tenure::api
