#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "app/project.h"
#include "core/json.h"
#include "core/result.h"

namespace tenure::app {

/// What the `tenure features …` commands do; each answers the command's JSON.

core::Result<core::JsonObject> list_features(Project& project);

/// Checks the definitions against their sources and shows what they come to.
core::Result<core::JsonObject> apply_features(Project& project);

/// Newest online values of a service ("" = the model's) for keys.
core::Result<core::JsonObject> get_features(Project& project, const std::string& service,
                                            const std::vector<std::string>& keys);

struct JoinRequest {
  std::filesystem::path entities;  ///< CSV or Parquet with key and event_timestamp
  std::filesystem::path out;       ///< CSV or Parquet
  std::string service;
  bool is_full_names = false;
};
/// Point-in-time join of a file of entity rows.
core::Result<core::JsonObject> join_features(Project& project, const JoinRequest& request);

struct MaterializeRequest {
  std::vector<std::string> views;  ///< empty = all online ones
  std::string from;                ///< ISO time; empty = incremental
  std::string until;               ///< ISO time; empty = now
};
core::Result<core::JsonObject> materialize_features(Project& project,
                                                    const MaterializeRequest& request);

/// Writes rows of a CSV or Parquet file (key, timestamp and feature columns) of a view into the
/// online store.
core::Result<core::JsonObject> push_features(Project& project, const std::string& view,
                                             const std::filesystem::path& file);

}  // namespace tenure::app
