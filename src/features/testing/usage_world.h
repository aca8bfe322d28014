#pragma once

#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "data/engine.h"
#include "features/definition.h"
#include "storage/kv/kv_store.h"
#include "storage/sql/database.h"
#include "storage/testing/temporary_folder.h"

namespace tenure::features::testing {

/// A small world to join and materialize: three customers' usage (ttl 7 days, created column) and
/// contracts (no ttl, a renamed column), in Parquet files of a temporary folder.
class UsageWorld {
 public:
  UsageWorld() {
    write("usage", R"(SELECT * FROM (VALUES
      (1, TIMESTAMP '2024-01-01 00:00', TIMESTAMP '2024-01-01 01:00', 10, 100.0),
      (1, TIMESTAMP '2024-01-05 00:00', TIMESTAMP '2024-01-05 01:00', 20, 200.0),
      (1, TIMESTAMP '2024-01-05 00:00', TIMESTAMP '2024-01-06 01:00', 21, NULL),
      (1, TIMESTAMP '2024-01-10 12:00', TIMESTAMP '2024-01-10 13:00', 30, 300.0),
      (2, TIMESTAMP '2024-01-03 00:00', TIMESTAMP '2024-01-03 01:00', 5, 50.0),
      (3, TIMESTAMP '2024-02-01 00:00', TIMESTAMP '2024-02-01 01:00', 7, 70.0))
      t(customer_id, event_ts, created, calls, minutes))");
    write("contract", R"(SELECT * FROM (VALUES
      (1, TIMESTAMP '2023-06-01', 'basic'), (1, TIMESTAMP '2024-01-06', 'pro'),
      (2, TIMESTAMP '2022-01-01', 'basic')) t(customer_id, event_ts, plan_name))");
    definitions.project = "churn";
    definitions.entities = {{"customer", "customer_id", data::ColumnType::kInteger}};
    FeatureView usage;
    usage.name = "usage";
    usage.entity = "customer";
    usage.source = path("usage");
    usage.timestamp_column = "event_ts";
    usage.created_column = "created";
    usage.ttl = 7 * kDay;
    usage.features = {{"calls", "calls", data::ColumnType::kInteger},
                      {"minutes", "minutes", data::ColumnType::kNumber}};
    FeatureView contract;
    contract.name = "contract";
    contract.entity = "customer";
    contract.source = path("contract");
    contract.timestamp_column = "event_ts";
    contract.features = {{"plan", "plan_name", data::ColumnType::kText}};
    definitions.views = {std::move(usage), std::move(contract)};
    definitions.services = {
        {"default", {{"usage", "calls"}, {"usage", "minutes"}, {"contract", "plan"}}}};
  }

  static constexpr core::Micros kDay = 86'400'000'000;

  std::string path(const std::string& name) const {
    return (folder_.path() / (name + ".parquet")).string();
  }
  const std::filesystem::path& folder() const { return folder_.path(); }

  /// Writes the answer of a query to `<name>.parquet`.
  void write(const std::string& name, const std::string& sql) {
    run(fmt::format("COPY ({}) TO {} (FORMAT parquet)", sql, data::quote_text(path(name))));
  }
  void run(const std::string& sql) {
    if (auto ran = engine->execute(sql); !ran) throw std::runtime_error(ran.error().message);
  }

  FeatureView& usage() { return definitions.views[0]; }
  FeatureView& contract() { return definitions.views[1]; }

  std::unique_ptr<data::Engine> engine = std::move(*data::Engine::open());
  Definitions definitions;

 private:
  storage::testing::TemporaryFolder folder_;
};

/// The values of a column as text, "NULL" where missing.
inline std::vector<std::string> shown(const data::Table& table, std::string_view name) {
  const data::Column* column = table.find(name);
  if (column == nullptr) return {"no column " + std::string(name)};
  std::vector<std::string> values;
  for (std::size_t i = 0; i < column->size(); ++i) {
    values.push_back(column->is_null(i) ? "NULL" : column->display(i));
  }
  return values;
}

}  // namespace tenure::features::testing
