#include <filesystem>
#include <fstream>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "core/id.h"
#include "data/dataset.h"
#include "data/parquet_file.h"

namespace tenure::data {
namespace {

class DirectQuery : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() / core::random_hex_id();
    std::filesystem::create_directories(folder_);
    engine_ = std::move(*Engine::open({.path = "", .temporary = folder_ / "spill", .threads = 2}));
    spec_.source = folder_ / "in.parquet";
    spec_.null_markers = {"", "NA", "?"};
    spec_.is_exact = true;
  }
  void TearDown() override {
    engine_.reset();
    std::filesystem::remove_all(folder_);
  }
  void write(const std::string& query) {
    ASSERT_TRUE(write_parquet(*engine_, query, spec_.source));
  }
  std::optional<std::string> direct() {
    auto query = direct_query(*engine_, spec_);
    EXPECT_TRUE(query) << query.error().message;
    if (!query || !*query) return std::nullopt;
    return (*query)->sql;
  }
  /// How many rows the direct query and load_dataset do not agree on.
  std::int64_t differences() {
    const std::filesystem::path cleaned = folder_ / "cleaned.parquet";
    auto loaded = load_dataset(*engine_, spec_, cleaned, 0);
    EXPECT_TRUE(loaded) << loaded.error().message;
    const auto query = direct();
    EXPECT_TRUE(query);
    if (!loaded || !query) return -1;
    const std::string both = fmt::format(
        "(SELECT * FROM ({})), (SELECT file_row_number AS row_number_, * EXCLUDE (row_id, "
        "event_timestamp, "
        "file_row_number) FROM read_parquet({}, file_row_number = true))",
        *query, quote_path(cleaned));
    const std::size_t middle = both.find(", (SELECT file");
    const std::string first = both.substr(0, middle);
    const std::string second = both.substr(middle + 2);
    auto count = engine_->query_integer(
        fmt::format("SELECT count(*) FROM (({0} EXCEPT ALL {1}) UNION ALL ({1} EXCEPT ALL {0}))",
                    first, second));
    EXPECT_TRUE(count) << count.error().message;
    return count ? *count : -1;
  }

  std::filesystem::path folder_;
  std::unique_ptr<Engine> engine_;
  DataSpec spec_;
};

TEST_F(DirectQuery, GivesTheRowsThatLoadDatasetWrites) {
  write(
      "SELECT * FROM (VALUES "
      "(1::TINYINT, 0.5::DOUBLE, 1.25::FLOAT, true, ' fiber ', '7', 9::BIGINT, 1.10::DECIMAL(9,2), "
      "TIMESTAMP '2024-02-29 12:00:00'),"
      "(NULL, 'nan'::DOUBLE, 0.1::FLOAT, false, '?', ' 8.5 ', -9007199254740993, 2.5, NULL),"
      "(-3, NULL, 'nan'::FLOAT, NULL, 'NA', 'NA', NULL, NULL, TIMESTAMP '1969-12-31 23:59:59.5'),"
      "(127, -0.0, NULL, true, 'zoë', '1e3', 0, -0.01, TIMESTAMP '2024-01-01')) "
      "t(small, number, single, flag, plan, texted, big, price, seen)");
  spec_.columns = {{.name = "small", .type = ColumnType::kInteger},
                   {.name = "number", .type = ColumnType::kNumber, .null_value = "0.25"},
                   {.name = "single", .type = ColumnType::kNumber},
                   {.name = "flag", .type = ColumnType::kBoolean},
                   {.name = "plan", .type = ColumnType::kText, .null_value = "none"},
                   {.name = "texted", .type = ColumnType::kNumber},
                   {.name = "big", .type = ColumnType::kNumber},
                   {.name = "price", .type = ColumnType::kNumber},
                   {.name = "seen", .type = ColumnType::kTimestamp}};
  EXPECT_EQ(differences(), 0);
}

TEST_F(DirectQuery, ReadsBadValuesAsMissingWhenTheRuleSaysSo) {
  write("SELECT * FROM (VALUES ('1', 'inf'::DOUBLE), ('x', 2)) t(texted, number)");
  spec_.bad_values = "null";
  spec_.columns = {{.name = "texted", .type = ColumnType::kNumber},
                   {.name = "number", .type = ColumnType::kNumber}};
  EXPECT_EQ(differences(), 0);
}

TEST_F(DirectQuery, EndsAtAValueThatLoadDatasetRefuses) {
  const auto refused = [&] {
    const auto query = direct();
    EXPECT_TRUE(query);
    const auto rows = engine_->query(*query);
    EXPECT_FALSE(rows);
    EXPECT_FALSE(load_dataset(*engine_, spec_, folder_ / "cleaned.parquet", 0));
    return !rows && rows.error().code == core::ErrorCode::kInvalidArgument;
  };
  write("SELECT * FROM (VALUES ('1', 1::DOUBLE), ('x', 2)) t(texted, number)");
  spec_.columns = {{.name = "texted", .type = ColumnType::kNumber}};
  EXPECT_TRUE(refused());
  write("SELECT * FROM (VALUES ('1', 1::DOUBLE), ('2', 'inf'::DOUBLE)) t(texted, number)");
  spec_.columns = {{.name = "number", .type = ColumnType::kNumber}};
  EXPECT_TRUE(refused());
  write("SELECT * FROM (VALUES ('1'), (' NA ')) t(texted)");
  spec_.columns = {{.name = "texted", .type = ColumnType::kText, .is_required = true}};
  EXPECT_TRUE(refused());
}

TEST_F(DirectQuery, FindsARangeOfRowsByTheirNumber) {
  write("SELECT i * 2 AS x FROM range(300000) t(i)");
  spec_.columns = {{.name = "x", .type = ColumnType::kInteger}};
  const auto query = direct();
  ASSERT_TRUE(query);
  EXPECT_EQ(
      *engine_->query_integer(fmt::format("SELECT min(x) + max(x) + count(*) FROM ({}) WHERE "
                                          "file_row_number >= 250000 AND file_row_number < 250010",
                                          *query)),
      500'000 + 500'018 + 10);
}

TEST_F(DirectQuery, IsNothingWhereAPassOfItsOwnIsNeeded) {
  write("SELECT 1 AS file_row_number, 'a' AS plan");
  spec_.columns = {{.name = "plan", .type = ColumnType::kText}};
  EXPECT_FALSE(direct()) << "the name that the engine gives to row numbers is taken";
  write("SELECT 1 AS id, 'a' AS plan");
  EXPECT_TRUE(direct());
  spec_.id = "id";
  EXPECT_FALSE(direct()) << "keys are checked";
  spec_.id.clear();
  spec_.columns[0].is_inferred = true;
  EXPECT_FALSE(direct());
  spec_.columns[0].is_inferred = false;
  spec_.source = folder_ / "in.csv";
  std::ofstream(spec_.source) << "plan,x\na,1\n";
  EXPECT_FALSE(direct());
}

}  // namespace
}  // namespace tenure::data
