#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/result.h"
#include "storage/sql/database.h"
#include "tracking/registry.h"

// What the files of Registry share: writing rows of MLflow's registry tables inside a transaction
// that the caller opened.
namespace tenure::tracking {

// Sizes of the columns.
inline constexpr std::size_t kSourceMax = 500;
inline constexpr std::size_t kRunIdMax = 32;
inline constexpr std::size_t kUserMax = 256;
inline constexpr std::size_t kDescriptionMax = 5000;

/// The result of a statement whose number of rows does not matter.
core::Result<> changed(core::Result<std::int64_t> result);

/// Holds a model's row until the end of the transaction, which makes writers of one model wait for
/// each other. With a time, notes that it changed then. Errors: kNotFound.
core::Result<> hold_model(storage::SqlExecutor& sql, std::string_view name,
                          std::optional<std::int64_t> changed_ms = std::nullopt);

/// Holds the row of a version's model, as above, and reads the version. Errors: kNotFound.
core::Result<ModelVersion> hold_version(storage::SqlExecutor& sql, std::string_view name,
                                        std::int64_t version,
                                        std::optional<std::int64_t> changed_ms = std::nullopt);

core::Result<ModelVersion> must_read_version(storage::SqlExecutor& sql, std::string_view name,
                                             std::int64_t version);
core::Result<RegisteredModel> must_read_model(storage::SqlExecutor& sql, std::string_view name);

core::Result<> point_alias(storage::SqlExecutor& sql, std::string_view name, std::string_view alias,
                           std::int64_t version);

/// Errors: kInvalidArgument; a value may be longer where the database's column takes it.
core::Result<> check_tag(std::string_view backend, std::string_view key, std::string_view value);

core::Result<> write_model_tag(storage::SqlExecutor& sql, std::string_view name,
                               const std::string& key, const std::string& value);
core::Result<> write_version_tag(storage::SqlExecutor& sql, std::string_view name,
                                 std::int64_t version, const std::string& key,
                                 const std::string& value);

std::string model_subject(std::string_view name);  ///< "models/m/"
std::string version_or_empty(std::int64_t version);

}  // namespace tenure::tracking
