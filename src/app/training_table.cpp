#include "app/training_table.h"

#include <algorithm>

#include <fmt/format.h>

#include "data/parquet_file.h"
#include "features/point_in_time.h"

namespace tenure::app {
namespace {

std::string full_name(const features::FeatureRef& ref) {
  return ref.view + "__" + ref.feature;
}

data::ColumnType type_of(const features::Definitions& definitions,
                         const features::FeatureRef& ref) {
  const features::FeatureView* view = definitions.view(ref.view);
  const auto found = std::ranges::find(view->features, ref.feature, &features::Feature::name);
  return found->type;
}

/// That some row of table `training` has some feature: else the ids and the views' keys name
/// different things.
core::Result<> check_any_value(data::Engine& engine, const features::Definitions& definitions,
                               const features::FeatureService& service,
                               std::string_view id_column) {
  std::string is_any;
  for (const features::FeatureRef& ref : service.features)
    is_any += fmt::format("{}{} IS NOT NULL", is_any.empty() ? "" : " OR ",
                          data::quote_identifier(full_name(ref)));
  auto rows = engine.query_integer(
      fmt::format("SELECT count(*) FROM (SELECT 1 FROM training WHERE {} LIMIT 1)", is_any));
  if (!rows) return std::move(rows).error();
  if (*rows > 0) return {};
  const features::FeatureView& view = *definitions.view(service.features.front().view);
  return core::Error{
      core::ErrorCode::kInvalidArgument,
      fmt::format("no row of the table has a value of service '{}' at its time: is column '{}' of "
                  "the table the key '{}' of view '{}', and do the view's rows begin early enough?",
                  service.name, id_column, definitions.entity_of(view).key, view.name)};
}

}  // namespace

std::vector<learn::InputField> inputs_of(const features::Definitions& definitions,
                                         const features::FeatureService& service) {
  std::vector<learn::InputField> inputs;
  for (const features::FeatureRef& ref : service.features)
    inputs.push_back({ref.feature, type_of(definitions, ref)});
  return inputs;
}

std::vector<std::string> refs_of(const features::FeatureService& service) {
  std::vector<std::string> refs;
  for (const features::FeatureRef& ref : service.features)
    refs.push_back(ref.view + ":" + ref.feature);
  return refs;
}

core::Result<std::int64_t> write_training_table(data::Engine& engine,
                                                const features::Definitions& definitions,
                                                const features::FeatureService& service,
                                                const std::filesystem::path& entities,
                                                std::string_view id_column,
                                                const std::filesystem::path& out) {
  auto requests = features::requests_for(definitions, service);
  // The frame's own columns get names that no feature can have, as features are named
  // view__feature.
  const std::string frame =
      fmt::format("SELECT {} AS id, event_timestamp, label, fold FROM read_parquet({})",
                  data::quote_identifier(id_column), data::quote_text(entities.string()));
  for (features::ViewRequest& request : requests) request.entity_column = "id";
  auto joined =
      features::join_point_in_time(engine, frame, definitions, requests, {.is_full_names = true});
  if (!joined) return std::move(joined).error();
  if (auto made = engine.create_table("training", joined->table); !made)
    return std::move(made).error();
  if (auto checked = check_any_value(engine, definitions, service, id_column); !checked)
    return std::move(checked).error();
  if (auto written = data::write_parquet(engine, "SELECT * FROM training", out); !written)
    return std::move(written).error();
  if (auto dropped = engine.execute("DROP TABLE training"); !dropped)
    return std::move(dropped).error();
  return joined->ties;
}

core::Result<LabelledRows> read_training_table(data::Engine& engine,
                                               const std::filesystem::path& file,
                                               const features::Definitions& definitions,
                                               const features::FeatureService& service,
                                               std::string_view fold) {
  const std::vector<learn::InputField> inputs = inputs_of(definitions, service);
  std::string columns;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    columns += fmt::format(", {} AS {}", data::quote_identifier(full_name(service.features[i])),
                           data::quote_identifier(fmt::format("input{}", i)));
  }
  auto table =
      engine.query(fmt::format("SELECT label{} FROM read_parquet({}) WHERE fold = {}", columns,
                               data::quote_text(file.string()), data::quote_text(fold)));
  if (!table) return std::move(table).error();
  LabelledRows rows;
  const std::size_t count = table->row_count();
  for (std::size_t i = 0; i < count; ++i) {
    rows.labels.push_back(table->columns[0].number(i) != 0 ? 1 : 0);
  }
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    rows.inputs.columns.push_back(std::move(table->columns[i + 1]));
    rows.inputs.columns.back().name = inputs[i].name;
  }
  return rows;
}

}  // namespace tenure::app
