#pragma once

#include <filesystem>
#include <set>
#include <span>
#include <string>

#include "core/result.h"
#include "data/engine.h"
#include "monitoring/label_store.h"
#include "tracking/registry.h"

namespace tenure::monitoring {

/// The ids of all that a prediction log holds about customers, of whatever model: from its
/// segments, and with `engine` from its Parquet files. A log that is not there holds nothing.
/// Errors: kCorruption naming the first damaged file, since nobody can tell what it holds.
core::Result<std::set<std::string>> predictions_of(const std::filesystem::path& log,
                                                   std::span<const std::string> customers,
                                                   data::Engine& engine);

/// Removes all labels about customers, and what they said of versions: those that name a customer,
/// and those that name a prediction which the log or an outcome knows to be about one. All or
/// nothing, with the entry in the audit trail. Predictions stay in the log. Errors: those of the
/// log and the database; nothing is removed then.
core::Result<LabelStore::Erased> erase_labels(LabelStore& store, const std::filesystem::path& log,
                                              std::span<const std::string> customers,
                                              const tracking::Change& change);

}  // namespace tenure::monitoring
