#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "core/config.h"
#include "core/result.h"
#include "data/dataset.h"
#include "data/engine.h"

namespace tenure::data {

/// Section `data.split`.
struct SplitSpec {
  std::string method = "stratified";  ///< stratified, random, time, group
  double test_share = 0.2;
  std::uint64_t seed = 42;
  std::string group_column = {};
  static core::Result<SplitSpec> from_config(const core::Config& config);
};

struct SplitCounts {
  std::int64_t train = 0;
  std::int64_t train_positives = 0;
  std::int64_t test = 0;
  std::int64_t test_positives = 0;
};

/// Writes the entity frame (id, event_timestamp, label, `fold` text 'train' or 'test', in source
/// order; rows without a label are left out) to `parquet`, atomically. Which rows are held out
/// depends on the seed and the ids only, through a hash, as SQL: neither row order nor thread count
/// matters. `time` holds out the latest rows (ties go together); `group` keeps equal groups
/// together. Errors: kInvalidArgument when a side would be empty or have one class, naming the
/// counts; when the group column is missing; when method is time and all times are equal.
core::Result<SplitCounts> split_dataset(Engine& engine, const Dataset& dataset,
                                        const SplitSpec& spec,
                                        const std::filesystem::path& parquet);

}  // namespace tenure::data
