#pragma once

#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "core/id.h"
#include "core/random.h"
#include "data/dataset.h"
#include "data/engine.h"
#include "data/infer.h"
#include "data/missing_words.h"

namespace tenure::data {

/// One cell of a test table: the row's number, its outcome, and chance.
using MakeCell = std::function<std::string(int row, bool is_churned, core::Random& random)>;

/// A table of customers with an id, a feature and what a test adds, and what is inferred from it.
/// The test includes GoogleTest first.
class InferTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() / core::random_hex_id();
    std::filesystem::create_directories(folder_);
    engine_ = std::move(*Engine::open({.path = "", .temporary = folder_ / "spill", .threads = 2}));
    request_.file = folder_ / "customers.csv";
    request_.label = "Churn";
    add("customer_id", [](int row, bool, core::Random&) { return fmt::format("C-{:05}", row); });
    add("usage", [](int, bool churned, core::Random& random) {
      return fmt::format("{:.3f}", random.normal() + (churned ? 1.0 : 0.0));
    });
  }
  void TearDown() override {
    engine_.reset();
    std::filesystem::remove_all(folder_);
  }

  void add(std::string name, MakeCell cell) {
    columns_.emplace_back(std::move(name), std::move(cell));
  }
  /// Every fourth customer left.
  void write(int rows = 400) {
    core::Random random(7);
    std::ofstream file(request_.file, std::ios::binary);
    for (const auto& column : columns_) file << column.first << ",";
    file << "Churn\n";
    for (int row = 0; row < rows; ++row) {
      const bool is_churned = (row * 7) % 4 == 1;
      for (const auto& column : columns_) file << column.second(row, is_churned, random) << ",";
      file << (is_churned ? "Yes" : "No") << "\n";
    }
  }
  void write_text(std::string_view content) {
    std::ofstream(request_.file, std::ios::binary) << content;
  }

  /// Infers, and checks that the table loads as it was inferred.
  InferredTable inferred() {
    auto table = infer_table(*engine_, request_);
    EXPECT_TRUE(table) << table.error().message;
    if (!table) return {};
    EXPECT_EQ(*engine_->query_integer("SELECT count(*) FROM duckdb_tables()"), 0);
    DataSpec spec;
    spec.source = request_.file;
    spec.id = table->id;
    spec.time = table->time;
    spec.label = table->label;
    spec.positive = table->positive;
    spec.null_markers = *default_null_markers();
    for (const auto& ignored : table->ignored) spec.ignored[ignored.column] = ignored.why;
    for (const InferredColumn& column : table->features) {
      ColumnRule rule;
      rule.name = column.name;
      rule.type = column.type;
      rule.null_markers = column.null_markers;
      spec.columns.push_back(rule);
    }
    auto dataset = load_dataset(*engine_, spec, folder_ / "clean.parquet", 1'704'067'200'000'000);
    EXPECT_TRUE(dataset) << dataset.error().message;
    if (dataset) {
      EXPECT_EQ(dataset->columns.size(), table->features.size());
    }
    return *table;
  }
  std::string refused(core::ErrorCode code = core::ErrorCode::kInvalidArgument) {
    const auto table = infer_table(*engine_, request_);
    EXPECT_FALSE(table);
    if (table) return {};
    EXPECT_EQ(table.error().code, code) << table.error().message;
    return table.error().message;
  }
  static std::optional<InferredColumn> feature(const InferredTable& table, std::string_view name) {
    for (const InferredColumn& column : table.features)
      if (column.name == name) return column;
    return std::nullopt;
  }
  /// Why the column is no feature; "" = it is one.
  static std::string why(const InferredTable& table, std::string_view name) {
    for (const auto& ignored : table.ignored)
      if (ignored.column == name) return ignored.why;
    EXPECT_TRUE(feature(table, name).has_value()) << name << " is neither";
    return {};
  }
  /// The reason for a single further column.
  std::string why_of(const std::string& name, MakeCell cell, int rows = 400) {
    add(name, std::move(cell));
    write(rows);
    return why(inferred(), name);
  }

  std::filesystem::path folder_;
  std::unique_ptr<Engine> engine_;
  InferRequest request_;
  std::vector<std::pair<std::string, MakeCell>> columns_;
};

}  // namespace tenure::data
