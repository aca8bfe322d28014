#include "serving/batch_scorer.h"

#include <filesystem>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "core/file.h"
#include "serving/testing/served_world.h"

namespace tenure::serving {
namespace {

using data::Cell;
using testing::must;

class BatchScorer : public ::testing::Test {
 protected:
  void write(const std::string& name, std::string_view content) {
    ASSERT_TRUE(core::write_file_atomically(path(name), content).has_value());
  }
  std::filesystem::path path(const std::string& name) const { return world_.folder.path() / name; }
  BatchRequest request(const std::string& input, const std::string& output) const {
    BatchRequest asked;
    asked.input = path(input);
    asked.output = path(output);
    asked.scratch = path("scratch");
    asked.id_column = "id";
    asked.model_version = 7;
    asked.columns = {{.name = "plan", .type = data::ColumnType::kText},
                     {.name = "age", .type = data::ColumnType::kNumber}};
    return asked;
  }
  double score(std::vector<Cell> cells) const {
    std::vector<float> encoded(model_.transform().outputs().size());
    return static_cast<double>(model_.score(cells, encoded).probability);
  }

  testing::ServedWorld world_;
  learn::Model model_ = world_.model();
  std::unique_ptr<data::Engine> engine_ = must(data::Engine::open());
};

TEST_F(BatchScorer, WritesTheBitsOfTheOnlinePathInTheOrderOfTheInput) {
  write("in.csv", "extra,age,id,plan\nx,4,C-9,b\ny,,C-1,a\nz,1,C-9,\n");
  for (const char* output : {"out.csv", "out.parquet"}) {
    const auto report = score_file(*engine_, model_, request("in.csv", output));
    ASSERT_TRUE(report.has_value()) << report.error().message;
    EXPECT_EQ(report->rows, 3);
    const data::Table table =
        must(engine_->query(fmt::format("SELECT * FROM '{}'", path(output).string())));
    ASSERT_EQ(table.columns.size(), 4U);
    EXPECT_EQ(table.columns[0].name, "id");
    EXPECT_EQ(table.columns[0].text(0), "C-9");
    EXPECT_EQ(table.columns[0].text(1), "C-1");
    EXPECT_EQ(table.columns[1].number(0), score({Cell::of("b"), Cell::of(4.0)}));
    EXPECT_EQ(table.columns[1].number(1), score({Cell::of("a"), Cell::null()}));
    EXPECT_EQ(table.columns[1].number(2), score({Cell::null(), Cell::of(1.0)}));
    EXPECT_EQ(table.columns[2].text(0), "churn");
    EXPECT_EQ(table.columns[2].text(1), "stay");
    EXPECT_EQ(table.columns[3].number(0), 7);
  }
  EXPECT_FALSE(std::filesystem::exists(path("scratch")));
}

TEST_F(BatchScorer, NamesAMissingInputAndLeavesTheOldOutput) {
  write("in.csv", "id,plan\nC-1,a\nC-2,b\n");
  write("out.csv", "old");
  const auto report = score_file(*engine_, model_, request("in.csv", "out.csv"));
  ASSERT_FALSE(report.has_value());
  EXPECT_EQ(report.error().code, core::ErrorCode::kInvalidArgument);
  EXPECT_NE(report.error().message.find("age"), std::string::npos) << report.error().message;
  EXPECT_EQ(must(core::read_file(path("out.csv"))), "old");
  EXPECT_FALSE(std::filesystem::exists(path("scratch")));
}

TEST_F(BatchScorer, SaysWhichFeatureOrTheIdAMissingColumnIsFor) {
  write("in.csv", "id,plan\nC-1,a\nC-2,b\n");
  auto asked = request("in.csv", "out.csv");
  asked.columns[1].needed_by = "feature 'age' of view 'profile'";
  const auto report = score_file(*engine_, model_, asked);
  ASSERT_FALSE(report.has_value());
  EXPECT_NE(report.error().message.find(
                "no column 'age', which feature 'age' of view 'profile' is read from"),
            std::string::npos)
      << report.error().message;
  write("in.csv", "plan,age\na,1\nb,2\n");
  const auto without_id = score_file(*engine_, model_, request("in.csv", "out.csv"));
  ASSERT_FALSE(without_id.has_value());
  EXPECT_NE(without_id.error().message.find("no column 'id', which the id is read from"),
            std::string::npos)
      << without_id.error().message;
}

TEST_F(BatchScorer, ScoresMoreRowsThanOneChunkHolds) {
  ASSERT_TRUE(engine_->execute(fmt::format(
      "COPY (SELECT i AS id, CASE WHEN i % 3 = 0 THEN 'b' ELSE 'a' END AS plan, i % 7 AS age "
      "FROM range(250000) t(i)) TO '{}' (FORMAT parquet)",
      path("in.parquet").string())));
  auto asked = request("in.parquet", "out.parquet");
  std::vector<std::int64_t> seen;
  asked.progress = [&](std::int64_t done, std::int64_t) {
    seen.push_back(done);
    return true;
  };
  const auto report = score_file(*engine_, model_, asked);
  ASSERT_TRUE(report.has_value()) << report.error().message;
  EXPECT_EQ(report->rows, 250'000);
  EXPECT_GT(seen.size(), 1U);
  const data::Table table = must(engine_->query(
      fmt::format("SELECT id::BIGINT AS id, probability FROM '{}'", path("out.parquet").string())));
  ASSERT_EQ(table.row_count(), 250'000U);
  for (std::size_t i = 0; i < table.row_count(); i += 997) {
    ASSERT_EQ(table.columns[0].number(i), static_cast<double>(i));
    ASSERT_EQ(table.columns[1].number(i),
              score({Cell::of(i % 3 == 0 ? "b" : "a"), Cell::of(static_cast<double>(i % 7))}));
  }
}

TEST_F(BatchScorer, StopsWhenToldAndLeavesNothingBehind) {
  write("in.csv", "id,plan,age\nC-1,a,1\nC-2,b,2\n");
  auto asked = request("in.csv", "out.csv");
  asked.progress = [](std::int64_t, std::int64_t) { return false; };
  const auto report = score_file(*engine_, model_, asked);
  ASSERT_FALSE(report.has_value());
  EXPECT_EQ(report.error().code, core::ErrorCode::kCancelled);
  EXPECT_FALSE(std::filesystem::exists(path("out.csv")));
  EXPECT_FALSE(std::filesystem::exists(path("scratch")));
}

}  // namespace
}  // namespace tenure::serving
