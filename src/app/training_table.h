#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "data/engine.h"
#include "data/table.h"
#include "features/definition.h"
#include "learn/transform.h"

namespace tenure::app {

/// The inputs of a model that reads this service, in its order. An input has the feature's name,
/// which is unique in a service (Definitions::from_config refuses others).
std::vector<learn::InputField> inputs_of(const features::Definitions& definitions,
                                         const features::FeatureService& service);

/// "view:feature" of each input, in the same order: how model.json remembers them.
std::vector<std::string> refs_of(const features::FeatureService& service);

/// Joins the entity frame (`id_column`, event_timestamp, label, fold) with the service's features
/// as of each row's time, whatever the join column of the views is called, and writes a Parquet
/// file with columns `id`, `event_timestamp`, `label`, `fold` and one `view__feature` each. Returns
/// the number of ties between equally new source rows.
core::Result<std::int64_t> write_training_table(data::Engine& engine,
                                                const features::Definitions& definitions,
                                                const features::FeatureService& service,
                                                const std::filesystem::path& entities,
                                                std::string_view id_column,
                                                const std::filesystem::path& out);

/// Rows of a training table, ready to learn from or to be scored.
struct LabelledRows {
  data::Table inputs;  ///< columns named and ordered as inputs_of()
  std::vector<std::uint8_t> labels;
};

/// Reads one fold ('train' or 'test').
core::Result<LabelledRows> read_training_table(data::Engine& engine,
                                               const std::filesystem::path& file,
                                               const features::Definitions& definitions,
                                               const features::FeatureService& service,
                                               std::string_view fold);

}  // namespace tenure::app
