#include "tracking/search/field_table.h"

#include <array>

namespace tenure::tracking {
namespace {

constexpr auto kText = Attribute::Type::kText;
constexpr auto kInteger = Attribute::Type::kInteger;

// Name, column, type, searchable, orderable, takes a list.
constexpr auto kRunAttributes = std::to_array<Attribute>({
    {"run_id", "r.run_uuid", kText, true, true, true},
    {"run_name", "r.name"},
    {"user_id", "r.user_id"},
    {"status", "r.status"},
    {"artifact_uri", "r.artifact_uri"},
    {"start_time", "r.start_time", kInteger},
    {"end_time", "r.end_time", kInteger},
    {"created", "r.start_time", kInteger},
    {"Created", "r.start_time", kInteger},
    {"run name", "r.name", kText, true, false},
    {"Run name", "r.name", kText, true, false},
    {"Run Name", "r.name", kText, true, false},
});
constexpr auto kExperimentAttributes = std::to_array<Attribute>({
    {"name", "e.name"},
    {"creation_time", "e.creation_time", kInteger},
    {"last_update_time", "e.last_update_time", kInteger},
    {"experiment_id", "CAST(e.experiment_id AS TEXT)", kText, true, true, true, "e.experiment_id"},
});
constexpr auto kModelAttributes = std::to_array<Attribute>({
    {"name", "m.name", kText, true, true, true},
    {"timestamp", "m.last_updated_time", kInteger, false},
    {"last_updated_timestamp", "m.last_updated_time", kInteger, false},
});
constexpr auto kVersionAttributes = std::to_array<Attribute>({
    {"name", "v.name"},
    {"version_number", "v.version", kInteger},
    {"run_id", "v.run_id", kText, true, false, true},
    {"source_path", "v.source", kText, true, false},
    {"creation_timestamp", "v.creation_time", kInteger, false},
    {"last_updated_timestamp", "v.last_updated_time", kInteger, false},
});
constexpr auto kLoggedModelAttributes = std::to_array<Attribute>({
    {"name", "m.name", kText, true, true, true},
    {"model_id", "m.model_id", kText, true, true, true},
    {"model_type", "m.model_type", kText, true, true, true},
    {"source_run_id", "m.source_run_id", kText, true, true, true},
    {"experiment_id", "CAST(m.experiment_id AS TEXT)", kText, true, true, true, "m.experiment_id"},
    {"artifact_location", "m.artifact_location", kText, true, true, true},
    {"lifecycle_stage", "m.lifecycle_stage", kText, true, true, true},
    {"status_message", "m.status_message", kText, true, true, true},
    {"status", "m.status", kInteger},
    {"creation_timestamp_ms", "m.creation_timestamp_ms", kInteger},
    {"creation_timestamp", "m.creation_timestamp_ms", kInteger},
    {"creation_time", "m.creation_timestamp_ms", kInteger},
    {"last_updated_timestamp_ms", "m.last_updated_timestamp_ms", kInteger},
    {"last_updated_timestamp", "m.last_updated_timestamp_ms", kInteger},
    {"last_updated_time", "m.last_updated_timestamp_ms", kInteger},
});

constexpr auto kRunEntities = std::to_array<EntityName>({{"metric", Field::kMetric},
                                                         {"metrics", Field::kMetric},
                                                         {"param", Field::kParam},
                                                         {"params", Field::kParam},
                                                         {"parameter", Field::kParam},
                                                         {"parameters", Field::kParam},
                                                         {"tag", Field::kTag},
                                                         {"tags", Field::kTag},
                                                         {"attribute", Field::kAttribute},
                                                         {"attributes", Field::kAttribute},
                                                         {"attr", Field::kAttribute},
                                                         {"run", Field::kAttribute},
                                                         {"dataset", Field::kDataset},
                                                         {"datasets", Field::kDataset}});
constexpr auto kPlainEntities = std::to_array<EntityName>(
    {{"attribute", Field::kAttribute}, {"tag", Field::kTag}, {"tags", Field::kTag}});
constexpr auto kLoggedModelEntities = std::to_array<EntityName>({{"attributes", Field::kAttribute},
                                                                 {"metrics", Field::kMetric},
                                                                 {"params", Field::kParam},
                                                                 {"tags", Field::kTag}});
}  // namespace

std::span<const Attribute> attributes_of(SearchLanguage language) {
  switch (language) {
    case SearchLanguage::kRuns:
      return kRunAttributes;
    case SearchLanguage::kExperiments:
      return kExperimentAttributes;
    case SearchLanguage::kRegisteredModels:
      return kModelAttributes;
    case SearchLanguage::kModelVersions:
      return kVersionAttributes;
    case SearchLanguage::kLoggedModels:
      break;
  }
  return kLoggedModelAttributes;
}

std::span<const EntityName> entities_of(SearchLanguage language) {
  switch (language) {
    case SearchLanguage::kRuns:
      return kRunEntities;
    case SearchLanguage::kLoggedModels:
      return kLoggedModelEntities;
    default:
      return kPlainEntities;
  }
}

}  // namespace tenure::tracking
