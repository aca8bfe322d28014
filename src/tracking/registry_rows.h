#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "storage/sql/database.h"
#include "tracking/registry.h"

// Reading MLflow's registry tables. Versions that MLflow deleted (their row stays, in stage
// Deleted_Internal) are never shown.
namespace tenure::tracking {

/// Of model_versions v, in the order that version_from_row reads.
inline constexpr std::string_view kVersionColumns =
    "v.name, v.version, v.creation_time, v.last_updated_time, v.description, v.user_id, "
    "v.current_stage, v.source, v.run_id, v.status, v.status_message, v.run_link, "
    "v.storage_location";
/// Without tags and aliases.
ModelVersion version_from_row(const storage::SqlRow& row);

core::Result<std::optional<RegisteredModel>> read_model(storage::SqlExecutor& sql,
                                                        std::string_view name);
/// The version, or the newest one for std::nullopt.
core::Result<std::optional<ModelVersion>> read_version(storage::SqlExecutor& sql,
                                                       std::string_view name,
                                                       std::optional<std::int64_t> version);
core::Result<std::vector<ModelVersion>> read_versions(storage::SqlExecutor& sql,
                                                      std::string_view name);
/// Adds tags and aliases to versions of any models, which have none.
core::Result<> read_version_details(storage::SqlExecutor& sql,
                                    std::span<ModelVersion* const> versions);
/// The highest version in each stage, by model; in three statements for 512 models.
core::Result<std::map<std::string, std::vector<ModelVersion>>> read_latest_versions(
    storage::SqlExecutor& sql, std::span<const std::string> names);
/// The version an alias points at, 0 for none.
core::Result<std::int64_t> read_alias(storage::SqlExecutor& sql, std::string_view name,
                                      std::string_view alias);

core::Error model_not_found(std::string_view name);
core::Error version_not_found(std::string_view name, std::int64_t version);

}  // namespace tenure::tracking
