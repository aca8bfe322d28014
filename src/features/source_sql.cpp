#include "features/source_sql.h"

#include <filesystem>

#include <fmt/core.h>

#include "data/engine.h"
#include "features/source_schema.h"

namespace tenure::features {

std::string source_query(const Definitions& definitions, const FeatureView& view,
                         std::span<const Feature* const> features) {
  const Entity& entity = definitions.entity_of(view);
  std::string sql = fmt::format("SELECT CAST({} AS {}) AS __key, epoch_us({}) AS __time",
                                data::quote_identifier(entity.key), sql_type_of(entity.key_type),
                                data::quote_identifier(view.timestamp_column));
  if (!view.created_column.empty()) {
    sql += fmt::format(", epoch_us({}) AS __created", data::quote_identifier(view.created_column));
  }
  sql += ", file_row_number AS __order";
  for (std::size_t i = 0; i < features.size(); ++i) {
    const Feature& feature = *features[i];
    std::string value = fmt::format("CAST({} AS {})", data::quote_identifier(feature.source_column),
                                    sql_type_of(feature.type));
    if (feature.type == data::ColumnType::kNumber) {
      value = fmt::format("nullif({}, 'nan'::DOUBLE)", value);
    }
    sql += fmt::format(", {} AS __f{}", value, i);
  }
  return sql + fmt::format(" FROM read_parquet({}, file_row_number = true)",
                           data::quote_text(view.source));
}

core::Result<> check_source(const FeatureView& view) {
  std::error_code error;
  if (std::filesystem::is_regular_file(view.source, error)) return {};
  return core::Error{core::ErrorCode::kNotFound,
                     fmt::format("feature view {}: there is no file {}", view.name, view.source)};
}

std::vector<const Feature*> all_features(const FeatureView& view) {
  std::vector<const Feature*> features;
  for (const Feature& feature : view.features) features.push_back(&feature);
  return features;
}

}  // namespace tenure::features
