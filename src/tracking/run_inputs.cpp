#include "tracking/run_inputs.h"

#include <algorithm>
#include <tuple>

#include <fmt/format.h>

#include "core/id.h"
#include "tracking/logged_models.h"
#include "tracking/run_rows.h"
#include "tracking/sql_rows.h"
#include "tracking/validation.h"

// Table inputs holds three kinds of edges: DATASET to RUN, RUN_INPUT to MODEL_INPUT (the source is
// the run) and RUN_OUTPUT to MODEL_OUTPUT.
namespace tenure::tracking {
namespace {

using storage::SqlExecutor;
using storage::SqlRow;
using storage::SqlValue;

constexpr std::size_t kNameMax = 500;
constexpr std::size_t kDigestMax = 36;
constexpr std::size_t kSourceTypeMax = 36;  // of the column
constexpr std::size_t kSourceMax = 65'535;
constexpr std::size_t kSchemaMax = 1'048'575;
constexpr std::size_t kProfileMax = 16'777'215;
constexpr std::size_t kTagKeyMax = 255;
constexpr std::size_t kTagValueMax = 500;
constexpr std::size_t kModelIdMax = 36;  // of the column

core::Result<> check_texts(
    std::initializer_list<std::tuple<std::string_view, std::size_t, std::string_view>> texts) {
  for (const auto& [text, max, what] : texts) {
    if (auto checked = check_text(text, max, what); !checked) return checked;
  }
  return {};
}

core::Result<> check_input(const DatasetInput& input) {
  const Dataset& dataset = input.dataset;
  if (auto checked = check_texts({{dataset.name, kNameMax, "name"},
                                  {dataset.digest, kDigestMax, "digest"},
                                  {dataset.source_type, kSourceTypeMax, "source_type"},
                                  {dataset.source, kSourceMax, "source"},
                                  {dataset.schema, kSchemaMax, "schema"},
                                  {dataset.profile, kProfileMax, "profile"}});
      !checked) {
    return checked;
  }
  for (const auto& [key, value] : input.tags) {
    if (auto checked = check_texts({{key, kTagKeyMax, "key"}, {value, kTagValueMax, "value"}});
        !checked) {
      return checked;
    }
  }
  return {};
}

SqlValue text_or_null(const std::string& text) {
  if (text.empty()) return nullptr;
  return text;
}

/// The id of a data set, which is made when the experiment has none of that name and digest.
core::Result<std::string> dataset_id(SqlExecutor& sql, std::int64_t experiment,
                                     const Dataset& dataset) {
  for (const bool may_insert : {true, false}) {
    auto rows = sql.query(
        "SELECT dataset_uuid FROM datasets WHERE experiment_id = :experiment AND name = :name AND "
        "digest = :digest",
        {experiment, dataset.name, dataset.digest});
    if (!rows) return std::move(rows).error();
    if (!rows->empty()) return rows->front().text(0);
    if (!may_insert) break;
    std::string id = core::random_hex_id();
    auto made = sql.execute(
        "INSERT INTO datasets (dataset_uuid, experiment_id, name, digest, dataset_source_type, "
        "dataset_source, dataset_schema, dataset_profile) VALUES (:id, :experiment, :name, "
        ":digest, :type, :source, :schema, :profile) ON CONFLICT DO NOTHING",
        {id, experiment, dataset.name, dataset.digest, dataset.source_type, dataset.source,
         text_or_null(dataset.schema), text_or_null(dataset.profile)});
    if (!made) return std::move(made).error();
    if (*made == 1) return id;
  }
  return core::Error{core::ErrorCode::kConflict,
                     fmt::format("data set '{}' ({}) was deleted while it was logged", dataset.name,
                                 dataset.digest)};
}

struct Edge {
  std::string_view source_type;
  std::string source;
  std::string_view destination_type;
  std::string destination;
};

/// The id of a new edge; "" when it exists.
core::Result<std::string> add_edge(SqlExecutor& sql, const Edge& edge) {
  std::string id = core::random_hex_id();
  auto made = sql.execute(
      "INSERT INTO inputs (input_uuid, source_type, source_id, destination_type, destination_id) "
      "VALUES (:id, :source_type, :source, :destination_type, :destination) ON CONFLICT DO NOTHING",
      {id, std::string(edge.source_type), edge.source, std::string(edge.destination_type),
       edge.destination});
  if (!made) return std::move(made).error();
  return *made == 1 ? id : std::string();
}

core::Result<> add_input_tags(SqlExecutor& sql, const std::string& edge,
                              const std::map<std::string, std::string>& tags) {
  auto next = tags.begin();
  auto added = insert_rows(sql,
                           {"INSERT INTO input_tags (input_uuid, name, value) VALUES ",
                            "(:edge, ?, ?)", " ON CONFLICT DO NOTHING"},
                           {edge}, tags.size(), [&](std::size_t, std::vector<SqlValue>& row) {
                             row.emplace_back(next->first);
                             row.emplace_back(next->second);
                             ++next;
                           });
  if (!added) return std::move(added).error();
  return {};
}

core::Result<std::int64_t> experiment_of(SqlExecutor& sql, std::string_view run_id) {
  auto rows =
      sql.query("SELECT experiment_id FROM runs WHERE run_uuid = :id", {std::string(run_id)});
  if (!rows) return std::move(rows).error();
  if (rows->empty()) return run_not_found(run_id);
  return rows->front().integer_if(0).value_or(0);
}

core::Result<> read_datasets(SqlExecutor& sql, const std::vector<SqlValue>& runs,
                             std::map<std::string, RunInputs>& inputs) {
  auto rows = query_by_list(
      sql,
      "SELECT i.destination_id, i.input_uuid, d.name, d.digest, d.dataset_source_type, "
      "d.dataset_source, d.dataset_schema, d.dataset_profile FROM inputs AS i JOIN datasets AS d "
      "ON d.dataset_uuid = i.source_id WHERE i.source_type = 'DATASET' AND i.destination_type = "
      "'RUN' AND i.destination_id IN ({list}) ORDER BY d.name, d.digest, i.input_uuid",
      {}, runs);
  if (!rows) return std::move(rows).error();
  std::map<std::string, std::map<std::string, std::string>> tags;
  std::vector<SqlValue> edges;
  for (const SqlRow& row : *rows) {
    if (tags.try_emplace(row.text(1)).second) edges.emplace_back(row.text(1));
  }
  auto tag_rows = query_by_list(
      sql, "SELECT input_uuid, name, value FROM input_tags WHERE input_uuid IN ({list})", {},
      edges);
  if (!tag_rows) return std::move(tag_rows).error();
  for (const SqlRow& row : *tag_rows) tags[row.text(0)][row.text(1)] = row.text_or(2, "");
  for (const SqlRow& row : *rows) {
    inputs[row.text(0)].datasets.push_back(
        {{row.text(2), row.text(3), row.text_or(4, ""), row.text_or(5, ""), row.text_or(6, ""),
          row.text_or(7, "")},
         tags.at(row.text(1))});
  }
  return {};
}

core::Result<> read_models(SqlExecutor& sql, const std::vector<SqlValue>& runs,
                           std::map<std::string, RunInputs>& inputs) {
  auto tables = logged_model_tables(sql);
  if (!tables) return std::move(tables).error();
  const std::string text = fmt::format(
      "SELECT i.source_id, i.destination_id, i.source_type, {} WHERE i.source_type IN "
      "('RUN_INPUT', 'RUN_OUTPUT') AND i.source_id IN ({{list}}) ORDER BY 4, i.destination_id",
      tables->has_input_step ? "i.step FROM inputs AS i"
                             : "COALESCE(s.step, 0) FROM inputs AS i LEFT JOIN tenure_input_steps "
                               "AS s ON s.input_uuid = i.input_uuid");
  auto rows = query_by_list(sql, text, {}, runs);
  if (!rows) return std::move(rows).error();
  for (const SqlRow& row : *rows) {
    RunInputs& of_run = inputs[row.text(0)];
    if (row.text(2) == "RUN_OUTPUT") {
      of_run.outputs.push_back({row.text(1), row.integer(3)});
    } else {
      of_run.model_ids.push_back(row.text(1));
    }
  }
  return {};
}

}  // namespace

core::Result<std::map<std::string, RunInputs>> read_run_inputs(
    SqlExecutor& sql, std::span<const std::string> run_ids) {
  const std::vector<SqlValue> runs = distinct_values(run_ids);
  std::map<std::string, RunInputs> inputs;
  if (auto read = read_datasets(sql, runs, inputs); !read) return std::move(read).error();
  if (auto read = read_models(sql, runs, inputs); !read) return std::move(read).error();
  return inputs;
}

core::Result<> write_run_inputs(SqlExecutor& sql, std::string_view run_id,
                                std::span<const DatasetInput> datasets,
                                std::span<const std::string> model_ids) {
  std::vector<const DatasetInput*> ordered;
  for (const DatasetInput& input : datasets) {
    if (auto checked = check_input(input); !checked) return checked;
    ordered.push_back(&input);
  }
  for (const std::string& model : model_ids) {
    if (auto checked = check_text(model, kModelIdMax, "model_id"); !checked) return checked;
  }
  // In one order, so that writers that meet in the same data sets do not block each other.
  std::stable_sort(ordered.begin(), ordered.end(), [](const auto* a, const auto* b) {
    return std::tie(a->dataset.name, a->dataset.digest) <
           std::tie(b->dataset.name, b->dataset.digest);
  });
  auto experiment = experiment_of(sql, run_id);
  if (!experiment) return std::move(experiment).error();
  for (const DatasetInput* input : ordered) {
    auto dataset = dataset_id(sql, *experiment, input->dataset);
    if (!dataset) return std::move(dataset).error();
    auto edge = add_edge(sql, {"DATASET", *dataset, "RUN", std::string(run_id)});
    if (!edge) return std::move(edge).error();
    if (edge->empty()) continue;
    if (auto added = add_input_tags(sql, *edge, input->tags); !added) return added;
  }
  for (const std::string& model : model_ids) {
    auto edge = add_edge(sql, {"RUN_INPUT", std::string(run_id), "MODEL_INPUT", model});
    if (!edge) return std::move(edge).error();
  }
  return {};
}

core::Result<> write_run_outputs(SqlExecutor& sql, std::string_view run_id,
                                 std::span<const ModelOutput> outputs) {
  auto tables = logged_model_tables(sql);
  if (!tables) return std::move(tables).error();
  constexpr std::string_view kEdge =
      "source_type = 'RUN_OUTPUT' AND source_id = :run AND destination_type = 'MODEL_OUTPUT' AND "
      "destination_id = :model";
  const std::string set_step =
      tables->has_input_step
          ? fmt::format("UPDATE inputs SET step = :step WHERE {}", kEdge)
          : fmt::format(
                "INSERT INTO tenure_input_steps (step, input_uuid) SELECT CAST(:step AS "
                "BIGINT), input_uuid FROM inputs WHERE {} ON CONFLICT (input_uuid) DO "
                "UPDATE SET step = excluded.step",
                kEdge);
  for (const ModelOutput& output : outputs) {
    if (auto checked = check_text(output.model_id, kModelIdMax, "model_id"); !checked)
      return checked;
    auto edge = add_edge(sql, {"RUN_OUTPUT", std::string(run_id), "MODEL_OUTPUT", output.model_id});
    if (!edge) return std::move(edge).error();
    auto set = sql.execute(set_step, {output.step, std::string(run_id), output.model_id});
    if (!set) return std::move(set).error();
  }
  return {};
}

}  // namespace tenure::tracking
