#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "core/json.h"
#include "core/result.h"
#include "tracking/registry.h"
#include "tracking/run.h"

// What people look at before a version is promoted, and what they decide; as JSON, for the API and
// the command line.
namespace tenure::tracking {

inline constexpr std::size_t kComparedMax = 20;

/// Versions of one model side by side, columns in the order asked:
///   {"model", "versions": [{"version", "stage", "aliases", "run_id", "approval", ...}],
///    "attributes" | "params" | "metrics" | "tags" | "datasets": [{"key", "values": [...],
///    "differs"}]}
/// A value that a version lacks, and NaN, is null. Rows are
/// sorted by key. Runs that do not exist here have no rows. Errors: kInvalidArgument for fewer than
/// two different versions or more than kComparedMax; kNotFound.
core::Result<core::JsonObject> compare_versions(Registry& registry, RunStore& runs,
                                                std::string_view name,
                                                std::span<const std::int64_t> versions);

/// What is known when somebody decides about a version: its metrics beside those of the version
/// that has the champion's alias, both from their runs, and what the promotion gate said, if it
/// did:
///   {"run_id", "champion": {"alias", "version", "run_id"} | null,
///    "metrics": [{"key", "version", "champion", "difference"}], "gate": {...} | null}
core::Result<core::JsonObject> evidence_for(Registry& registry, RunStore& runs,
                                            const ModelVersion& version);

/// Decides with that evidence: {"model", "version", "decision", "approval", "evidence"}. Errors:
/// those of Registry::decide.
core::Result<core::JsonObject> decide_on_version(Registry& registry, RunStore& runs,
                                                 std::string_view name, std::int64_t version,
                                                 Decision decision, std::string_view actor,
                                                 std::string_view reason);

/// {"model", "entries": [...]}, newest first. Errors: kNotFound when nothing is known of the model.
core::Result<core::JsonObject> history_of_model(Registry& registry, std::string_view name,
                                                std::optional<std::int64_t> version,
                                                std::size_t limit);

/// "3", "@champion" or "champion": the number of a version.
core::Result<std::int64_t> find_version_number(Registry& registry, std::string_view name,
                                               std::string_view text);

}  // namespace tenure::tracking
